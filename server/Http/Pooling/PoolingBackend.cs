using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Pooling;
using Engine.Server.Http.Hosting;
using Engine.Tokenization;

namespace Engine.Server.Http.Pooling;

/// <summary>
/// A model of vectors or scores where the server expects one that writes: what is asked to write is refused.
/// </summary>
internal sealed class PoolingBackend(PoolingWorker worker, EngineOptions options) : IEngineBackend
{
    public static ServedModel Serve(
        PoolingWorker worker, EngineOptions options, IReadOnlyList<string> names, string root) => new()
        {
            Engine = new PoolingBackend(worker, options),
            Pooling = worker,
            Names = names,
            Root = root,
        };

    public ModelInfo Model { get; } = worker.Model.Info;

    public EngineOptions Options => options;

    public ITokenizer? Tokenizer => worker.Model.Tokenizer;

    public EngineMetricsSnapshot Metrics => worker.Metrics;

    public EngineHealth Health => new(EngineHealthState.Healthy, null);

    public long Submit(GenerationRequest request, IRequestSink sink) => throw ApiException.BadRequest(
        $"The model makes {(worker.Model.Embeds ? "vectors" : "scores")} of texts; it does not write.", "model");

    public void Cancel(long id)
    {
    }

    public void ResetPrefixCache(bool restartRunning)
    {
    }

    public bool Shutdown(TimeSpan drainTimeout) => worker.Shutdown(drainTimeout);

    public void Dispose() => worker.Dispose();
}
