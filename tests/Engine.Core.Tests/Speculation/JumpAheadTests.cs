using Engine.Grammar;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Tests.Hosting;

namespace Engine.Tests.Speculation;

/// <summary>With the demo model: tokens that a grammar gives away come in fewer steps, and are the same.</summary>
public sealed class JumpAheadTests
{
    private const string Prompt = "Once upon a time";

    private const string Person = """
        {"type":"object","properties":{"firstName":{"type":"string","maxLength":8},"familyName":{"type":"string",
        "maxLength":8},"isGrownUp":{"type":"boolean"},"favouriteColours":{"type":"array","maxItems":2,
        "items":{"enum":["ultramarine","vermilion"]}}},"required":["firstName","familyName","isGrownUp",
        "favouriteColours"],"additionalProperties":false}
        """;

    private LoadedModel _model = null!;
    private EngineWorker _worker = null!;

    [OneTimeSetUp]
    public void Load()
    {
        _model = LoadedModel.Load(new ModelLoadOptions { Model = Path.Combine(TestPaths.Root, "demo-model", "model") });
        _worker = NewWorker(8, 128);
    }

    [OneTimeTearDown]
    public void Unload()
    {
        _worker?.Dispose();
        _model?.Dispose();
    }

    public static IEnumerable<TestCaseData> Requests()
    {
        var json = new StructuredOutputs { Json = Person };
        SamplingParams greedy = new() { Temperature = 0, MaxTokens = 120, StructuredOutputs = json };
        SamplingParams sampled = greedy with { Temperature = 1, Seed = 3 };
        (string, SamplingParams)[] all =
        [
            ("greedy", greedy),
            ("sampled", sampled),
            ("three outputs", sampled with { N = 3 }),
            ("logprobs", sampled with { Logprobs = 3 }),
            ("one token", greedy with { MaxTokens = 1 }),
            ("cut off", sampled with { MaxTokens = 23 }),
            ("min_tokens", greedy with { MinTokens = 60 }),
            ("stop strings", greedy with { Stop = ["Name\":"] }),
            ("stop ids", sampled with { StopTokenIds = [263, 264, 265] }),
            ("penalties", sampled with { FrequencyPenalty = 0.5f, RepetitionPenalty = 1.2f }),
            ("bad words", sampled with { BadWords = ["name", "\"f"] }),
            ("no repeated ngrams", sampled with { NoRepeatNgramSize = 4 }),
            ("mirostat", sampled with { MirostatMode = 2 }),
            ("one text", greedy with { StructuredOutputs = new() { Choice = ["The quick brown fox jumps over the dog."] } }),
            ("regex", sampled with { StructuredOutputs = new() { Regex = "(one two three|four five six){3}" } }),
            ("grammar", sampled with { StructuredOutputs = new() { Grammar = "root ::= (\"begin\" root \"end\")? \".\"" } }),
            ("tag", sampled with { StructuredOutputs = new() { StructuralTag = """
                {"triggers":["the"],"structures":[{"begin":"the","schema":{"enum":["elephant"]},"end":" stands there."}]}
                """ } }),
            ("a thought's budget", greedy with
            {
                StructuredOutputs = json with { AfterReasoning = "qwen3" },
                ThinkingTokenBudget = 7,
                ReasoningParser = "qwen3",
                StartsInThought = true,
            }),
        ];
        return all.Select(row => new TestCaseData(row.Item2).SetArgDisplayNames(row.Item1));
    }

    [TestCaseSource(nameof(Requests))]
    public void OutputIsThatWithout(SamplingParams sampling) => Assert.That(
        OutputText.Describe(Start(_worker, sampling).WaitForEnd()),
        Is.EqualTo(OutputText.Describe(Start(_worker, sampling with { Speculative = false }).WaitForEnd())));

    [Test]
    public void OutputIsThatWithoutForAllAtOnceInASmallPool()
    {
        SamplingParams[] all = [.. Requests().Select(row => (SamplingParams)row.Arguments[0]!)];
        using EngineWorker small = NewWorker(maxNumSeqs: 6, numBlocks: 20);
        CollectingSink[] expected = [.. all.Select(s => Start(_worker, s with { Speculative = false }))];
        CollectingSink[] found = [.. all.Select(s => Start(small, s))];
        for (int i = 0; i < all.Length; i++)
        {
            Assert.That(
                OutputText.Describe(found[i].WaitForEnd()), Is.EqualTo(OutputText.Describe(expected[i].WaitForEnd())),
                $"{all[i]}");
        }

        Assert.That(small.Metrics.NumPreemptions, Is.Positive);
    }

