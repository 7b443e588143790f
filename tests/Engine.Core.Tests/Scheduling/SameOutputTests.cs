using Engine.Speculation;

namespace Engine.Tests.Scheduling;

/// <summary>Tokens, logprobs and prompt logprobs do not depend on how the work was cut up.</summary>
public sealed class SameOutputTests
{
    private static readonly SortedDictionary<(long Id, int Output), string> Expected =
        Run(new EngineOptions { NumBlocks = 1000, BlockSize = 16, EnablePrefixCaching = false });

    [Test]
    public void WhateverTheBudget([Range(1, 24)] int budget) => Check(
        new EngineOptions { NumBlocks = 100, BlockSize = 4, MaxNumBatchedTokens = budget });

    [Test]
    public void WhateverTheBlockSize([Values(1, 2, 3, 5, 8, 16, 64)] int blockSize) => Check(
        new EngineOptions { NumBlocks = 400 / blockSize, BlockSize = blockSize });

    [Test]
    public void WhateverThePool([Range(9, 30)] int numBlocks) => Check(
        new EngineOptions { NumBlocks = numBlocks, BlockSize = 4 });

    [Test]
    public void WhoeverElseRuns([Values(1, 2, 3, 5)] int maxNumSeqs) => Check(
        new EngineOptions { NumBlocks = 100, BlockSize = 4, MaxNumSeqs = maxNumSeqs });

    [Test]
    public void HoweverManyTokensAreDrafted(
        [Values(1, 2, 3, 8)] int numDrafts, [Values(9, 14, 100)] int numBlocks, [Values(3, 20, 200)] int budget) =>
        Check(new EngineOptions
        {
            NumBlocks = numBlocks,
            BlockSize = 4,
            MaxNumBatchedTokens = budget,
            Speculative = new SpeculativeOptions { NumSpeculativeTokens = numDrafts, Adaptive = false },
        });

    [Test]
    public void WhenAllStartOverAfterAnyStep([Range(0, 25)] int step, [Values] bool caches)
    {
        var options = new EngineOptions
        {
            NumBlocks = 40,
            BlockSize = 4,
            MaxNumBatchedTokens = 20,
            EnablePrefixCaching = caches,
        };
        Assert.That(Run(options, afterStep: (harness, i) =>
        {
            if (i == step)
            {
                harness.Engine.ResetPrefixCache(restartRunning: true);
            }
        }), Is.EqualTo(Expected));
    }

    [Test]
    public void WhenAllStartOverAfterEveryThirdStep()
    {
        var options = new EngineOptions { NumBlocks = 40, BlockSize = 4, MaxNumBatchedTokens = 200 };
        Assert.That(Run(options, afterStep: (harness, i) =>
        {
            if (i % 3 == 0)
            {
                harness.Engine.ResetPrefixCache(restartRunning: true);
            }
        }), Is.EqualTo(Expected));
    }

    private static void Check(EngineOptions options) => Assert.That(Run(options), Is.EqualTo(Expected));

    private static SortedDictionary<(long Id, int Output), string> Run(
        EngineOptions options, Action<Harness, int>? afterStep = null)
    {
        var harness = new Harness(options);
        harness.Add(17, maxTokens: 12, logprobs: 2, promptLogprobs: 1);
        harness.Add(17, n: 3, maxTokens: 9, logprobs: 1);
        harness.Add(16, n: 2, maxTokens: 1);
        harness.Add(23, maxTokens: 10, promptLogprobs: 0, priority: -1);
        harness.Add(1, n: 2, maxTokens: 14);
        int steps = 0;
        harness.RunAll(() => afterStep?.Invoke(harness, steps++));
        return harness.Outputs;
    }
}
