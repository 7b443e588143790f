using System.Globalization;
using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Tests.Hosting;

/// <summary>An engine that sleeps gives its memory back, and no request notices more than the time.</summary>
public sealed class EngineSleepTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    [Test]
    public async Task KeptRequestsGoOnAsIfNothingHadBeen([Values(0, 1, 2)] int level)
    {
        using EngineWorker worker = Worker("fake:eos_period=0,delay_ms=1");
        int[] undisturbed = Run(worker).WaitForEnd().Tokens();
        CollectingSink sink = Run(worker);
        sink.WaitForToken();
        await worker.SleepAsync(level, SleepMode.Keep).WaitAsync(_limit);
        int numBefore = sink.Tokens().Length;
        await Task.Delay(30);
        int numAsleep = sink.Tokens().Length;
        await worker.WakeUpAsync().WaitAsync(_limit);
        sink.WaitForEnd();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(numBefore, Is.LessThan(undisturbed.Length));
            Assert.That(numAsleep, Is.EqualTo(numBefore));
            Assert.That(sink.Tokens(), Is.EqualTo(undisturbed));
        }
    }

    [Test]
    public async Task AbortedRequestsEndBeforeItSleeps()
    {
        using EngineWorker worker = Worker("fake:eos_period=0,delay_ms=1");
        CollectingSink sink = Run(worker);
        sink.WaitForToken();
        await worker.SleepAsync().WaitAsync(_limit);
        Assert.That(sink.WaitForEnd().OutputFinished().FinishReason, Is.EqualTo(FinishReason.Abort));
        Assert.That(worker.NumLive, Is.Zero);
    }

    [Test]
    public async Task AwaitedRequestsRunToTheirEnd()
    {
        using EngineWorker worker = Worker("fake:eos_period=0,delay_ms=1");
        CollectingSink sink = Run(worker);
        sink.WaitForToken();
        await worker.SleepAsync(1, SleepMode.Wait).WaitAsync(_limit);
        Assert.That(sink.WaitForEnd().OutputFinished().FinishReason, Is.EqualTo(FinishReason.Length));
        Assert.That(worker.IsSleeping);
    }

    [Test]
    public async Task AWaitThatIsCancelledLeavesItAwake()
    {
        using EngineWorker worker = Worker("fake:eos_period=0,delay_ms=5");
        CollectingSink sink = Run(worker, maxTokens: 400);
        using var stop = new CancellationTokenSource(50);
        Assert.CatchAsync<OperationCanceledException>(() => worker.SleepAsync(1, SleepMode.Wait, stop.Token));
        Assert.That(worker.IsSleeping, Is.False);
        int numTokens = sink.Tokens().Length;
        Assert.That(() => sink.Tokens().Length, Is.GreaterThan(numTokens).After(10_000, 10));
        await worker.SleepAsync().WaitAsync(_limit);
    }

    [Test]
    public async Task RequestsOfTheNightAreQueuedAndAnsweredInTheMorning()
    {
        using EngineWorker worker = Worker("fake:eos_period=0", maxQueueSize: 2);
        await worker.SleepAsync().WaitAsync(_limit);
        CollectingSink[] sinks = [Run(worker), Run(worker)];
        EngineException? e = Assert.Throws<EngineException>(() => Run(worker));
        await Task.Delay(30);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(e!.Status, Is.EqualTo(EngineStatus.WouldBlock));
            Assert.That(sinks.Select(sink => sink.Tokens().Length), Is.All.Zero);
            Assert.That(worker.Health.State, Is.EqualTo(EngineHealthState.Healthy));
        }

        await worker.WakeUpAsync().WaitAsync(_limit);
        Assert.That(sinks.Select(sink => sink.WaitForEnd().Tokens().Length), Is.All.EqualTo(50));
    }

    [Test]
    public async Task ARequestThatWaitsCanBeCancelledAsleep()
    {
        using EngineWorker worker = Worker("fake:");
        await worker.SleepAsync().WaitAsync(_limit);
        var sink = new CollectingSink();
        RequestHandle handle = worker.Submit(Request(50), sink);
        worker.Cancel(handle);
        Assert.That(sink.WaitForEnd().OutputFinished().FinishReason, Is.EqualTo(FinishReason.Abort));
    }

    [Test]
    public async Task ShutdownEndsWhatWaitsAsleep()
    {
        using EngineWorker worker = Worker("fake:");
        await worker.SleepAsync().WaitAsync(_limit);
        CollectingSink sink = Run(worker);
        worker.Shutdown(TimeSpan.FromSeconds(20));
        Assert.That(sink.WaitForEnd().OutputFinished().FinishReason, Is.EqualTo(FinishReason.Abort));
        Assert.That(
            Assert.ThrowsAsync<EngineException>(() => worker.WakeUpAsync())!.Status,
            Is.EqualTo(EngineStatus.ShuttingDown));
    }

    [Test]
    public async Task WeightsAloneCanBeWokenFirst()
    {
        using EngineWorker worker = Worker("fake:");
        await worker.SleepAsync(2).WaitAsync(_limit);
        await worker.WakeUpAsync(weightsOnly: true).WaitAsync(_limit);
        Assert.That(worker.SleepLevel, Is.EqualTo(1));
        await worker.WakeUpAsync().WaitAsync(_limit);
        Assert.That(Run(worker).WaitForEnd().Last.Kind, Is.EqualTo(RequestEventKind.Finished));
    }

    [Test]
    public void LevelsBeyondAreRefused([Values(-1, 3)] int level)
    {
        using EngineWorker worker = Worker("fake:");
        Assert.That(
            Assert.ThrowsAsync<EngineException>(() => worker.SleepAsync(level))!.Parameter, Is.EqualTo("level"));
    }

    [Test]
    public async Task WeightsThatOthersUseAreKept()
    {
        using LoadedModel model = LoadedModel.Load(Options(DummyModel.Create(64, 1, 256)));
        using var first = new EngineWorker(model, new EngineOptions { NumBlocks = 16, MaxNumSeqs = 2 });
        using (new EngineWorker(model, new EngineOptions { NumBlocks = 16, MaxNumSeqs = 2 }))
        {
            EngineException? e = Assert.ThrowsAsync<EngineException>(() => first.SleepAsync(2));
            Assert.That(e!.Status, Is.EqualTo(EngineStatus.Unsupported));
            await first.SleepAsync(1).WaitAsync(_limit);
        }

        await first.SleepAsync(2).WaitAsync(_limit);
        Assert.That(first.SleepLevel, Is.EqualTo(2));
    }

    [Test]
    [Platform("Linux")]
    public async Task MemoryGoesBackToTheSystemAndTheSameTokensFollow()
    {
        using LoadedModel model = LoadedModel.Load(Options(DummyModel.Create(512, 8, 40_000)));
        var options = new EngineOptions { NumBlocks = 256, MaxNumSeqs = 8, MaxNumBatchedTokens = 256 };
        using var worker = new EngineWorker(model, options);
        int[] before = Fill(worker);
        long awake = Resident();
        await worker.SleepAsync(1).WaitAsync(_limit);
        long withoutCache = Resident();
        await worker.WakeUpAsync().WaitAsync(_limit);
        int[] afterLevel1 = Fill(worker);
        await worker.SleepAsync(2).WaitAsync(_limit);
        long withoutWeights = Resident();
        await worker.WakeUpAsync().WaitAsync(_limit);
        int[] afterLevel2 = Fill(worker);

        // 8 layers x 2 x 256 values of 2 bytes for each of 2,000 tokens and more: 16 MiB of KV were written.
        TestContext.Out.WriteLine(
            $"resident: {awake >> 20} MiB awake, {withoutCache >> 20} at level 1, {withoutWeights >> 20} at level 2; "
            + $"weights {model.WeightBytes >> 20} MiB");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(awake - withoutCache, Is.GreaterThan(12 << 20));
            Assert.That(withoutCache - withoutWeights, Is.GreaterThan(model.WeightBytes * 3 / 4));
            Assert.That(afterLevel1, Is.EqualTo(before));
            Assert.That(afterLevel2, Is.EqualTo(before));
        }
    }

    private static int[] Fill(EngineWorker worker)
    {
        CollectingSink[] sinks = [.. Enumerable.Range(0, 8).Select(i =>
        {
            var sink = new CollectingSink();
            worker.Submit(
                new GenerationRequest
                {
                    PromptTokenIds = [.. Enumerable.Range(0, 250).Select(j => 1 + ((i * 977) + (j * 31)) % 39_000)],
                    Sampling = new SamplingParams { MaxTokens = 4, IgnoreEos = true, Temperature = 0 },
                },
                sink);
            return sink;
        })];
        return [.. sinks.SelectMany(sink => sink.WaitForEnd().Tokens())];
    }

    private static long Resident()
    {
        GC.Collect(2, GCCollectionMode.Aggressive);
        string pages = File.ReadAllText("/proc/self/statm").Split(' ')[1];
        return long.Parse(pages, CultureInfo.InvariantCulture) * Environment.SystemPageSize;
    }

    private static ModelLoadOptions Options(string folder) => new() { Model = folder, LoadFormat = "dummy" };

    private static EngineWorker Worker(string fake, int maxQueueSize = 0) =>
        FakeModel.CreateWorker(fake, new EngineOptions { MaxQueueSize = maxQueueSize, StallThresholdSeconds = 0.01 });

    private static GenerationRequest Request(int maxTokens) => new()
    {
        Prompt = "hello",
        Sampling = new SamplingParams { MaxTokens = maxTokens, IgnoreEos = true, Temperature = 0 },
    };

    private static CollectingSink Run(EngineWorker worker, int maxTokens = 50)
    {
        var sink = new CollectingSink();
        worker.Submit(Request(maxTokens), sink);
        return sink;
    }
}