    [Test]
    public void OutputIsThatWithoutBesideADraftModelToo([ValueSource(nameof(Configs))] string config)
    {
        using EngineWorker drafting = new(_model, new EngineOptions
        {
            MaxNumSeqs = 8,
            NumBlocks = 128,
            MaxModelLen = 256,
            Speculative = DemoDrafts.Options(config),
        });
        SamplingParams[] all = [.. Requests().Select(row => (SamplingParams)row.Arguments[0]!)];
        CollectingSink[] expected = [.. all.Select(s => Start(_worker, s with { Speculative = false }))];
        CollectingSink[] found = [.. all.Select(s => Start(drafting, s))];
        for (int i = 0; i < all.Length; i++)
        {
            Assert.That(
                OutputText.Describe(found[i].WaitForEnd()), Is.EqualTo(OutputText.Describe(expected[i].WaitForEnd())),
                $"{all[i]}");
        }
    }

    [Test]
    [NonParallelizable]
    public void OutputIsTheSameWhereMasksAreLeftToAnotherThread([Values("", 0, 1, 2)] object config)
    {
        SamplingParams[] all = [.. Requests().Select(row => (SamplingParams)row.Arguments[0]!)];
        CollectingSink[] expected = [.. all.Select(s => Start(_worker, s with { Speculative = false }))];
        string[] texts = [.. expected.Select(sink => OutputText.Describe(sink.WaitForEnd()))];
        long work = GrammarState.MaskWork;
        GrammarState.MaskWork = 0;
        try
        {
            using EngineWorker worker = config is int index
                ? new(_model, new EngineOptions
                {
                    MaxNumSeqs = 8,
                    NumBlocks = 128,
                    MaxModelLen = 256,
                    Speculative = DemoDrafts.Options(Configs()[index]),
                })
                : NewWorker(8, 128);
            CollectingSink[] found = [.. all.Select(s => Start(worker, s))];
            for (int i = 0; i < all.Length; i++)
            {
                Assert.That(OutputText.Describe(found[i].WaitForEnd()), Is.EqualTo(texts[i]), $"{all[i]}");
            }
        }
        finally
        {
            GrammarState.MaskWork = work;
        }
    }

    [Test]
    public void OutputComesInFewerSteps()
    {
        using EngineWorker worker = NewWorker(1, 64);
        var sampling = new SamplingParams
        {
            Temperature = 0,
            MaxTokens = 120,
            StructuredOutputs = new StructuredOutputs
            {
                Grammar = """
                    root ::= "{\"firstName\":\"" [A-Za-z]{1,8} "\",\"isGrownUp\":" ("true" | "false") ",\"colours\":[" colour "]}"
                    colour ::= "\"blue\"" | "\"red\""
                    """,
            },
        };
        Start(worker, sampling).WaitForEnd();
        var metrics = worker.Metrics;
        TestContext.Out.WriteLine(
            $"{metrics.GenerationTokens} tokens in {metrics.NumSteps} steps; {metrics.JumpAheadNumAcceptedTokens} of "
                + $"{metrics.JumpAheadNumTokens} accepted");
        Assert.That(metrics.NumSteps, Is.EqualTo(metrics.GenerationTokens - metrics.JumpAheadNumAcceptedTokens));
        Assert.That(metrics.JumpAheadNumAcceptedTokens, Is.Positive);
        Assert.That(metrics.SpecDecodeNumDrafts, Is.Zero);
    }

    private static string[] Configs() =>
    [
        """{"method": "ngram", "num_speculative_tokens": 5, "prompt_lookup_min": 1, "adaptive": false}""",
        """{"method": "draft_model", "model": "demo-model/draft", "num_speculative_tokens": 4, "adaptive": false}""",
        """{"method": "eagle", "model": "demo-model/eagle", "num_speculative_tokens": 3, "adaptive": false}""",
    ];

    private static CollectingSink Start(EngineWorker worker, SamplingParams sampling) =>
        EngineWorkerTests.Start(worker, Prompt, sampling);

    private EngineWorker NewWorker(int maxNumSeqs, int numBlocks) => new(
        _model, new EngineOptions { MaxNumSeqs = maxNumSeqs, NumBlocks = numBlocks, MaxModelLen = 256 });
}
