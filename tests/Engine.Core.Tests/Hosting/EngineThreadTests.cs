using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Tests.Hosting;

/// <summary>The engine's thread leaves no mark on the threads of its host.</summary>
[TestFixture]
[Platform("Linux")]
public sealed class EngineThreadTests
{
    // A thread hands its affinity on to what it starts, and the engine's thread starts workers of the thread pool.
    [Test]
    public async Task ThreadsThatAnEventStartsMayRunAnywhere()
    {
        using LoadedModel model = LoadedModel.Load(
            new ModelLoadOptions { Model = Path.Combine(TestPaths.Root, "demo-model", "model") });
        using var worker = new EngineWorker(model, new EngineOptions { MaxNumSeqs = 2, MaxModelLen = 64 });
        var sink = new AffinitySink();
        worker.Submit(
            new GenerationRequest { PromptTokenIds = [1, 2, 3], Sampling = new SamplingParams { MaxTokens = 3 } },
            sink);
        Assert.That(await sink.Seen.Task, Is.EqualTo(Affinity()));
    }

    private static string Affinity() => File.ReadLines("/proc/thread-self/status")
        .First(line => line.StartsWith("Cpus_allowed:", StringComparison.Ordinal));

    private sealed class AffinitySink : IRequestSink
    {
        public TaskCompletionSource<string> Seen { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void OnEvent(RequestEvent e)
        {
            if (e.Kind == RequestEventKind.Failed) Seen.TrySetException(e.Error!);
            if (e.Kind == RequestEventKind.Finished)
            {
                string inherited = "";
                var thread = new Thread(() => inherited = Affinity());
                thread.Start();
                thread.Join();
                Seen.TrySetResult(inherited);
            }
        }
    }
}
