using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>What the split form of attention combines its partial results in.</summary>
internal sealed class AttentionScratch(CudaContext context) : IDisposable
{
    private const int SplitRows = 16;
    private const int ColumnsUnit = 64;
    private const int ColumnsMax = 256;
    private long _partialBytes;
    private long _chunkBytes;

    /// <summary>f32 [chunks][KV heads][16][columns + 2].</summary>
    public nint Partials { get; private set; }

    /// <summary>Chunks that there is room for.</summary>
    public int NumChunks { get; private set; }

    /// <summary>Counts how often the addresses have changed: what was recorded before is void.</summary>
    public int Version { get; private set; }

    public long Bytes => _partialBytes;

    /// <summary>Columns that a head is computed in; an 8-bit cache has no kernels of 192.</summary>
    public static int Columns(int headDim, DType kv)
    {
        int columns = (headDim + ColumnsUnit - 1) / ColumnsUnit * ColumnsUnit;
        return kv == DType.F8E4M3 && columns == ColumnsMax - ColumnsUnit ? ColumnsMax : columns;
    }

    /// <summary>Bytes of so many chunks.</summary>
    public static long BytesFor(KvStorageShape shape, DType activations, int numChunks) =>
        ChunkBytes(shape, activations) * numChunks;

    public static bool UsesTensorCores(int headDim, DType kv, DType activations) =>
        activations != DType.F32 && (kv == activations || kv == DType.F8E4M3) && headDim % 2 == 0
            && Columns(headDim, kv) <= ColumnsMax;

    /// <summary>Makes room; waits for the device where memory that is in use has to move.</summary>
    public void Ensure(KvStorageShape shape, DType activations, int numChunks)
    {
        long chunkBytes = Math.Max(ChunkBytes(shape, activations), _chunkBytes);
        if (chunkBytes == 0) return;
        numChunks = Math.Max(numChunks, NumChunks);
        long partialBytes = Math.Max(chunkBytes * numChunks, _partialBytes);
        if (partialBytes > _partialBytes)
        {
            context.Synchronize();
            // First: without room for more, another runner of this device goes on with what there is.
            nint partials = context.AllocateDevice(partialBytes, "attention's partial results");
            Dispose();
            Partials = partials;
            _partialBytes = partialBytes;
        }

        _chunkBytes = chunkBytes;
        NumChunks = (int)Math.Min(int.MaxValue, _partialBytes / chunkBytes);
    }

    public void Dispose()
    {
        Version++;
        context.FreeDevice(Partials);
        Partials = 0;
        _partialBytes = _chunkBytes = 0;
        NumChunks = 0;
    }

    private static long ChunkBytes(KvStorageShape shape, DType activations)
    {
        long bytes = 0;
        foreach ((int numKvHeads, int headDim) in shape.Layers)
        {
            if (!UsesTensorCores(headDim, shape.Type, activations)) continue;
            bytes = Math.Max(bytes, (long)numKvHeads * SplitRows * (Columns(headDim, shape.Type) + 2) * sizeof(float));
        }

        return bytes;
    }
}
