using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Tests.Hosting;

public sealed class EngineWorkerFaultTests
{
    private static readonly SamplingParams Endless = new() { MaxTokens = null, IgnoreEos = true };

    [Test]
    public void CancelEndsOutputsWithAbortAndTheRequestWithFinished()
    {
        using EngineWorker worker = EngineWorkerTests.Worker("fake:delay_ms=1,eos_period=0");
        CollectingSink sink = EngineWorkerTests.Start(worker, "hello", Endless);
        sink.WaitForToken();
        Assert.That(worker.Cancel(sink.Events[0].Id));
        sink.WaitForEnd();
        Assert.That(sink.OutputFinished().FinishReason, Is.EqualTo(FinishReason.Abort));
        Assert.That(sink.Last.Kind, Is.EqualTo(RequestEventKind.Finished));
        Assert.That(worker.Metrics.KvCacheUsage, Is.Zero);
    }

    [Test]
    public void CancelIsIdempotentAndUnknownIdsAreIgnored()
    {
        using EngineWorker worker = EngineWorkerTests.Worker("fake:delay_ms=1,eos_period=0");
        var sink = new CollectingSink();
        RequestHandle handle = worker.Submit(
            new GenerationRequest { Prompt = "x", Sampling = Endless }, sink);
        handle.Cancel();
        handle.Cancel();
        sink.WaitForEnd();
        handle.Cancel();
        Assert.That(worker.Cancel(handle.Id), Is.False);
        Assert.That(handle.IsFinished);
        Assert.That(sink.Count(RequestEventKind.Finished), Is.EqualTo(1));
    }

    [Test]
    public void AFullQueueIsWouldBlock()
    {
        using EngineWorker worker = FakeModel.CreateWorker(
            "fake:delay_ms=2,eos_period=0", new EngineOptions { MaxNumSeqs = 1, MaxQueueSize = 3 });
        CollectingSink running = EngineWorkerTests.Start(worker, "x", Endless);
        running.WaitForToken();
        CollectingSink[] waiting = [.. Enumerable.Range(0, 3).Select(
            _ => EngineWorkerTests.Start(worker, "y", new SamplingParams { MaxTokens = 1 }))];
        EngineException? error = Assert.Throws<EngineException>(
            () => EngineWorkerTests.Start(worker, "z", new SamplingParams()));
        Assert.That(error!.Status, Is.EqualTo(EngineStatus.WouldBlock));
        Assert.That(error.Retryable);
        worker.Cancel(running.Events[0].Id);
        Assert.That(waiting.Select(sink => sink.WaitForEnd().Last.Kind),
            Has.All.EqualTo(RequestEventKind.Finished));
        EngineWorkerTests.Run(worker, "z", new SamplingParams());
    }

    [TestCase("", null, "prompt")]
    [TestCase(null, new int[0], "prompt")]
    [TestCase(null, new[] { -1 }, "prompt")]
    [TestCase(null, new[] { 258 }, "prompt")]
    [TestCase(null, new[] { int.MaxValue }, "prompt")]
    [TestCase(null, null, "prompt")]
    [TestCase("both", new[] { 1 }, "prompt")]
    public void ABadPromptIsRefusedByName(string? text, int[]? ids, string parameter)
    {
        using EngineWorker worker = EngineWorkerTests.Worker();
        EngineException? error = Assert.Throws<EngineException>(() => worker.Submit(
            new GenerationRequest { Prompt = text, PromptTokenIds = ids, AddSpecialTokens = false },
            new CollectingSink()));
        Assert.That(error!.Status, Is.EqualTo(EngineStatus.InvalidArgument));
        Assert.That(error.Parameter, Is.EqualTo(parameter));
        Assert.That(worker.NumLive, Is.Zero);
    }

    [Test]
    public void APromptWithoutRoomForOutputIsRefused()
    {
        using EngineWorker worker = EngineWorkerTests.Worker("fake:max_model_len=10");
        Assert.Throws<EngineException>(
            () => EngineWorkerTests.Start(worker, "123456789", new SamplingParams { MaxTokens = 1 }));
        CollectingSink sink = EngineWorkerTests.Run(
            worker, "12345678", new SamplingParams { IgnoreEos = true });
        Assert.That(sink.Tokens(), Has.Length.EqualTo(1));
    }

