using Engine.Devices;
using Engine.Loading;
using Engine.Memory;

namespace Engine.Execution;

/// <summary>What a model says of its KV cache: widths by layer, and what its checkpoint wants them stored as.</summary>
/// <param name="Layers">KV heads and their width, per layer.</param>
/// <param name="StoredType">The checkpoint's own choice (kv_cache_scheme), or null.</param>
/// <param name="Scales">The checkpoint's scales, per layer.</param>
internal sealed record KvLayout(
    IReadOnlyList<(int NumKvHeads, int HeadDim)> Layers, DType? StoredType, IReadOnlyList<KvScale> Scales)
{
    /// <summary>Widths from the model, the rest from its files.</summary>
    public static KvLayout Of(IReadOnlyList<(int NumKvHeads, int HeadDim)> layers, WeightSource weights) =>
        new(layers, weights.KvCacheType, [.. Enumerable.Range(0, layers.Count).Select(weights.KvScaleOf)]);

    /// <summary>The KV memory that options ask for.</summary>
    /// <exception cref="EngineException">InvalidArgument names the option; Unsupported: scales that are no
    /// number.</exception>
    public KvStorageShape Shape(EngineOptions options, DType computeType)
    {
        DType type = KvCacheTypes.Choose(options.KvCacheDtype, computeType, StoredType);
        for (int i = 0; type == DType.F8E4M3 && i < Scales.Count; i++)
        {
            KvScale scale = Scales[i];
            if (float.IsFinite(scale.Key) && scale.Key > 0 && float.IsFinite(scale.Value) && scale.Value > 0) continue;
            throw new EngineException(
                EngineStatus.Unsupported,
                $"kv_cache_dtype: layer {i}: expected k_scale and v_scale of one number above 0 each in the checkpoint, " +
                $"found {scale.Key} and {scale.Value}",
                "kv_cache_dtype");
        }
        return new KvStorageShape
        {
            BlockSize = options.BlockSize,
            Layers = Layers,
            Type = type,
            ComputeType = computeType,
            RunsAhead = options.Speculative is null,
            Scales = type == DType.F8E4M3 ? Scales : [],
        };
    }
}

/// <summary>Types of the KV cache by the names of vLLM's option.</summary>
internal static class KvCacheTypes
{
    /// <summary>The type that an option asks for.</summary>
    /// <param name="name">The option; "auto" is the checkpoint's own type, unless the model computes in float32,
    /// which asks that nothing be rounded, and else the type of computation.</param>
    /// <param name="computeType">What the model computes in.</param>
    /// <param name="stored">The checkpoint's own choice, or null.</param>
    /// <exception cref="EngineException">InvalidArgument: an unknown name.</exception>
    public static DType Choose(string name, DType computeType, DType? stored) => name switch
    {
        "auto" => computeType == DType.F32 ? DType.F32 : stored ?? computeType,
        "float32" or "float" => DType.F32,
        "bfloat16" => DType.BF16,
        "float16" or "half" => DType.F16,
        "int8" or "int8_per_token_head" => DType.I8,
        "fp8" or "fp8_e4m3" => DType.F8E4M3,
        _ => throw EngineException.Invalid(
            "kv_cache_dtype",
            $"expected auto, float32, bfloat16, float16, int8, fp8 or fp8_e4m3, found \"{name}\""),
    };
}
