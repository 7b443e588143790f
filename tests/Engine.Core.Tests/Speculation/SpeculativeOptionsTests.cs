using Engine.Speculation;

namespace Engine.Tests.Speculation;

public sealed class SpeculativeOptionsTests
{
    [Test]
    public void AnNgramConfigIsReadAsInVllm()
    {
        SpeculativeOptions options = SpeculativeOptions.Parse(
            """{"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 4, "prompt_lookup_min": 2}""");
        Assert.That(options, Is.EqualTo(new SpeculativeOptions
        {
            Method = SpeculativeMethod.Ngram,
            NumSpeculativeTokens = 3,
            PromptLookupMax = 4,
            PromptLookupMin = 2,
        }));
    }

    [TestCase("", 16, 2)]
    [TestCase(""", "prompt_lookup_max": 3""", 3, 3)]
    [TestCase(""", "prompt_lookup_min": 2""", 2, 2)]
    public void LookupSizesThatAreLeftOutFollowTheOther(string more, int longest, int shortest)
    {
        SpeculativeOptions options = SpeculativeOptions.Parse(
            $$"""{"method": "ngram", "num_speculative_tokens": 3{{more}}}""");
        Assert.That((options.PromptLookupMax, options.PromptLookupMin), Is.EqualTo((longest, shortest)));
    }

    [Test]
    public void AModelWithoutMethodIsADraftModel() => Assert.That(
        SpeculativeOptions.Parse("""{"model": "draft", "num_speculative_tokens": 2}""").Method,
        Is.EqualTo(SpeculativeMethod.DraftModel));

    [TestCase("[]", "expected an object")]
    [TestCase("{", "not JSON")]
    [TestCase("{}", "method")]
    [TestCase("""{"method": "medusa", "num_speculative_tokens": 1}""", "medusa")]
    [TestCase("""{"method": "ngram"}""", "num_speculative_tokens")]
    [TestCase("""{"method": "ngram", "num_speculative_tokens": 0}""", "found 0")]
    [TestCase("""{"method": "ngram", "num_speculative_tokens": 65}""", "found 65")]
    [TestCase("""{"method": "ngram", "num_speculative_tokens": "4"}""", "\"4\"")]
    [TestCase("""{"method": "ngram", "num_speculative_tokens": 1e99}""", "1e99")]
    [TestCase("""{"method": "ngram", "num_speculative_token": 4}""", "did you mean num_speculative_tokens")]
    [TestCase("""{"method": "ngram", "num_speculative_tokens": 4, "adaptive": 1}""", "adaptive")]
    [TestCase("""{"method": "eagle", "num_speculative_tokens": 4}""", "model")]
    [TestCase(
        """{"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_max": 2, "prompt_lookup_min": 3}""",
        "3 and 2")]
    public void WhatCannotBeNamesItsKey(string json, string said)
    {
        EngineException? e = Assert.Throws<EngineException>(() => SpeculativeOptions.Parse(json));
        Assert.That(e!.Status, Is.EqualTo(EngineStatus.InvalidArgument));
        Assert.That(e.Parameter, Is.EqualTo("speculative_config"));
        Assert.That(e.Message, Does.Contain(said));
    }
}
