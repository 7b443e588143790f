using System.Text;
using System.Text.Json;
using Engine.Sampling;

namespace Engine.Tests.Sampling;

[TestFixture]
public sealed class SamplingJsonTests
{
    [Test]
    public void EveryFieldIsReadByItsNameAndWrittenBack()
    {
        const string json = """
            {"n":3,"temperature":0.5,"top_p":0.9,"top_k":7,"min_p":0.25,"typical_p":0.75,"top_n_sigma":1.5,
            "presence_penalty":-1,"frequency_penalty":0.5,"repetition_penalty":1.25,"logit_bias":{"3":2.5},
            "allowed_token_ids":[1,2],"bad_words":["a"],"no_repeat_ngram_size":2,"dry_multiplier":0.5,
            "dry_base":2,"dry_allowed_length":3,"dry_penalty_last_n":64,"dry_sequence_breakers":[";"],
            "xtc_probability":0.5,"xtc_threshold":0.25,"dynatemp_range":0.5,"dynatemp_exponent":2,
            "mirostat_mode":2,"mirostat_tau":3,"mirostat_eta":0.25,"structured_outputs":{"regex":"ab"},"stop":["x","y"],"stop_token_ids":[4],
            "include_stop_str_in_output":true,"ignore_eos":true,"max_tokens":9,"min_tokens":1,"seed":5,
            "logprobs":2,"logprob_token_ids":[6,7],"prompt_logprobs":3,
            "repetition_detection":{"max_pattern_size":4,"min_pattern_size":2,"min_count":3},"thinking_token_budget":9,
            "reasoning_parser":"qwen3","starts_in_thought":true,"detokenize":false,"skip_special_tokens":false,
            "spaces_between_special_tokens":false,"speculative":false,"output_kind":2}
            """;
        using JsonDocument document = JsonDocument.Parse(json);
        string[] names = [.. document.RootElement.EnumerateObject().Select(item => item.Name)];
        Assert.That(names, Is.EqualTo(SamplingSchema.Fields.Select(field => field.Name)));
        SamplingParams p = SamplingJson.Read(document.RootElement);
        Assert.That(SamplingJson.Write(p), Is.EqualTo(json.ReplaceLineEndings("")));
    }

    [Test]
    public void NullIsTheDefaultExceptForMaxTokensWhereItIsNoLimit()
    {
        string nulls = string.Join(',', SamplingSchema.Fields.Select(field => $"\"{field.Name}\":null"));
        SamplingParams p = SamplingJson.Read(Encoding.UTF8.GetBytes("{" + nulls + "}"));
        Assert.That(p, Is.EqualTo(new SamplingParams { MaxTokens = null }));
    }

    [Test]
    public void AnUnknownKeyIsRefusedWithTheNearestOne()
    {
        Assert.That(() => SamplingJson.Read("""{"temprature":1}"""u8),
            Throws.InstanceOf<EngineException>()
                .With.Property(nameof(EngineException.Parameter)).EqualTo("temprature")
                .And.Message.Contains("temperature"));
    }

    [Test]
    public void AKeyLikeNoOtherIsRefusedWithoutAGuess()
    {
        Assert.That(() => SamplingJson.Read("""{"zzzzzzzz":1}"""u8),
            Throws.InstanceOf<EngineException>().With.Message.Not.Contains("did you mean"));
    }

    [TestCase("{\"temperature\":\"1\"}", "temperature")]
    [TestCase("{\"temperature\":true}", "temperature")]
    [TestCase("{\"n\":1.5}", "n")]
    [TestCase("{\"n\":99999999999}", "n")]
    [TestCase("{\"ignore_eos\":1}", "ignore_eos")]
    [TestCase("{\"stop\":5}", "stop")]
    [TestCase("{\"stop\":[5]}", "stop")]
    [TestCase("{\"bad_words\":\"a\"}", "bad_words")]
    [TestCase("{\"stop_token_ids\":[1.5]}", "stop_token_ids")]
    [TestCase("{\"stop_token_ids\":3}", "stop_token_ids")]
    [TestCase("{\"logit_bias\":[1]}", "logit_bias")]
    [TestCase("{\"logit_bias\":{\"1\":\"x\"}}", "logit_bias")]
    [TestCase("{\"seed\":1180591620717411303424}", "seed")]
    [TestCase("{\"output_kind\":\"sometimes\"}", "output_kind")]
    [TestCase("{\"extra_args\":{\"extra_args\":{}}}", "extra_args")]
    [TestCase("[1]", "sampling_params")]
    [TestCase("{\"n\":1", "sampling_params")]
    [TestCase("{} {}", "sampling_params")]
    public void AWrongTypeIsRefusedByName(string json, string field)
    {
        Assert.That(() => SamplingJson.Read(Encoding.UTF8.GetBytes(json)),
            Throws.InstanceOf<EngineException>()
                .With.Property(nameof(EngineException.Status)).EqualTo(EngineStatus.InvalidArgument)
                .And.Property(nameof(EngineException.Parameter)).EqualTo(field));
    }

    [Test]
    public void ExtraArgsHoldMoreParameters()
    {
        SamplingParams p = SamplingJson.Read("""{"top_k":5,"extra_args":{"dry_multiplier":0.8}}"""u8);
        Assert.That((p.TopK, p.DryMultiplier), Is.EqualTo((5, 0.8f)));
    }

    [Test]
    public void AStopMayBeOneString()
    {
        Assert.That(SamplingJson.Read("""{"stop":"x"}"""u8).Stop, Is.EqualTo(new[] { "x" }));
    }

    [Test]
    public void ATinyTemperatureIsNotGreedy()
    {
        Assert.That(SamplingJson.Read("""{"temperature":1e-60}"""u8).IsGreedy, Is.False);
    }
}
