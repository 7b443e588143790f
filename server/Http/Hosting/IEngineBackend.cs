using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Tokenization;

namespace Engine.Server.Http.Hosting;

/// <summary>The engine as the server sees it; a test can put a failing one in its place.</summary>
internal interface IEngineBackend : IDisposable
{
    ModelInfo Model { get; }

    EngineOptions Options { get; }

    ITokenizer? Tokenizer { get; }

    EngineMetricsSnapshot Metrics { get; }

    EngineHealth Health { get; }

    /// <summary>Hands a request in; returns the id that Cancel takes.</summary>
    long Submit(GenerationRequest request, IRequestSink sink);

    void Cancel(long id);

    /// <summary>Forgets all cached prefixes.</summary>
    /// <param name="restartRunning">Running requests compute theirs again.</param>
    void ResetPrefixCache(bool restartRunning);

    /// <summary>The level it sleeps at; -1 awake.</summary>
    int SleepLevel => -1;

    /// <summary>Gives memory back until WakeUpAsync; completes when it sleeps.</summary>
    Task SleepAsync(int level, SleepMode mode, CancellationToken cancellation) => throw new EngineException(
        EngineStatus.Unsupported, "This model cannot be put to sleep.", "level");

    /// <summary>Takes memory again and goes on; weights alone if so asked.</summary>
    Task WakeUpAsync(bool weightsOnly, CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>Blocks until all has ended, or has been cancelled after the timeout.</summary>
    bool Shutdown(TimeSpan drainTimeout);
}

/// <summary>The real one.</summary>
internal sealed class WorkerBackend(EngineWorker worker) : IEngineBackend
{
    public ModelInfo Model => worker.Model;

    public EngineOptions Options => worker.Options;

    public ITokenizer? Tokenizer => worker.Tokenizer;

    public EngineMetricsSnapshot Metrics => worker.Metrics;

    public EngineHealth Health => worker.Health;

    public long Submit(GenerationRequest request, IRequestSink sink) => worker.Submit(request, sink).Id;

    public void Cancel(long id) => worker.Cancel(id);

    public void ResetPrefixCache(bool restartRunning) => worker.ResetPrefixCache(restartRunning);

    public int SleepLevel => worker.SleepLevel;

    public Task SleepAsync(int level, SleepMode mode, CancellationToken cancellation) =>
        worker.SleepAsync(level, mode, cancellation);

    public Task WakeUpAsync(bool weightsOnly, CancellationToken cancellation) =>
        worker.WakeUpAsync(weightsOnly, cancellation);

    public bool Shutdown(TimeSpan drainTimeout) => worker.Shutdown(drainTimeout);

    public void Dispose() => worker.Dispose();
}