    [Test]
    public void APromptThatFitsTheModelButNotThePoolIsRefusedAtOnce()
    {
        using EngineWorker worker = FakeModel.CreateWorker(
            "fake:", new EngineOptions { NumBlocks = 3, BlockSize = 4 });
        EngineException? error = Assert.Throws<EngineException>(
            () => EngineWorkerTests.Start(worker, "123456789012", new SamplingParams { MaxTokens = 1 }));
        Assert.That(error!.Parameter, Is.EqualTo("prompt"));
        EngineWorkerTests.Run(worker, "12345678901", new SamplingParams { MaxTokens = 1 });
    }

    [Test]
    public void OutputThatCannotFitThePoolIsRefusedUnlessItsLengthWasLeftOpen()
    {
        using EngineWorker worker = FakeModel.CreateWorker(
            "fake:eos_period=0", new EngineOptions { NumBlocks = 3, BlockSize = 4 });
        EngineException? error = Assert.Throws<EngineException>(
            () => EngineWorkerTests.Start(worker, "1234567", new SamplingParams { MaxTokens = 6 }));
        Assert.That(error!.Parameter, Is.EqualTo("max_tokens"));
        CollectingSink sink = EngineWorkerTests.Run(
            worker, "1234567", new SamplingParams { MaxTokens = null });
        Assert.That(sink.Tokens(), Has.Length.EqualTo(5));
    }

    [Test]
    public void ABadParameterIsRefusedByName()
    {
        using EngineWorker worker = EngineWorkerTests.Worker();
        EngineException? error = Assert.Throws<EngineException>(
            () => EngineWorkerTests.Start(worker, "x", new SamplingParams { TopP = float.NaN }));
        Assert.That(error!.Parameter, Is.EqualTo("top_p"));
    }

    [Test]
    public void OneRequestsErrorIsItsOwn()
    {
        using EngineWorker worker = EngineWorkerTests.Worker("fake:error_token=33");
        CollectingSink good = EngineWorkerTests.Start(worker, "fine", new SamplingParams { MaxTokens = 30 });
        CollectingSink bad = EngineWorkerTests.Run(worker, "bad!", new SamplingParams { N = 2 });
        Assert.That(bad.Last.Kind, Is.EqualTo(RequestEventKind.Failed));
        Assert.That(bad.Last.Error!.Message, Does.Contain("token 33"));
        Assert.That(bad.Count(RequestEventKind.OutputFinished), Is.EqualTo(2));
        Assert.That(good.WaitForEnd().Last.Kind, Is.EqualTo(RequestEventKind.Finished));
        Assert.That(worker.Health.IsHealthy);
    }

    [TestCase("fake:fail_at=3,eos_period=0", "injected device error")]
    [TestCase("fake:throw_at=3,eos_period=0", "injected exception")]
    public void ADeviceErrorFailsEveryRequestAndTheEngine(string model, string message)
    {
        using EngineWorker worker = EngineWorkerTests.Worker(model);
        List<CollectingSink> sinks = StartUntilItFails(worker, 3, Endless);
        foreach (CollectingSink sink in sinks)
        {
            Assert.That(sink.WaitForEnd().Last.Error!.Status, Is.EqualTo(EngineStatus.EngineFailed));
        }

        Assert.That(sinks, Is.Not.Empty);
        Assert.That(worker.Health.State, Is.EqualTo(EngineHealthState.Failed));
        Assert.That(worker.Health.Message, Does.Contain(message));
        EngineException? error = Assert.Throws<EngineException>(
            () => EngineWorkerTests.Start(worker, "late", new SamplingParams()));
        Assert.That(error!.Status, Is.EqualTo(EngineStatus.EngineFailed));
    }

