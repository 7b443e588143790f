using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>Sizes of what lies on a GPU, from shapes alone: a plan needs no GPU.</summary>
internal static class CudaLayout
{
    /// <summary>
    /// The element type of a packed weight: tensor cores want that of the activations. With f32 activations, halves
    /// stay halves: widening is exact and the bytes are half.
    /// </summary>
    public static DType WeightType(LinearSource source, DType activations)
    {
        if (activations != DType.F32) return activations;
        bool All(DType type) => source.Parts.All(
            p => p.Matrix is null && p.Blocks == WeightBlocks.None && p.Type == type);
        return All(DType.BF16) ? DType.BF16 : All(DType.F16) ? DType.F16 : DType.F32;
    }

    /// <summary>Bytes of a packed weight or table.</summary>
    public static long PackedBytes(LinearSource source, DType activations)
    {
        Check(source);
        return CudaArena.Padded(checked((long)source.N * source.K * WeightType(source, activations).SizeOf()));
    }

    /// <summary>Throws for what has no kernel.</summary>
    public static void Check(LinearSource source)
    {
        if (source.Quantization != WeightQuantization.None)
        {
            throw new EngineException(
                EngineStatus.Unsupported, $"quantization: {source.Quantization} has no CUDA kernel yet",
                "quantization");
        }
    }

    /// <summary>Bytes of one block over all layers.</summary>
    public static long KvBlockBytes(KvStorageShape shape)
    {
        long bytes = 0;
        for (int i = 0; i < shape.Layers.Count; i++) bytes += 2 * CudaKvStorage.PoolBlockBytes(shape, i);
        return bytes;
    }
}
