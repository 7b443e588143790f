using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>
/// Products of 16-bit weights and of 8-bit codes by wgmma (ekc_linear_wgmma, ekc_linear_w8a8_wgmma), for any number of
/// rows: tensor maps, how a product is cut, and the memory that a tile's parts meet in. Neither the size of a tile nor
/// the cut changes a bit.
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
    // The driver that compiles products of unsigned by signed bytes (PTX 8.4).
    private const int CodesDriverVersion = 12040;
    private const long PartialBytes = 64L << 20;
    private const int MaxSplitTiles = 1024;
    private const long CounterBytes = MaxSplitTiles * sizeof(int);

    private readonly CudaContext _context;
    private nint _counters;

    private CudaWgmma(CudaContext context) => _context = context;

    /// <summary>Device memory that it takes with the first weight.</summary>
    public const long Bytes = CounterBytes + PartialBytes;

    /// <summary>Of that, what it has not taken yet.</summary>
    public long BytesToCome => _counters == 0 ? Bytes : 0;

    private nint Partials => _counters + (nint)CounterBytes;

    /// <summary>Null where the GPU, the driver or the type of the activations has none of it.</summary>
    public static CudaWgmma? Create(CudaContext context, CudaKernels kernels, DType activations)
    {
        bool isThere = activations != DType.F32 && context.Driver.TensorMapEncode != null
            && kernels.LinearWgmma.All(k => k.Has(activations)) && kernels.LinearWgmmaPair.Has(activations)
            && TileRows.All(rows => SharedBytes(rows) <= context.SharedBytesMax);
        bool takesCodes = context.DriverVersion >= CodesDriverVersion && kernels.HasW8A8Wgmma
            && TileRows.All(rows => SharedBytes(rows) + ScaleBytes(rows) <= context.SharedBytesMax);
        return isThere ? new CudaWgmma(context) { TakesCodes = takesCodes } : null;
    }

    /// <summary>EKC_LINEAR_WGMMA_SHARED.</summary>
    public static int SharedBytes(int tileRows) =>
        (Stages(tileRows) * (TileColumns + tileRows) * 128) + (8 * Math.Min(tileRows, 32) * 80) + 256;

    /// <summary>True if products of 8-bit numbers are made as well.</summary>
    public bool TakesCodes { get; private init; }

    /// <summary>The product, with or without bias and the old y; x and weight are of the type.</summary>
    public void Launch(CudaKernels kernels, in LinearArguments product, DType type)
    {
        if (product.Rows == 0) return;
        Cut cut = CutOf(product, Slice);
        LinearWgmmaArguments arguments = new()
        {
            Linear = product,
            Partials = Partials,
            Counters = _counters,
            Splits = cut.Splits,
            GroupRows = cut.GroupRows,
        };
        const int F16 = 6, BF16 = 9;
        int element = type == DType.F16 ? F16 : BF16;
        Encode(product, element, type.SizeOf(), cut, out arguments.WeightMap, out arguments.XMap);
        CudaKernel kernel = cut.IsPaired ? kernels.LinearWgmmaPair : kernels.LinearWgmma[cut.Form];
        _context.Launch(
            kernel.For(type), arguments, (cut.Blocks, 1, 1), Threads, SharedBytes(cut.TileRows), cut.Cluster);
    }

    /// <summary>The product of 8-bit numbers.</summary>
    /// <param name="kernels">Where its kernel is.</param>
    /// <param name="product">XScales is by groups, then rows.</param>
    /// <param name="sums">Of the codes of each row of x; integers only.</param>
    /// <param name="pitch">From group to group of XScales; a multiple of the rows of a pair.</param>
    /// <param name="isFloat">Codes are e4m3, not integers.</param>
    public void Launch(CudaKernels kernels, in W8A8Arguments product, nint sums, int pitch, bool isFloat)
    {
        if (product.Linear.Rows == 0) return;
        Cut cut = CutOf(product.Linear, 2 * Slice);
        W8A8WgmmaArguments arguments = new()
        {
            Product = product,
            XSums = sums,
            Partials = Partials,
            Counters = _counters,
            Splits = cut.Splits,
            GroupRows = cut.GroupRows,
            XPitch = pitch,
        };
        const int U8 = 0;
        Encode(product.Linear, U8, 1, cut, out arguments.WeightMap, out arguments.XMap);
        W8A8WgmmaKernels all = kernels.W8A8Wgmma(isFloat);
        _context.Launch(
            cut.IsPaired ? all.Pair : all.Tile(cut.Form), arguments, (cut.Blocks, 1, 1), Threads,
            SharedBytes(cut.TileRows) + ScaleBytes(cut.TileRows), cut.Cluster);
    }

    private Cut CutOf(in LinearArguments product, int slice)
    {
        int form = 0;
        while (form < TileRows.Length - 1 && TileRows[form] < product.Rows) form++;
        int tileRows = TileRows[form], rowTiles = CudaDevice.Up(product.Rows, tileRows);
        int tiles = checked(rowTiles * CudaDevice.Up(product.N, TileColumns));
        int room = _context.NumMultiprocessors * (tileRows <= PairedTileRows ? 2 : 1);
        int splits = Splits(tiles, tileRows, CudaDevice.Up(product.K, slice), room);
        // Pairs read weights once for both; with an odd number of tiles one works for nothing.
        bool isPaired = form == TileRows.Length - 1 && splits == 1 && room > 1
            && (rowTiles % 2 == 0 || rowTiles >= LeastOddPairs);
        int cluster = isPaired ? 2 : 1;
        int blocks = isPaired ? CudaDevice.Up(rowTiles, 2) * 2 * (tiles / rowTiles) : tiles * splits;
        return new Cut(
            form, tileRows, splits, cluster, Math.Min(blocks, room / cluster * cluster),
            GroupRows / (tileRows * cluster));
    }

    /// <summary>Takes its memory.</summary>
    /// <exception cref="EngineException">OutOfMemory.</exception>
    public void Reserve()
    {
        if (_counters != 0) return;
        _counters = _context.AllocateDevice(Bytes, "sums of wgmma's tiles");
        _context.Fill(_counters, 0, CounterBytes);
    }

    public void Dispose()
    {
        _context.FreeDevice(_counters);
        _counters = 0;
    }

    private static int Stages(int tileRows) =>
        tileRows switch { <= 8 => 6, <= 16 => 5, <= 32 => 4, <= 64 => 8, _ => 6 };

    // What EKC_W8A8_WGMMA_SHARED has besides.
    private static int ScaleBytes(int tileRows) => Stages(tileRows) * tileRows * sizeof(float);

    // CTAs per tile: as many as find room on the GPU at one time, where their sums find room in memory.
    private static int Splits(int tiles, int tileRows, int slices, int room)
    {
        long partialBytes = (long)tiles * slices * tileRows * TileColumns * sizeof(float);
        if (tiles > MaxSplitTiles || partialBytes > PartialBytes) return 1;
        return Math.Clamp(room / tiles, 1, slices);
    }

    // Both operands: rows of 128 bytes of k at a time.
    private void Encode(
        in LinearArguments product, int element, int elementBytes, in Cut cut, out TensorMap weight, out TensorMap x)
    {
        int boxRows = TileColumns / cut.Cluster;
        Encode(out weight, element, elementBytes, product.Weight, product.N, product.K, product.WeightStride, boxRows);
        Encode(out x, element, elementBytes, product.X, product.Rows, product.K, product.XStride, cut.TileRows);
    }

    private void Encode(
        out TensorMap map, int element, int elementBytes, nint address, int rows, int columns, long stride, int boxRows)
    {
        const int Swizzle128 = 3, Promote256 = 3, Dimensions = 2, LineBytes = 128;
        byte* room = stackalloc byte[2 * TensorMap.Bytes];
        TensorMap* aligned = (TensorMap*)(((nint)room + TensorMap.Bytes - 1) / TensorMap.Bytes * TensorMap.Bytes);
        ulong* sizes = stackalloc ulong[] { (ulong)columns, (ulong)rows };
        ulong strideBytes = (ulong)(stride * elementBytes);
        uint* box = stackalloc uint[] { (uint)(LineBytes / elementBytes), (uint)boxRows };
        uint* steps = stackalloc uint[] { 1, 1 };
        _context.Enter();
        _context.Check(
            _context.Driver.TensorMapEncode(
                aligned, element, Dimensions, address, sizes, &strideBytes, box, steps, 0, Swizzle128, Promote256, 0),
            "cuTensorMapEncodeTiled");
        map = *aligned;
    }

    // How a product is cut into tiles, and tiles into parts.
    private readonly record struct Cut(int Form, int TileRows, int Splits, int Cluster, int Blocks, int GroupRows)
    {
        public bool IsPaired => Cluster > 1;
    }
}