    [Test]
    public void RunningOutOfMemoryOnceChangesNothing()
    {
        var sampling = new SamplingParams { MaxTokens = 20, Seed = 1 };
        using EngineWorker calm = EngineWorkerTests.Worker();
        using EngineWorker tight = EngineWorkerTests.Worker("fake:oom_at=4");
        Assert.That(EngineWorkerTests.Run(tight, "hello", sampling).Tokens(),
            Is.EqualTo(EngineWorkerTests.Run(calm, "hello", sampling).Tokens()));
    }

    [Test]
    public void AHangingStepIsStalledThenHealthyAgain()
    {
        using EngineWorker worker = FakeModel.CreateWorker(
            "fake:hang_at=2,hang_ms=400", new EngineOptions { StallThresholdSeconds = 0.1 });
        CollectingSink sink = EngineWorkerTests.Start(
            worker, "hello", new SamplingParams { MaxTokens = 5, IgnoreEos = true });
        sink.WaitForToken();
        Assert.That(() => worker.Health.State, Is.EqualTo(EngineHealthState.Stalled).After(5000, 5));
        sink.WaitForEnd();
        Assert.That(worker.Health.IsHealthy);
    }

    [Test]
    public void ASinkThatThrowsLosesItsRequestOnly()
    {
        using EngineWorker worker = EngineWorkerTests.Worker("fake:eos_period=0");
        var broken = new CollectingSink { OnEach = _ => throw new InvalidOperationException("host") };
        worker.Submit(new GenerationRequest { Prompt = "x", Sampling = Endless }, broken);
        EngineWorkerTests.Run(worker, "y", new SamplingParams { MaxTokens = 9 });
        Assert.That(() => worker.NumLive, Is.Zero.After(5000, 5));
        Assert.That(broken.Events, Has.Length.EqualTo(1));
        Assert.That(worker.Health.IsHealthy);
    }

    [Test]
    public void ShutdownDrainsWhatRuns()
    {
        using EngineWorker worker = EngineWorkerTests.Worker("fake:delay_ms=1");
        CollectingSink sink = EngineWorkerTests.Start(worker, "hello", new SamplingParams { MaxTokens = 9 });
        Assert.That(worker.Shutdown(TimeSpan.FromSeconds(20)));
        Assert.That(sink.WaitForEnd().OutputFinished().FinishReason, Is.Not.EqualTo(FinishReason.Abort));
        EngineException? error = Assert.Throws<EngineException>(
            () => EngineWorkerTests.Start(worker, "late", new SamplingParams()));
        Assert.That(error!.Status, Is.EqualTo(EngineStatus.ShuttingDown));
    }

    [Test]
    public void ShutdownCancelsWhatDoesNotEndInTime()
    {
        using EngineWorker worker = EngineWorkerTests.Worker("fake:delay_ms=1,eos_period=0");
        CollectingSink sink = EngineWorkerTests.Start(worker, "hello", Endless);
        sink.WaitForToken();
        Assert.That(worker.Shutdown(TimeSpan.FromMilliseconds(20)), Is.False);
        Assert.That(sink.WaitForEnd().OutputFinished().FinishReason, Is.EqualTo(FinishReason.Abort));
        Assert.That(worker.Shutdown(TimeSpan.Zero), Is.False);
    }

    [Test]
    public void DisposeWaitsForTheStepUnderWay()
    {
        var worker = EngineWorkerTests.Worker("fake:hang_at=2,hang_ms=300,eos_period=0");
        CollectingSink sink = EngineWorkerTests.Start(worker, "x", Endless);
        sink.WaitForToken();
        worker.Dispose();
        Assert.That(sink.WaitForEnd().OutputFinished().FinishReason, Is.EqualTo(FinishReason.Abort));
        Assert.That(worker.NumLive, Is.Zero);
    }

    [Test]
    public void ShutdownFromASinkEndsEverythingWithoutWaiting()
    {
        EngineWorker? worker = null;
        using EngineWorker started = worker = EngineWorkerTests.Worker("fake:delay_ms=5,eos_period=0");
        var sink = new CollectingSink
        {
            OnEach = e =>
            {
                if (e.Kind == RequestEventKind.Token)
                {
                    worker.Dispose();
                }
            },
        };
        started.Submit(new GenerationRequest { Prompt = "x", Sampling = Endless }, sink);
        Assert.That(sink.WaitForEnd().OutputFinished().FinishReason, Is.EqualTo(FinishReason.Abort));
    }

