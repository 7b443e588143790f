using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Tests.Hosting;

public sealed class EngineWorkerTests
{
    [Test]
    public void EventsComeAsPromptThenTokensThenOutputFinishedThenFinished()
    {
        using EngineWorker worker = Worker();
        CollectingSink sink = Run(worker, "hello", new SamplingParams { MaxTokens = 3, IgnoreEos = true });
        RequestEventKind[] expected =
        [
            RequestEventKind.Prompt, RequestEventKind.Token, RequestEventKind.Token, RequestEventKind.Token,
            RequestEventKind.OutputFinished, RequestEventKind.Finished,
        ];
        Assert.That(sink.Events.Select(e => e.Kind), Is.EqualTo(expected));
    }

    [Test]
    public void ThePromptEventCarriesTheIds()
    {
        using EngineWorker worker = Worker();
        CollectingSink sink = Run(worker, "hi", new SamplingParams());
        Assert.That(sink.Events[0].PromptTokenIds, Is.EqualTo(new[] { FakeTokenizer.BosId, 'h', 'i' }));
    }

    [Test]
    public void MaxTokensEndsWithLength()
    {
        using EngineWorker worker = Worker();
        CollectingSink sink = Run(worker, "hello", new SamplingParams { MaxTokens = 5, IgnoreEos = true });
        Assert.That(sink.OutputFinished().FinishReason, Is.EqualTo(FinishReason.Length));
        Assert.That(sink.Tokens(), Has.Length.EqualTo(5));
    }

    [Test]
    public void WithoutMaxTokensTheModelsLengthEndsIt()
    {
        using EngineWorker worker = Worker("fake:max_model_len=50,eos_period=0");
        CollectingSink sink = Run(worker, "123456789", new SamplingParams { MaxTokens = null });
        Assert.That(sink.Tokens(), Has.Length.EqualTo(40));
        Assert.That(sink.OutputFinished().FinishReason, Is.EqualTo(FinishReason.Length));
    }

    [Test]
    public void EndOfSequenceStopsWithoutAReasonAndWithoutText()
    {
        using EngineWorker worker = Worker("fake:eos_period=1");
        CollectingSink sink = Run(worker, "hello", new SamplingParams());
        Assert.That(sink.Tokens(), Is.EqualTo(new[] { FakeTokenizer.EosId }));
        Assert.That(sink.Text(), Is.Empty);
        Assert.That(sink.OutputFinished().FinishReason, Is.EqualTo(FinishReason.Stop));
        Assert.That(sink.OutputFinished().StopReason, Is.Null);
    }

    [Test]
    public void AStopTokenIdIsTheStopReason()
    {
        using EngineWorker worker = Worker();
        CollectingSink sink = Run(worker, "hello", new SamplingParams
        {
            AllowedTokenIds = ['x'],
            StopTokenIds = ['x'],
        });
        Assert.That(sink.OutputFinished().StopReason, Is.EqualTo((int)'x'));
    }

    [Test]
    public void AStopStringEndsTheOutputAndIsLeftOut()
    {
        using EngineWorker worker = Worker();
        CollectingSink sink = Run(worker, "hello", new SamplingParams
        {
            AllowedTokenIds = ['a'],
            Stop = ["aaa"],
            MaxTokens = 50,
        });
        Assert.That(sink.Text(), Is.Empty);
        Assert.That(sink.Tokens(), Has.Length.EqualTo(3));
        Assert.That(sink.OutputFinished().StopReason, Is.EqualTo("aaa"));
        Assert.That(sink.OutputFinished().FinishReason, Is.EqualTo(FinishReason.Stop));
    }

    [Test]
    public void AStopStringFreesTheBlocksOfItsOutput()
    {
        using EngineWorker worker = Worker();
        Run(worker, "hello", new SamplingParams { AllowedTokenIds = ['a'], Stop = ["aaa"], MaxTokens = 50 });
        Assert.That(worker.Metrics.KvCacheUsage, Is.Zero);
    }

    [Test]
    public void CharactersThatSpanTokensAreNeverSplit()
    {
        using EngineWorker worker = Worker();
        CollectingSink sink = Run(worker, "smile", new SamplingParams
        {
            AllowedTokenIds = [0xF0],
            MaxTokens = 4,
        });
        Assert.That(sink.Text(), Does.Not.Contain("\uD83D"));
        Assert.That(sink.Events.Where(e => e.Kind == RequestEventKind.Token).SkipLast(1)
            .Select(e => e.Text), Has.All.Not.Contain("\uD83D"));
    }

    [Test]
    public void EachOfNOutputsEndsOnceAndTheRequestOnce()
    {
        using EngineWorker worker = Worker();
        CollectingSink sink = Run(worker, "hello", new SamplingParams { N = 4, MaxTokens = 8 });
        Assert.That(sink.Count(RequestEventKind.OutputFinished), Is.EqualTo(4));
        Assert.That(sink.Count(RequestEventKind.Finished), Is.EqualTo(1));
        Assert.That(sink.Count(RequestEventKind.Prompt), Is.EqualTo(1));
        Assert.That(Enumerable.Range(0, 4).Select(i => sink.Text(i)).Distinct().Count(), Is.EqualTo(4));
    }

