using Engine.Hosting;
using Engine.Memory;
using Engine.Models;

namespace Engine.Loading;

/// <summary>From load options to a folder, its weights and their type.</summary>
internal static class ModelResolver
{
    public static ModelFolder Resolve(ModelLoadOptions options, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            throw new EngineException(EngineStatus.Cancelled, "loading was cancelled");
        }
        if (string.IsNullOrWhiteSpace(options.Model))
        {
            throw EngineException.Invalid("model", "expected a folder or a model name, found nothing");
        }
        if (Directory.Exists(options.Model)) return new ModelFolder(options.Model);
        throw new EngineException(EngineStatus.NotFound, $"model: no such folder: {options.Model}", "model");
    }

    public static WeightSource OpenWeights(
        ModelLoadOptions options, ModelConfig config, ModelFolder folder)
    {
        DType type = DTypeNames.Parse("dtype", options.Dtype) ?? config.StoredType ?? DType.F32;
        return options.LoadFormat switch
        {
            "auto" or "safetensors" => new WeightMap(SafetensorsModel.Open(folder)),
            "dummy" => new DummyWeights(options.Seed, type),
            _ => throw EngineException.Invalid(
                "load_format", $"expected auto, safetensors or dummy, found \"{options.LoadFormat}\""),
        };
    }

    /// <summary>The option, else config.json, else what most weights are stored as.</summary>
    public static DType ComputeType(ModelLoadOptions options, ModelConfig config, WeightSource weights) =>
        DTypeNames.Parse("dtype", options.Dtype) ?? config.StoredType ?? weights.StoredType ?? DType.F32;
}
