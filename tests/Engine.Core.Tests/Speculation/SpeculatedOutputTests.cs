using Engine.Grammar;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Speculation;
using Engine.Tests.Hosting;

namespace Engine.Tests.Speculation;

/// <summary>With the demo model: whatever a request asks for, it gets the same with drafts as without.</summary>
[TestFixture("""{"method": "ngram", "num_speculative_tokens": 5, "prompt_lookup_min": 1, "adaptive": false}""")]
[TestFixture(
    """{"method": "draft_model", "model": "demo-model/draft", "num_speculative_tokens": 4, "adaptive": false}""")]
[TestFixture("""{"method": "eagle", "model": "demo-model/eagle", "num_speculative_tokens": 3, "adaptive": false}""")]
[TestFixture("""{"method": "eagle", "model": "demo-model/eagle", "num_speculative_tokens": 4}""")]
public sealed class SpeculatedOutputTests(string config)
{
    private const string Prompt = "one two three one two three one two three one two";

    private static readonly EngineOptions Plain = new() { MaxNumSeqs = 8, NumBlocks = 64, MaxModelLen = 256 };

    private LoadedModel _model = null!;
    private EngineWorker _plain = null!;
    private EngineWorker _drafting = null!;

    [OneTimeSetUp]
    public void Load()
    {
        _model = LoadedModel.Load(new ModelLoadOptions { Model = Path.Combine(TestPaths.Root, "demo-model", "model") });
        _plain = new EngineWorker(_model, Plain);
        _drafting = NewWorker(8, 64);
    }

    [OneTimeTearDown]
    public void Unload()
    {
        _plain?.Dispose();
        _drafting?.Dispose();
        _model?.Dispose();
    }

    public static IEnumerable<TestCaseData> Requests()
    {
        SamplingParams greedy = new() { Temperature = 0, MaxTokens = 60 };
        SamplingParams sampled = new() { Temperature = 1, Seed = 7, MaxTokens = 60 };
        (string, SamplingParams)[] all =
        [
            ("greedy", greedy),
            ("greedy to the model's length", greedy with { MaxTokens = null, IgnoreEos = true }),
            ("one token", greedy with { MaxTokens = 1 }),
            ("two tokens", greedy with { MaxTokens = 2 }),
            ("sampled", sampled),
            ("truncated", sampled with { TopK = 20, TopP = 0.9f, MinP = 0.01f, TypicalP = 0.95f }),
            ("three outputs", sampled with { N = 3 }),
            ("logprobs", sampled with { Logprobs = 5, PromptLogprobs = 2 }),
            ("penalties", sampled with { FrequencyPenalty = 0.3f, PresencePenalty = 0.2f, RepetitionPenalty = 1.1f }),
            ("bias", sampled with { LogitBias = new Dictionary<int, float> { [300] = 3, [2] = -5 } }),
            ("min_tokens", greedy with { MinTokens = 40 }),
            ("stop ids", greedy with { StopTokenIds = [260, 270, 280, 290, 300, 310, 320] }),
            ("stop strings", greedy with { Stop = ["e t", "wo", "her"] }),
            ("ignore_eos", greedy with { IgnoreEos = true, MaxTokens = 150 }),
            ("no repeated ngrams", sampled with { NoRepeatNgramSize = 3 }),
            ("dry", sampled with { DryMultiplier = 0.8f }),
            ("xtc", sampled with { XtcProbability = 0.5f }),
            ("mirostat", sampled with { MirostatMode = 2 }),
            ("opted out", greedy with { Speculative = false }),
            ("choice", greedy with { StructuredOutputs = new StructuredOutputs { Choice = ["one two three four", "one"] } }),
            ("regex", sampled with { StructuredOutputs = new StructuredOutputs { Regex = "(one|two|three)( (one|two))*" } }),
            ("allowed ids", sampled with { AllowedTokenIds = [260, 261, 262, 263, 264] }),
            ("bad words", greedy with { BadWords = ["two", "the"] }),
            ("a thought's budget", greedy with
                { ThinkingTokenBudget = 7, ReasoningParser = "qwen3", StartsInThought = true }),
        ];
        return all.Select(row => new TestCaseData(row.Item2).SetArgDisplayNames(row.Item1));
    }

    [TestCaseSource(nameof(Requests))]
    public void IsThatWithoutDrafts(SamplingParams sampling)
    {
        string expected = OutputText.Describe(EngineWorkerTests.Start(_plain, Prompt, sampling).WaitForEnd());
        string found = OutputText.Describe(EngineWorkerTests.Start(_drafting, Prompt, sampling).WaitForEnd());
        Assert.That(found, Is.EqualTo(expected));
    }

    [Test]
    public void IsThatWithoutDraftsForAllRequestsAtOnceInASmallPool()
    {
        SamplingParams[] all = [.. Requests().Select(row => (SamplingParams)row.Arguments[0]!)];
        CollectingSink[] expected = [.. all.Select(s => EngineWorkerTests.Start(_plain, Prompt, s))];
        using EngineWorker small = NewWorker(maxNumSeqs: 6, numBlocks: 18);
        CollectingSink[] found = [.. all.Select(s => EngineWorkerTests.Start(small, Prompt, s))];
        for (int i = 0; i < all.Length; i++)
        {
            string wanted = OutputText.Describe(expected[i].WaitForEnd());
            Assert.That(OutputText.Describe(found[i].WaitForEnd()), Is.EqualTo(wanted), $"{all[i]}");
        }

        Assert.That(small.Metrics.NumPreemptions, Is.Positive);
    }

    [Test]
    public void ComesInFewerStepsAndIsCounted()
    {
        using EngineWorker worker = NewWorker(1, 64);
        var sampling = new SamplingParams { Temperature = 0, MaxTokens = 150, IgnoreEos = true };
        EngineWorkerTests.Start(worker, Prompt, sampling).WaitForEnd();
        var metrics = worker.Metrics;
        long accepted = metrics.SpecDecodeNumAcceptedTokens;
        TestContext.Out.WriteLine(
            $"{metrics.NumSteps} steps, {accepted} of {metrics.SpecDecodeNumDraftTokens} drafted tokens accepted");
        Assert.That(accepted, Is.Positive);
        Assert.That(metrics.SpecDecodeAcceptedPerPosition.Sum(), Is.EqualTo(accepted));
        Assert.That(metrics.NumSteps, Is.EqualTo(metrics.GenerationTokens - accepted));
        Assert.That(metrics.SpecDecodeNumDraftTokens, Is.GreaterThanOrEqualTo(accepted));
    }

    [Test]
    public void OfARequestThatOptsOutIsMadeWithoutDrafts()
    {
        using EngineWorker worker = NewWorker(1, 64);
        var sampling = new SamplingParams { Temperature = 0, MaxTokens = 60, Speculative = false };
        EngineWorkerTests.Start(worker, Prompt, sampling).WaitForEnd();
        Assert.That(worker.Metrics.SpecDecodeNumDrafts, Is.Zero);
    }

    private EngineWorker NewWorker(int maxNumSeqs, int numBlocks) => new(_model, new EngineOptions
    {
        MaxNumSeqs = maxNumSeqs,
        NumBlocks = numBlocks,
        MaxModelLen = 256,
        Speculative = DemoDrafts.Options(config),
    });
}
