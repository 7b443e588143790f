using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>How a GPU is used.</summary>
internal sealed record CudaDeviceOptions
{
    /// <summary>Index among the GPUs that the process sees.</summary>
    public int Ordinal { get; init; }

    /// <summary>What activations are held in: F32, F16 or BF16.</summary>
    public DType ActivationType { get; init; } = DType.BF16;

    /// <summary>The driver's library; null is the usual one.</summary>
    public string? LibraryPath { get; init; }

    /// <summary>Code to run; null is what this library has embedded.</summary>
    public CudaImages? Images { get; init; }

    /// <summary>Where machine code is kept; null is the environment's.</summary>
    public CubinCache? Cache { get; init; }

    /// <summary>Steps in which every sequence has one token are captured and replayed.</summary>
    public bool UsesGraphs { get; init; } = true;

    /// <summary>Numbers of sequences that recorded steps are padded to, ascending; null is StepGraphs' own.</summary>
    public int[]? GraphSizes { get; init; }

    /// <summary>The next step begins before this one's tokens are read; null unless ENGINE_CUDA_ASYNC=0.</summary>
    public bool? RunsAhead { get; init; }

    /// <summary>On compute capability 9.0, 16-bit products by wgmma; so does ENGINE_CUDA_WGMMA=1.</summary>
    public bool UsesWgmma { get; init; }

    /// <summary>There, attention of long queries by wgmma; so does ENGINE_CUDA_WGMMA_ATTENTION=1.</summary>
    public bool UsesWgmmaAttention { get; init; }

    /// <summary>16-bit products of many rows by cuBLASLt, if it is there; so does ENGINE_CUDA_CUBLASLT=1. A row's bits
    /// then depend on how many others there are.</summary>
    public bool UsesCublasLt { get; init; }

    /// <summary>cuBLASLt's library; null is the usual one.</summary>
    public string? CublasLtPath { get; init; }

    /// <summary>From compute capability 9.0 on, kernels begin before those in front of them have ended; so does
    /// ENGINE_CUDA_PDL=1.</summary>
    public bool LaunchesDependents { get; init; }

    /// <summary>Inputs of quantized weights are rounded as the checkpoint says.</summary>
    public bool FollowsInputs { get; init; }
}

internal sealed class CudaBuffer(Arena.Piece piece, long bytes) : DeviceBuffer
{
    public override nint Address => piece.Address;

    public override long Bytes => bytes;

    protected override void Dispose(bool disposing) => piece.Dispose();
}

/// <summary>A weight in segments.</summary>
internal sealed class CudaWeight(Arena.Piece piece, CudaSegment[] segments) : LinearWeight
{
    public CudaSegment[] Segments => segments;

    /// <summary>Where a segment's rows are.</summary>
    public nint Address(CudaSegment segment) => piece.Address + (nint)segment.Offset;

    protected override void Dispose(bool disposing) => piece.Dispose();
}

/// <summary>
/// Keys and values of every layer in one allocation, with more blocks than are handed out: padding reads one, and steps
/// that are computed ahead write to the others what has no block yet.
/// </summary>
internal sealed class CudaKvStorage : KvStorage
{
    /// <summary>Blocks for tokens of steps that are computed ahead.</summary>
    private const int NumAheadBlocks = 32;

    private const int PageTokens = 16;
    private readonly CudaContext _context;
    private readonly long[] _offsets;
    private readonly long _bytes;
    private readonly int _numSpares;
    private nint _address;

    private CudaKvStorage(CudaContext context, nint address, long[] offsets, long bytes, int numSpares)
    {
        _context = context;
        _address = address;
        _offsets = offsets;
        _bytes = bytes;
        _numSpares = numSpares;
    }

    public override long Bytes => _bytes / (NumBlocks + (long)_numSpares) * NumBlocks;

    public override long SpareBytes => _bytes - Bytes;

    /// <summary>The block that nobody writes: zeros.</summary>
    public int SpareBlock => NumBlocks;

    public override Range SpareBlocks => (NumBlocks + 1)..(NumBlocks + _numSpares);

    /// <summary>Addresses of all pools, then bytes of a block in each, as ekc_copy_blocks takes them.</summary>
    public nint Pools { get; private set; }

    public int NumPools => 2 * _offsets.Length;

    /// <summary>Blocks that are not handed out: what padding reads, and those of steps ahead.</summary>
    public static int NumSpareBlocks(KvStorageShape shape, bool runsAhead) =>
        1 + (shape.RunsAhead && runsAhead ? NumAheadBlocks : 0);

    public static CudaKvStorage Create(CudaContext context, KvStorageShape shape, int numBlocks, bool runsAhead)
    {
        int numSpares = NumSpareBlocks(shape, runsAhead);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(numBlocks);
        var offsets = new long[shape.Layers.Count];
        long bytes = 0, rows = numBlocks + (long)numSpares;
        for (int i = 0; i < offsets.Length; i++)
        {
            offsets[i] = bytes;
            bytes = checked(bytes + (2 * PoolBlockBytes(shape, i) * rows));
        }

        long lists = 2L * 2 * offsets.Length * sizeof(long);
        nint address = context.AllocateDevice(bytes + lists, "KV cache");
        CudaKvStorage storage = new(context, address, offsets, bytes, numSpares)
        {
            Shape = shape,
            NumBlocks = numBlocks,
        };
        try
        {
            // Once: a masked key has probability 0, and 0 times a NaN of old memory would be a NaN.
            context.Fill(address, 0, bytes);
            storage.WriteLists(address + (nint)bytes);
            return storage;
        }
        catch
        {
            storage.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of one block of a layer's keys, and again of its values.</summary>
    public static long PoolBlockBytes(KvStorageShape shape, int layer)
    {
        const int RowAlignment = 128;
        if (shape.Type is not (DType.F32 or DType.F16 or DType.BF16 or DType.F8E4M3))
        {
            throw EngineException.Invalid(
                "kv_cache_dtype", $"expected float32, float16, bfloat16 or fp8 on a GPU, found {shape.Type}");
        }

        if (shape.BlockSize <= 0 || shape.BlockSize % PageTokens != 0)
        {
            throw EngineException.Invalid(
                "block_size", $"expected a multiple of {PageTokens} on a GPU, found {shape.BlockSize}");
        }

        (int heads, int headDim) = shape.Layers[layer];
        long row = (((long)headDim * shape.Type.SizeOf()) + RowAlignment - 1) / RowAlignment * RowAlignment;
        return checked(shape.BlockSize * heads * row);
    }

    public (nint Keys, nint Values) Layer(int layer)
    {
        nint keys = _address + (nint)_offsets[layer];
        return (keys, keys + (nint)(PoolBlockBytes(Shape, layer) * (NumBlocks + (long)_numSpares)));
    }

    protected override void Dispose(bool disposing)
    {
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address != 0) _context.FreeDevice(address);
    }

    private unsafe void WriteLists(nint target)
    {
        long[] lists = new long[2 * NumPools];
        for (int i = 0; i < _offsets.Length; i++)
        {
            (nint keys, nint values) = Layer(i);
            lists[2 * i] = keys;
            lists[(2 * i) + 1] = values;
            lists[NumPools + (2 * i)] = lists[NumPools + (2 * i) + 1] = PoolBlockBytes(Shape, i);
        }

        fixed (long* source = lists) _context.CopyToDevice(target, (nint)source, lists.Length * sizeof(long));
        // The array may move once this returns.
        _context.Synchronize();
        Pools = target;
    }
}
