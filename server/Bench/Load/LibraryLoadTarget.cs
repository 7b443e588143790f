using Engine.Hosting;
using Engine.Sampling;
using Engine.Server.Sessions;

namespace Engine.Server.Bench.Load;

/// <summary>The engine in this process, without HTTP: what a server adds is the difference.</summary>
internal sealed class LibraryLoadTarget(EngineSession session) : LoadTarget
{
    public override string Name => "library";

    public override async Task<LoadRecord> AskAsync(LoadRequest request, CancellationToken cancellation)
    {
        var sink = new Sink();
        try
        {
            RequestHandle handle = session.Worker.Submit(
                new GenerationRequest
                {
                    Prompt = request.Prompt,
                    Sampling = new SamplingParams
                    {
                        Temperature = 0,
                        MaxTokens = request.NumTokens,
                        IgnoreEos = true,
                    },
                },
                sink);
            using CancellationTokenRegistration registration = cancellation.Register(handle.Cancel);
            await sink.Done;
        }
        catch (EngineException e)
        {
            sink.Record.Failure = e.Message;
        }

        return sink.Record;
    }

    // The load itself is a few microseconds per request here.
    public override Task<double?> CpuSecondsAsync(CancellationToken cancellation) =>
        Task.FromResult<double?>(Environment.CpuUsage.TotalTime.TotalSeconds);

    public override void Dispose() => session.Dispose();

    private sealed class Sink : IRequestSink
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public LoadRecord Record { get; } = new();

        public Task Done => _done.Task;

        public void OnEvent(RequestEvent e)
        {
            if (e.TokenId >= 0)
            {
                Record.Arrived();
                Record.NumTokens++;
            }

            if (e.Kind == RequestEventKind.Failed) Record.Failure = e.Error?.Message ?? "failed";
            if (e.Kind is RequestEventKind.Finished or RequestEventKind.Failed) _done.TrySetResult();
        }
    }
}
