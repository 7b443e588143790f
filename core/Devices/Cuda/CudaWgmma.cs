using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>
/// Products of 16-bit weights by wgmma (ekc_linear_wgmma), for any number of rows: tensor maps, how a product is cut,
/// and the memory that a tile's parts meet in. Neither the size of a tile nor the cut changes a bit.
/// </summary>
internal sealed unsafe class CudaWgmma : IDisposable
{
    /// <summary>Rows of a tile, by kernel.</summary>
    public static readonly int[] TileRows = [8, 16, 32, 64, 128];

    private const int TileColumns = 128;
    private const int Threads = 384;
    private const int Slice = 512;
    private const int GroupRows = 2048;
    private const int LeastOddPairs = 5;

    // A tile of up to so many rows leaves room for a second one on the same multiprocessor.
    private const int PairedTileRows = 32;
    private const long PartialBytes = 64L << 20;
    private const int MaxSplitTiles = 1024;

    private readonly CudaContext _context;
    private nint _counters;

    private CudaWgmma(CudaContext context)
    {
        _context = context;
        const long CounterBytes = MaxSplitTiles * sizeof(int);
        _counters = context.AllocateDevice(CounterBytes + PartialBytes);
        try
        {
            context.Fill(_counters, 0, CounterBytes);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private nint Partials => _counters + (MaxSplitTiles * sizeof(int));

    /// <summary>Null where the GPU, the driver or the type of the activations has none of it.</summary>
    public static CudaWgmma? Create(CudaContext context, CudaKernels kernels, DType activations)
    {
        bool isThere = activations != DType.F32 && context.Driver.TensorMapEncode != null
            && kernels.LinearWgmma.All(k => k.Has(activations)) && kernels.LinearWgmmaPair.Has(activations)
            && TileRows.All(rows => SharedBytes(rows) <= context.SharedBytesMax);
        return isThere ? new CudaWgmma(context) : null;
    }

    /// <summary>EKC_LINEAR_WGMMA_SHARED.</summary>
    public static int SharedBytes(int tileRows)
    {
        int stages = tileRows switch { <= 8 => 6, <= 16 => 5, <= 32 => 4, <= 64 => 8, _ => 6 };
        return (stages * (TileColumns + tileRows) * 128) + (8 * Math.Min(tileRows, 32) * 80) + 256;
    }

    /// <summary>The product, with or without bias and the old y; x and weight are of the type.</summary>
    public void Launch(CudaKernels kernels, in LinearArguments product, DType type)
    {
        if (product.Rows == 0) return;
        int form = 0;
        while (form < TileRows.Length - 1 && TileRows[form] < product.Rows) form++;
        int tileRows = TileRows[form], rowTiles = CudaDevice.Up(product.Rows, tileRows);
        int tiles = checked(rowTiles * CudaDevice.Up(product.N, TileColumns));
        int room = _context.NumMultiprocessors * (tileRows <= PairedTileRows ? 2 : 1);
        int splits = Splits(tiles, tileRows, CudaDevice.Up(product.K, Slice), room);
        // Pairs read weights once for both; with an odd number of tiles one works for nothing.
        bool isPaired = form == TileRows.Length - 1 && splits == 1 && room > 1
            && (rowTiles % 2 == 0 || rowTiles >= LeastOddPairs);
        int cluster = isPaired ? 2 : 1;
        int blocks = isPaired ? CudaDevice.Up(rowTiles, 2) * 2 * (tiles / rowTiles) : tiles * splits;
        LinearWgmmaArguments arguments = new()
        {
            Linear = product,
            Partials = Partials,
            Counters = _counters,
            Splits = splits,
            GroupRows = GroupRows / (tileRows * cluster),
        };
        Encode(
            out arguments.WeightMap, type, product.Weight, product.N, product.K, product.WeightStride,
            TileColumns / cluster);
        Encode(out arguments.XMap, type, product.X, product.Rows, product.K, product.XStride, tileRows);
        CudaKernel kernel = isPaired ? kernels.LinearWgmmaPair : kernels.LinearWgmma[form];
        _context.Launch(
            kernel.For(type), arguments, (Math.Min(blocks, room / cluster * cluster), 1, 1), Threads,
            SharedBytes(tileRows), cluster);
    }

    public void Dispose()
    {
        _context.FreeDevice(_counters);
        _counters = 0;
    }

    // CTAs per tile: as many as find room on the GPU at one time, where their sums find room in memory.
    private static int Splits(int tiles, int tileRows, int slices, int room)
    {
        long partialBytes = (long)tiles * slices * tileRows * TileColumns * sizeof(float);
        if (tiles > MaxSplitTiles || partialBytes > PartialBytes) return 1;
        return Math.Clamp(room / tiles, 1, slices);
    }

    private void Encode(
        out TensorMap map, DType type, nint address, int rows, int columns, long stride, int boxRows)
    {
        const int F16 = 6, BF16 = 9, Swizzle128 = 3, Promote256 = 3, Dimensions = 2, BoxColumns = 64;
        byte* room = stackalloc byte[2 * TensorMap.Bytes];
        TensorMap* aligned = (TensorMap*)(((nint)room + TensorMap.Bytes - 1) / TensorMap.Bytes * TensorMap.Bytes);
        ulong* sizes = stackalloc ulong[] { (ulong)columns, (ulong)rows };
        ulong strideBytes = (ulong)(stride * type.SizeOf());
        uint* box = stackalloc uint[] { BoxColumns, (uint)boxRows };
        uint* steps = stackalloc uint[] { 1, 1 };
        _context.Enter();
        _context.Check(
            _context.Driver.TensorMapEncode(
                aligned, type == DType.F16 ? F16 : BF16, Dimensions, address, sizes, &strideBytes, box, steps, 0,
                Swizzle128, Promote256, 0),
            "cuTensorMapEncodeTiled");
        map = *aligned;
    }
}
