using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Server.Sessions;

/// <summary>A loaded model with an engine on top of it, for one command.</summary>
internal sealed class EngineSession : IDisposable
{
    private EngineSession(LoadedModel model, EngineWorker worker)
    {
        Model = model;
        Worker = worker;
    }

    public LoadedModel Model { get; }

    public EngineWorker Worker { get; }

    /// <summary>What a request leaves open: generation_config.json, else vLLM's defaults.</summary>
    public SamplingParams DefaultSampling => Sampling(Model.GenerationDefaults);

    /// <summary>Loads and starts.</summary>
    /// <param name="load">What to load, and how.</param>
    /// <param name="options">The engine's limits; MaxModelLen is taken from the model.</param>
    /// <param name="cancellation">Stops loading.</param>
    public static EngineSession Open(
        ModelLoadOptions load, EngineOptions options, CancellationToken cancellation = default)
    {
        LoadedModel model = LoadedModel.Load(load, cancellation);
        try
        {
            return new EngineSession(model, new EngineWorker(model.CreateRunner(options), model.Tokenizer, model.Info, options));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Worker.Dispose();
        Model.Dispose();
    }

    private static SamplingParams Sampling(GenerationDefaults defaults)
    {
        var vllm = new SamplingParams();
        return vllm with
        {
            Temperature = defaults.Temperature ?? vllm.Temperature,
            TopP = defaults.TopP ?? vllm.TopP,
            TopK = defaults.TopK ?? vllm.TopK,
            MinP = defaults.MinP ?? vllm.MinP,
            RepetitionPenalty = defaults.RepetitionPenalty ?? vllm.RepetitionPenalty,
        };
    }
}
