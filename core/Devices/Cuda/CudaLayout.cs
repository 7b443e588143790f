using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>Sizes of what lies on a GPU, from shapes alone: a plan needs no GPU.</summary>
internal static class CudaLayout
{
    /// <summary>Bytes of a packed weight or table.</summary>
    public static long PackedBytes(LinearSource source, DType activations, bool isTable, bool followsInputs)
    {
        Check(source);
        return CudaArena.Padded(CudaWeightPlan.Of(source, activations, isTable, followsInputs).Bytes);
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
