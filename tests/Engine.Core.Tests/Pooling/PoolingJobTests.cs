using Engine.Hosting;
using Engine.Pooling;

namespace Engine.Tests.Pooling;

/// <summary>Texts handed in together: each has an outcome of its own, exactly one.</summary>
[TestFixture]
internal sealed class PoolingJobTests
{
    private static readonly PoolingSettings Defaults = new();

    private PoolingModel _embedder = null!;
    private PoolingModel _reranker = null!;

    [OneTimeSetUp]
    public void Load()
    {
        _embedder = PoolingModel.Load(Options("qwen3-embed"));
        _reranker = PoolingModel.Load(Options("xlmr-reranker"));
    }

    [OneTimeTearDown]
    public void Free()
    {
        _embedder.Dispose();
        _reranker.Dispose();
    }

    [Test]
    public void ATextThatIsRefusedLeavesTheOthersAlone()
    {
        using var worker = new PoolingWorker(_embedder, new EngineOptions());
        var job = new Collected(4);
        PoolingJob.Start(worker, PoolingTask.Embed, [Text("city"), Ids(99999), Ids(), Text("city")], Defaults, job.Add);
        PoolingOutcome[] outcomes = job.Wait();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(outcomes[0].Values, Is.Not.Null.And.EqualTo(outcomes[3].Values));
            Assert.That(outcomes[1].Error!.Status, Is.EqualTo(EngineStatus.InvalidArgument));
            Assert.That(outcomes[2].Error!.Parameter, Is.EqualTo("input"));
        }
    }

    [Test]
    public void ABatchIsTakenWholeByAQueueWithRoomForOne()
    {
        using var worker = new PoolingWorker(_embedder, new EngineOptions { MaxNumSeqs = 4, MaxQueueSize = 2 });
        var job = new Collected(500);
        PoolingJob.Start(worker, PoolingTask.Embed, Texts(500), Defaults, job.Add);
        Assert.That(job.Wait().Select(o => o.Values), Is.All.Not.Null);
    }

    [Test]
    public void AFullQueueSaysSoBeforeAnyOutcome()
    {
        using var worker = new PoolingWorker(_embedder, new EngineOptions { MaxNumSeqs = 1, MaxQueueSize = 1 });
        var first = new Collected(2000);
        PoolingJob.Start(worker, PoolingTask.Embed, Texts(2000), Defaults, first.Add);
        var second = new Collected(1);
        EngineException error = Assert.Throws<EngineException>(
            () => PoolingJob.Start(worker, PoolingTask.Embed, [Text("x")], Defaults, second.Add))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Status, Is.EqualTo(EngineStatus.WouldBlock));
            Assert.That(second.Count, Is.Zero);
        }
    }

    [Test]
    public void CancellingEndsEveryTextOnceAndTheWorkerGoesOn()
    {
        using var worker = new PoolingWorker(_embedder, new EngineOptions { MaxNumSeqs = 2, MaxQueueSize = 4 });
        var job = new Collected(1000);
        PoolingJob.Start(worker, PoolingTask.Embed, Texts(1000), Defaults, job.Add).Cancel();
        PoolingOutcome[] outcomes = job.Wait();
        var next = new Collected(1);
        PoolingJob.Start(worker, PoolingTask.Embed, [Text("city")], Defaults, next.Add);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(outcomes.Count(o => o.Error?.Status == EngineStatus.Cancelled), Is.GreaterThan(900));
            Assert.That(next.Wait()[0].Values, Is.Not.Null);
            Assert.That(job.Count, Is.EqualTo(1000), "an outcome came twice");
        }
    }

    [Test]
    public void AQueryIsComputedOnceForAllItsDocuments()
    {
        using var worker = new PoolingWorker(_embedder, new EngineOptions());
        var job = new Collected(5);
        PoolingInput[] pairs = [.. Enumerable.Range(0, 5).Select(i => Text("city") with { Pair = $"d{i}" })];
        PoolingJob.Start(worker, PoolingTask.Score, pairs, Defaults, job.Add);
        PoolingOutcome[] outcomes = job.Wait();
        int query = _embedder.Prepare(PoolingTask.Embed, "city").TokenIds.Count;
        int document = _embedder.Prepare(PoolingTask.Embed, "d0").TokenIds.Count;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(worker.Metrics.PromptTokens, Is.EqualTo(query + (5 * document)));
            Assert.That(outcomes.Select(o => o.TokenIds), Is.All.Count.EqualTo(query + document));
            Assert.That(outcomes.Select(o => (double)o.Values![0]), Is.All.InRange(-1.0001, 1.0001));
        }
    }

    [Test]
    public void AScoreThatCannotBeComparedIsItsOwn()
    {
        using var worker = new PoolingWorker(_embedder, new EngineOptions());
        var job = new Collected(3);
        PoolingInput[] pairs = [Text("a") with { Pair = "b" }, Text("a"), Text("a") with { Pair = "c" }];
        PoolingJob.Start(worker, PoolingTask.Score, pairs, Defaults, job.Add);
        PoolingOutcome[] outcomes = job.Wait();
        Assert.That(outcomes.Select(o => o.Values is null), Is.EqualTo([false, true, false]));
    }

    [TestCase(PoolingTask.Embed, EngineStatus.Unsupported)]
    [TestCase((PoolingTask)17, EngineStatus.InvalidArgument)]
    public void ATaskThatTheModelCannotDoIsRefusedBeforeAnyOutcome(PoolingTask task, EngineStatus status)
    {
        using var worker = new PoolingWorker(_reranker, new EngineOptions());
        var job = new Collected(1);
        EngineException error = Assert.Throws<EngineException>(
            () => PoolingJob.Start(worker, task, [Text("a")], Defaults, job.Add))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((error.Status, error.Parameter), Is.EqualTo((status, "task")));
            Assert.That(job.Count, Is.Zero);
        }
    }

    [Test]
    public void SettingsAreRefusedByName()
    {
        using var worker = new PoolingWorker(_embedder, new EngineOptions());
        (PoolingSettings, string)[] cases =
        [
            (Defaults with { Dimensions = 0 }, "dimensions"), (Defaults with { Dimensions = 65 }, "dimensions"),
            (Defaults with { TruncatePromptTokens = -2 }, "truncate_prompt_tokens"),
            (Defaults with { PromptName = "none" }, "prompt_name"),
        ];
        using (Assert.EnterMultipleScope())
        {
            foreach ((PoolingSettings settings, string name) in cases)
            {
                EngineException error = Assert.Throws<EngineException>(() => PoolingJob.Start(
                    worker, PoolingTask.Embed, [Text("a")], settings, (_, _) => { }))!;
                Assert.That(error.Parameter, Is.EqualTo(name));
            }
        }
    }

    [Test]
    public void DrainingLetsTextsEnd()
    {
        using var worker = new PoolingWorker(_embedder, new EngineOptions { MaxNumSeqs = 4 });
        var job = new Collected(200);
        PoolingJob.Start(worker, PoolingTask.Embed, Texts(200), Defaults, job.Add);
        bool drained = worker.Shutdown(TimeSpan.FromSeconds(60));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(drained, Is.True);
            Assert.That(job.Wait().Select(o => o.Error), Is.All.Null);
            Assert.That(
                () => PoolingJob.Start(worker, PoolingTask.Embed, [Text("x")], Defaults, job.Add),
                Throws.TypeOf<EngineException>().With.Property("Status").EqualTo(EngineStatus.ShuttingDown));
        }
    }

    [Test]
    public void AShutdownWithoutTimeEndsWhatWaits()
    {
        using var worker = new PoolingWorker(_embedder, new EngineOptions { MaxNumSeqs = 1 });
        var job = new Collected(3000);
        PoolingJob.Start(worker, PoolingTask.Embed, Texts(3000), Defaults, job.Add);
        bool drained = worker.Shutdown(TimeSpan.Zero);
        PoolingOutcome[] outcomes = job.Wait();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(drained, Is.False);
            Assert.That(outcomes[^1].Error!.Status, Is.EqualTo(EngineStatus.ShuttingDown));
        }
    }

    private static ModelLoadOptions Options(string name) => new()
    {
        Model = Path.Combine(TestPaths.Data, "encoders", name),
        NumThreads = 2,
    };

    private static PoolingInput Text(string text) => new() { Text = text };

    private static PoolingInput Ids(params int[] ids) => new() { TokenIds = ids };

    private static PoolingInput[] Texts(int count) => [.. Enumerable.Range(0, count).Select(i => Text($"t {i}"))];

    private sealed class Collected(int size)
    {
        private readonly PoolingOutcome?[] _outcomes = new PoolingOutcome?[size];
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public void Add(int index, PoolingOutcome outcome)
        {
            lock (_outcomes)
            {
                _outcomes[index] = outcome;
                _count++;
                Monitor.PulseAll(_outcomes);
            }
        }

        public PoolingOutcome[] Wait()
        {
            lock (_outcomes)
            {
                while (_outcomes.Any(o => o is null))
                {
                    if (!Monitor.Wait(_outcomes, 60_000)) throw new AssertionException($"{_count} of {size} ended");
                }

                return [.. _outcomes.Select(o => o!.Value)];
            }
        }
    }
}