    [Test]
    public void TheSameSeedGivesTheSameOutputAloneAndInACrowd()
    {
        var sampling = new SamplingParams { N = 2, MaxTokens = 20, Seed = 7 };
        using EngineWorker alone = Worker();
        CollectingSink expected = Run(alone, "hello", sampling);
        using EngineWorker crowded = FakeModel.CreateWorker(
            "fake:", new EngineOptions { NumBlocks = 12, BlockSize = 4, MaxNumBatchedTokens = 7 });
        CollectingSink[] others = [.. Enumerable.Range(0, 20).Select(
            i => Start(crowded, $"h{i}", new SamplingParams { MaxTokens = 20 }))];
        CollectingSink found = Run(crowded, "hello", sampling);
        foreach (CollectingSink other in others)
        {
            other.WaitForEnd();
        }

        Assert.That(found.Tokens(0), Is.EqualTo(expected.Tokens(0)));
        Assert.That(found.Tokens(1), Is.EqualTo(expected.Tokens(1)));
    }

    [Test]
    public void RequestsWithoutASeedDrawDifferentOnes()
    {
        using EngineWorker worker = Worker();
        string first = Run(worker, "hello", new SamplingParams { MaxTokens = 12 }).Text();
        string second = Run(worker, "hello", new SamplingParams { MaxTokens = 12 }).Text();
        Assert.That(second, Is.Not.EqualTo(first));
    }

    [Test]
    public void PromptLogprobsScoreEachTokenButTheFirst()
    {
        using EngineWorker worker = FakeModel.CreateWorker(
            "fake:", new EngineOptions { NumBlocks = 64, BlockSize = 4, MaxNumBatchedTokens = 5 });
        var sampling = new SamplingParams { PromptLogprobs = 2, MaxTokens = 1 };
        Run(worker, "a long prompt", sampling);
        CollectingSink again = Run(worker, "a long prompt", sampling);
        RequestEvent prompt = again.Events[0];
        Assert.That(prompt.PromptLogprobs, Has.Count.EqualTo(14));
        Assert.That(prompt.PromptLogprobs![0], Is.Null);
        Assert.That(prompt.PromptLogprobs.Skip(1).Select(entry => entry![0].TokenId),
            Is.EqualTo(prompt.PromptTokenIds!.Skip(1)));
    }

    [Test]
    public void ARepeatedPromptIsServedFromTheCache()
    {
        using EngineWorker worker = FakeModel.CreateWorker("fake:", new EngineOptions { BlockSize = 4 });
        string prompt = new('p', 40);
        Run(worker, prompt, new SamplingParams());
        CollectingSink sink = Run(worker, prompt, new SamplingParams());
        Assert.That(sink.Events[0].NumCachedTokens, Is.EqualTo(40));
        Assert.That(worker.Metrics.PrefixCacheHits, Is.EqualTo(40));
    }

    [Test]
    public void AnotherSaltMissesTheCache()
    {
        using EngineWorker worker = FakeModel.CreateWorker("fake:", new EngineOptions { BlockSize = 4 });
        foreach (string? salt in (string?[])[null, "a", "b"])
        {
            var sink = new CollectingSink();
            worker.Submit(new GenerationRequest { Prompt = new('p', 40), CacheSalt = salt }, sink);
            Assert.That(sink.WaitForEnd().Events[0].NumCachedTokens, Is.Zero, salt);
        }
    }

    [Test]
    public void MetricsCountWhatHappened()
    {
        using EngineWorker worker = Worker();
        Run(worker, "four", new SamplingParams { MaxTokens = 6, IgnoreEos = true });
        EngineMetricsSnapshot metrics = worker.Metrics;
        Assert.That(metrics.PromptTokens, Is.EqualTo(5));
        Assert.That(metrics.GenerationTokens, Is.EqualTo(6));
        Assert.That(metrics.OutputsFinished(FinishReason.Length), Is.EqualTo(1));
        Assert.That(metrics.TimeToFirstToken.Count, Is.EqualTo(1));
        Assert.That(metrics.InterTokenLatency.Count, Is.EqualTo(5));
        Assert.That(metrics.IterationTokens.Sum, Is.EqualTo(10));
        Assert.That(metrics.NumSteps, Is.EqualTo(6));
    }

    [Test]
    public void TheEngineThreadSleepsWhenIdle()
    {
        using EngineWorker worker = Worker();
        Run(worker, "hello", new SamplingParams());
        long steps = worker.Metrics.NumSteps;
        Thread.Sleep(50);
        Assert.That(worker.Metrics.NumSteps, Is.EqualTo(steps));
        Assert.That(worker.Health.IsHealthy);
    }

    internal static EngineWorker Worker(string model = "fake:") =>
        FakeModel.CreateWorker(model, new EngineOptions());

    internal static CollectingSink Start(EngineWorker worker, string prompt, SamplingParams sampling)
    {
        var sink = new CollectingSink();
        worker.Submit(new GenerationRequest { Prompt = prompt, Sampling = sampling }, sink);
        return sink;
    }

    internal static CollectingSink Run(EngineWorker worker, string prompt, SamplingParams sampling) =>
        Start(worker, prompt, sampling).WaitForEnd();
}