    [Test]
    public void CancelStormsFromManyThreadsLeaveNothingBehind()
    {
        using EngineWorker worker = FakeModel.CreateWorker(
            "fake:eos_period=0", new EngineOptions { NumBlocks = 60, MaxNumSeqs = 16, MaxQueueSize = 100_000 });
        var survivor = new SamplingParams { MaxTokens = 200, Seed = 3, IgnoreEos = true };
        int[] expected = EngineWorkerTests.Run(worker, "survivor", survivor).Tokens();
        CollectingSink[] survivors = [.. Enumerable.Range(0, 4).Select(
            _ => EngineWorkerTests.Start(worker, "survivor", survivor))];
        var sinks = new System.Collections.Concurrent.ConcurrentBag<CollectingSink>();
        Parallel.For(0, 4, thread =>
        {
            var random = new Random(thread);
            for (int i = 0; i < 2500; i++)
            {
                var sink = new CollectingSink();
                sinks.Add(sink);
                RequestHandle handle = worker.Submit(
                    new GenerationRequest
                    {
                        Prompt = new string((char)('a' + random.Next(4)), random.Next(1, 60)),
                        Sampling = new SamplingParams { N = random.Next(1, 4), MaxTokens = 100 },
                    },
                    sink);
                Thread.SpinWait(random.Next(2000));
                handle.Cancel();
            }
        });
        foreach (CollectingSink sink in sinks)
        {
            Assert.That(sink.WaitForEnd().Last.Kind, Is.EqualTo(RequestEventKind.Finished));
        }

        Assert.That(survivors.Select(sink => sink.WaitForEnd().Tokens()), Has.All.EqualTo(expected));
        Assert.That(() => worker.NumLive, Is.Zero.After(2000, 5));
        Assert.That(worker.Metrics.KvCacheUsage, Is.Zero);
    }

    [Test]
    public void ADeviceErrorAtAnyCallEndsEveryRequestExactlyOnce([Range(1, 14)] int call)
    {
        using EngineWorker worker = FakeModel.CreateWorker(
            $"fake:fail_at={call},eos_period=0",
            new EngineOptions { NumBlocks = 14, BlockSize = 2, MaxNumBatchedTokens = 6, MaxNumSeqs = 4 });
        var sampling = new SamplingParams { N = 2, MaxTokens = 8 };
        foreach (CollectingSink sink in StartUntilItFails(worker, 6, sampling))
        {
            sink.WaitForEnd();
            Assert.That(sink.Count(RequestEventKind.OutputFinished), Is.EqualTo(2));
        }

        Assert.That(() => worker.NumLive, Is.Zero.After(2000, 5));
    }

    [Test]
    public void RequestsOfTheSameClientIdAreKeptApart()
    {
        using EngineWorker worker = EngineWorkerTests.Worker();
        CollectingSink[] sinks = [new(), new()];
        RequestHandle[] handles =
        [
            .. sinks.Select(sink => worker.Submit(
                new GenerationRequest { Prompt = "x", RequestId = "same", UserTag = 5 }, sink)),
        ];
        Assert.That(handles.Select(handle => handle.Id), Is.Unique);
        foreach ((CollectingSink sink, RequestHandle handle) in sinks.Zip(handles))
        {
            Assert.That(sink.WaitForEnd().Events.Select(e => e.Id), Has.All.EqualTo(handle.Id));
        }
    }

    /// <summary>The injected error may come between two submits.</summary>
    private static List<CollectingSink> StartUntilItFails(EngineWorker worker, int count, SamplingParams sampling)
    {
        var sinks = new List<CollectingSink>();
        for (int i = 0; i < count; i++)
        {
            try
            {
                sinks.Add(EngineWorkerTests.Start(worker, "abc", sampling));
            }
            catch (EngineException e)
            {
                Assert.That(e.Status, Is.EqualTo(EngineStatus.EngineFailed));
            }
        }

        return sinks;
    }
}
