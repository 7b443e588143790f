using Engine.Loading;
using Engine.Pooling;

namespace Engine.Hosting;

/// <summary>Loads a model of whichever kind it is, looking for its files once.</summary>
public static class ModelLoader
{
    /// <summary>Loads a <see cref="LoadedModel"/>, which writes, or a <see cref="PoolingModel"/>.</summary>
    /// <param name="options">What and how; Runner chooses.</param>
    /// <param name="cancellation">Stops between files and tensors.</param>
    /// <exception cref="EngineException">As LoadedModel.Load.</exception>
    public static IDisposable Load(ModelLoadOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Runner is not ("auto" or "generate" or "pooling"))
        {
            throw EngineException.Invalid(
                "runner", $"expected auto, generate or pooling, found \"{options.Runner}\"");
        }

        ModelFolder folder = ModelResolver.Resolve(options, cancellation);
        return IsPooling(options, folder)
            ? PoolingModel.Load(options, folder, cancellation)
            : LoadedModel.Load(options, folder, cancellation);
    }

    private static bool IsPooling(ModelLoadOptions options, ModelFolder folder)
    {
        try
        {
            return options.Runner == "pooling"
                || (options.Runner == "auto" && PoolingModel.IsPooling(options, folder));
        }
        catch
        {
            folder.Gguf?.Dispose();
            throw;
        }
    }
}
