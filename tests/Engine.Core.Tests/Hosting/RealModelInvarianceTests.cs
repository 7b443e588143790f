using Engine.Hosting;
using Engine.Sampling;
using Engine.Tests.Speculation;

namespace Engine.Tests.Hosting;

/// <summary>With the demo model: sampled tokens and bits of logprobs depend on the request alone.</summary>
public sealed class RealModelInvarianceTests
{
    private static readonly string[] Prompts =
    [
        "Once upon a time", "Once upon a time there was", "The cat", "A", "One day a girl named Lily went",
    ];

    private static readonly string?[] Drafts =
    [
        null,
        """{"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_min": 1, "adaptive": false}""",
        """{"method": "draft_model", "model": "demo-model/draft", "num_speculative_tokens": 3, "adaptive": false}""",
        """{"method": "eagle", "model": "demo-model/eagle", "num_speculative_tokens": 5, "adaptive": false}""",
        """{"method": "draft_model", "model": "demo-model/draft", "num_speculative_tokens": 6}""",
    ];

    [TestCaseSource(nameof(Cases))]
    public void AreAsAlone(string? speculative, string how, int numBlocks, int budget, int numRestarts, string kvType)
    {
        TestContext.Out.WriteLine(how);
        using LoadedModel model = LoadedModel.Load(
            new ModelLoadOptions { Model = Path.Combine(TestPaths.Root, "demo-model", "model") });
        string[] expected;
        using (var calm = new EngineWorker(model, new EngineOptions
        {
            MaxNumSeqs = 1,
            NumBlocks = 64,
            KvCacheDtype = kvType,
        }))
        {
            expected = [.. Prompts.Select((p, i) => Describe(Start(calm, p, i).WaitForEnd()))];
        }

        var options = new EngineOptions
        {
            NumBlocks = numBlocks,
            KvCacheDtype = kvType,
            MaxNumBatchedTokens = budget,
            MaxModelLen = 100,
            MaxNumSeqs = 16,
            Speculative = speculative == null ? null : DemoDrafts.Options(speculative),
        };
        using var worker = new EngineWorker(model, options);
        CollectingSink[] sinks = [.. Prompts.Select((p, i) => Start(worker, p, i))];
        for (int i = 0; i < numRestarts; i++)
        {
            sinks[i].WaitForToken();
            worker.ResetPrefixCache(restartRunning: true);
        }

        foreach (CollectingSink sink in sinks)
        {
            Assert.That(sink.WaitForEnd().Last.Error?.Message, Is.Null);
        }

        Assert.That(sinks.Select(sink => Describe(sink.WaitForEnd())), Is.EqualTo(expected));
        if (numBlocks == 7)
        {
            Assert.That(worker.Metrics.NumPreemptions, Is.Positive);
        }
    }

    private static IEnumerable<TestCaseData> Cases()
    {
        foreach (string? drafts in Drafts)
        {
            yield return new TestCaseData(drafts, "RequestsAtOnce", 256, 2048, 0, "auto");
            yield return new TestCaseData(drafts, "PreemptedRequests", 7, 2048, 0, "auto");
            yield return new TestCaseData(drafts, "ChunkedRequests", 64, 3, 0, "auto");
            yield return new TestCaseData(drafts, "RequestsThatStartOver", 16, 16, 5, "auto");
        }

        yield return new TestCaseData(null, "PreemptedRequests", 7, 2048, 0, "int8");
        yield return new TestCaseData(Drafts[1], "ChunkedRequests", 64, 3, 0, "fp8");
    }

    private static CollectingSink Start(EngineWorker worker, string prompt, int seed)
    {
        var sampling = new SamplingParams
        {
            N = 2,
            MaxTokens = 24,
            Seed = seed,
            Logprobs = 3,
            PromptLogprobs = 1,
            PresencePenalty = 0.5f,
        };
        return EngineWorkerTests.Start(worker, prompt, sampling);
    }

    private static string Describe(CollectingSink sink) => string.Join('\n', sink.Events
        .Where(e => e.Kind is RequestEventKind.Token or RequestEventKind.Prompt)
        .OrderBy(e => e.OutputIndex)
        .Select(e => $"{e.OutputIndex} {e.TokenId} {Bits(e.Logprobs)} | "
            + string.Join(' ', e.PromptLogprobs?.Select(Bits) ?? [])));

    private static string Bits(IReadOnlyList<TokenLogprob>? logprobs) => string.Join(
        ',', logprobs?.Select(l => $"{l.TokenId}:{BitConverter.SingleToInt32Bits(l.Logprob):x}:{l.Rank}") ?? []);
}
