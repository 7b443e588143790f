using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>What the split form of attention combines its partial results in.</summary>
internal sealed class AttentionScratch(CudaContext context) : IDisposable
{
    private const int SplitRows = 16;
    private const int ColumnsUnit = 64;
    private const int ColumnsMax = 256;
    private long _partialBytes;
    private long _counterBytes;
    private long _chunkBytes;

    /// <summary>f32 [chunks][KV heads][16][columns + 2].</summary>
    public nint Partials { get; private set; }

    /// <summary>u32 [sequences][KV heads], zeros between launches.</summary>
    public nint Counters { get; private set; }

    /// <summary>Chunks that there is room for.</summary>
    public int NumChunks { get; private set; }

    /// <summary>Counts how often the addresses have changed: what was recorded before is void.</summary>
    public int Version { get; private set; }

    public long Bytes => _partialBytes + _counterBytes;

    /// <summary>Columns that a head is computed in.</summary>
    public static int Columns(int headDim) => (headDim + ColumnsUnit - 1) / ColumnsUnit * ColumnsUnit;

    public static bool UsesTensorCores(int headDim, DType kv, DType activations) =>
        activations != DType.F32 && kv == activations && Columns(headDim) <= ColumnsMax;

    /// <summary>Makes room; waits for the device where memory that is in use has to move.</summary>
    public void Ensure(KvStorageShape shape, DType activations, int numSeqs, int numChunks)
    {
        (long chunkBytes, long heads) = Sizes(shape, activations);
        if (chunkBytes == 0) return;
        chunkBytes = Math.Max(chunkBytes, _chunkBytes);
        numChunks = Math.Max(numChunks, NumChunks);
        long partialBytes = chunkBytes * numChunks, counterBytes = heads * numSeqs * sizeof(int);
        if (partialBytes <= _partialBytes && counterBytes <= _counterBytes)
        {
            _chunkBytes = chunkBytes;
            NumChunks = (int)Math.Min(int.MaxValue, _partialBytes / chunkBytes);
            return;
        }

        partialBytes = Math.Max(partialBytes, _partialBytes);
        counterBytes = Math.Max(counterBytes, _counterBytes);
        context.Synchronize();
        Dispose();
        Partials = context.AllocateDevice(partialBytes);
        _partialBytes = partialBytes;
        Counters = context.AllocateDevice(counterBytes);
        _counterBytes = counterBytes;
        _chunkBytes = chunkBytes;
        NumChunks = numChunks;
        context.Fill(Counters, 0, counterBytes);
    }

    public void Dispose()
    {
        Version++;
        context.FreeDevice(Partials);
        context.FreeDevice(Counters);
        Partials = Counters = 0;
        _partialBytes = _counterBytes = _chunkBytes = 0;
        NumChunks = 0;
    }

    private static (long ChunkBytes, long Heads) Sizes(KvStorageShape shape, DType activations)
    {
        long chunkBytes = 0, heads = 0;
        foreach ((int numKvHeads, int headDim) in shape.Layers)
        {
            if (!UsesTensorCores(headDim, shape.Type, activations)) continue;
            chunkBytes = Math.Max(chunkBytes, (long)numKvHeads * SplitRows * (Columns(headDim) + 2) * sizeof(float));
            heads = Math.Max(heads, numKvHeads);
        }

        return (chunkBytes, heads);
    }
}
