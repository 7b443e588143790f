using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Devices.Cuda;

internal sealed unsafe partial class CudaDevice
{
    private const int RowThreads = 256;
    private const int MapColumns = 1024;
    private const int RopeThreads = 64;
    private const int NormSharedBytes = 64;

    /// <inheritdoc/>
    public void Embed(TensorView y, LinearWeight table, ReadOnlySpan<int> ids, float scale)
    {
        CudaWeight rows = Own(table);
        Require(ids.Length == y.Rows && y.Columns == rows.K, nameof(ids));
        Require(rows.Segments is [{ IsOrdered: false }], nameof(table));
        CudaSegment segment = rows.Segments[0];
        EmbedArguments arguments = new()
        {
            Y = y.Address,
            Table = rows.Address(segment),
            Ids = Resolve(ids),
            YStride = y.RowStride,
            TableStride = segment.Codes is null ? rows.K : segment.RowBytes(CodePlane.Codes),
            Rows = y.Rows,
            Columns = y.Columns,
            Vocab = rows.N,
            TableType = (int)(segment.Codes?.Type ?? (CudaCodeType)segment.Type),
            Scale = scale,
        };
        if (segment.Codes is null)
        {
            Launch(_kernels.Embed.For(y.Type), arguments, (y.Rows, 1, 1), RowThreads);
            return;
        }

        QuantizedEmbedArguments all = new() { Embed = arguments, Codes = CodesOf(segment, rows.Address(segment)) };
        Launch(_kernels.Codes(segment.Codes.Type).Embed.For(y.Type), all, (y.Rows, 1, 1), RowThreads);
    }

    /// <inheritdoc/>
    public void RmsNorm(
        TensorView y, TensorView x, DeviceBuffer? weight, float epsilon, float weightOffset = 0, int groups = 1)
    {
        Require(groups > 0 && x.Columns % groups == 0 && Same(y, x), nameof(x));
        Require(weight is null || Holds(weight, x.Columns / groups), nameof(weight));
        RmsNormArguments arguments = new()
        {
            Y = y.Address,
            X = x.Address,
            Weight = weight?.Address ?? 0,
            YStride = y.RowStride,
            XStride = x.RowStride,
            Rows = x.Rows,
            Groups = groups,
            N = x.Columns / groups,
            Epsilon = epsilon,
            Offset = weightOffset,
        };
        Launch(_kernels.RmsNorm.For(x.Type), arguments, (x.Rows, groups, 1), RowThreads, NormSharedBytes);
    }

    /// <inheritdoc/>
    public void LayerNorm(
        TensorView y, TensorView x, DeviceBuffer weight, DeviceBuffer? bias, float epsilon, int groups = 1,
        bool perGroupWeight = false)
    {
        Require(groups > 0 && x.Columns % groups == 0 && Same(y, x), nameof(x));
        int count = perGroupWeight ? x.Columns : x.Columns / groups;
        Require(Holds(weight, count) && (bias is null || Holds(bias, count)), nameof(weight));
        LayerNormArguments arguments = new()
        {
            Y = y.Address,
            X = x.Address,
            Weight = weight.Address,
            Bias = bias?.Address ?? 0,
            YStride = y.RowStride,
            XStride = x.RowStride,
            Rows = x.Rows,
            Groups = groups,
            N = x.Columns / groups,
            PerGroup = perGroupWeight ? 1 : 0,
            Epsilon = epsilon,
        };
        Launch(_kernels.LayerNorm.For(x.Type), arguments, (x.Rows, groups, 1), RowThreads, NormSharedBytes);
    }

    /// <inheritdoc/>
    public void AddScaled(TensorView y, TensorView x, float scale = 1f)
    {
        Require(Same(y, x), nameof(x));
        Combine(_kernels.AddScaled, y, x, 0, scale);
    }

    /// <inheritdoc/>
    public void ActivateAndMultiply(TensorView y, TensorView gateUp, Activation activation)
    {
        Require(y.Rows == gateUp.Rows && 2 * y.Columns == gateUp.Columns && y.Type == gateUp.Type, nameof(gateUp));
        Combine(_kernels.ActivateMultiply, y, gateUp, (int)activation, 1);
    }

    /// <inheritdoc/>
    public void Scale(TensorView x, float scale) => Map(x, x, (int)MapFunction.Scale, scale);

    /// <inheritdoc/>
    public void SoftCap(TensorView x, float cap) => Map(x, x, (int)MapFunction.SoftCap, cap);

    /// <inheritdoc/>
    public void Clamp(TensorView x, float limit) => Map(x, x, (int)MapFunction.Clamp, limit);

    /// <inheritdoc/>
    public void Activate(TensorView y, TensorView x, Activation activation) => Map(y, x, (int)activation, 0);

    /// <inheritdoc/>
    public void Xielu(TensorView y, TensorView x, float alphaP, float alphaN, float beta, float epsilon) =>
        Map(y, x, (int)MapFunction.Xielu, alphaP, alphaN, beta, epsilon);

    /// <inheritdoc/>
    public void Rope(
        TensorView x, ReadOnlySpan<int> positions, DeviceBuffer cosSin, int headDim, int rotaryDim,
        bool interleaved)
    {
        Require(positions.Length == x.Rows && x.Columns % headDim == 0, nameof(positions));
        Require(rotaryDim > 0 && rotaryDim <= headDim && rotaryDim % 2 == 0, nameof(rotaryDim));
        RopeArguments arguments = new()
        {
            X = x.Address,
            Positions = Resolve(positions),
            CosSin = cosSin.Address,
            XStride = x.RowStride,
            Rows = x.Rows,
            NumHeads = x.Columns / headDim,
            HeadDim = headDim,
            RotaryDim = rotaryDim,
            Interleaved = interleaved ? 1 : 0,
        };
        Launch(_kernels.Rope.For(x.Type), arguments, (x.Rows, arguments.NumHeads, 1), RopeThreads);
    }

    /// <inheritdoc/>
    public void GatherRows(TensorView y, TensorView x, ReadOnlySpan<int> rowIndices)
    {
        Require(rowIndices.Length == y.Rows && y.Columns == x.Columns && y.Type == x.Type, nameof(rowIndices));
        if (x.Type.SizeOf() % sizeof(short) != 0) throw new ArgumentException("rows of bytes", nameof(x));
        int size = x.Type.SizeOf();
        GatherRowsArguments arguments = new()
        {
            Y = y.Address,
            X = x.Address,
            Indices = Resolve(rowIndices),
            YStrideBytes = (long)y.RowStride * size,
            XStrideBytes = (long)x.RowStride * size,
            RowBytes = (long)x.Columns * size,
        };
        Launch(_kernels.GatherRows, arguments, (y.Rows, 1, 1), RowThreads);
    }

    /// <inheritdoc/>
    public void CopyBlocks(KvStorage storage, ReadOnlySpan<BlockCopy> copies)
    {
        CudaKvStorage own = Own(storage);
        CopyBlocksArguments arguments = new()
        {
            Pools = own.Pools,
            BlockBytes = own.Pools + (own.NumPools * sizeof(long)),
            Copies = _uploads.Upload(MemoryMarshal.Cast<BlockCopy, int>(copies)),
        };
        Launch(_kernels.CopyBlocks, arguments, (copies.Length, own.NumPools, 1), RowThreads);
    }

    /// <inheritdoc/>
    public void Download(Span<float> destination, TensorView source)
    {
        long rowBytes = (long)source.Columns * source.Type.SizeOf();
        Require(destination.Length >= (long)source.Rows * source.Columns, nameof(destination));
        CudaStaging transfer = Transfer(rowBytes);
        bool isDense = source.RowStride == source.Columns;
        int perSlot = isDense ? (int)Math.Max(1, transfer.SlotBytes / Math.Max(rowBytes, 1)) : 1;
        for (int row = 0; row < source.Rows; row += perSlot)
        {
            int count = Math.Min(perSlot, source.Rows - row);
            nint slot = transfer.Take();
            nint from = source.Address + (nint)((long)row * source.RowStride * source.Type.SizeOf());
            Gpu.CopyToHost(slot, from, count * rowBytes);
            Gpu.Synchronize();
            FloatBits.Read(
                destination.Slice(row * source.Columns, count * source.Columns), slot, 0, source.Type);
        }
    }

    private static bool Same(TensorView a, TensorView b) =>
        a.Rows == b.Rows && a.Columns == b.Columns && a.Type == b.Type;

    private static bool Holds(DeviceBuffer buffer, int count) => buffer.Bytes >= (long)count * sizeof(float);

    private static CudaWeight Own(LinearWeight weight) =>
        weight as CudaWeight ?? throw new ArgumentException("a weight of another device", nameof(weight));

    private static CudaKvStorage Own(KvStorage storage) =>
        storage as CudaKvStorage ?? throw new ArgumentException("KV memory of another device", nameof(storage));

    private static void Require(bool condition, string argument)
    {
        if (!condition) throw new ArgumentException("shape or type does not fit", argument);
    }

    private void Map(TensorView y, TensorView x, int function, float a, float b = 0, float c = 0, float d = 0)
    {
        Require(Same(y, x), nameof(y));
        MapArguments arguments = new()
        {
            Y = y.Address,
            X = x.Address,
            YStride = y.RowStride,
            XStride = x.RowStride,
            Rows = x.Rows,
            Columns = x.Columns,
            Function = function,
            A = a,
            B = b,
            C = c,
            D = d,
        };
        Launch(_kernels.Map.For(x.Type), arguments, (x.Rows, MapBlocks(x.Columns), 1), RowThreads);
    }

    private void Combine(CudaKernel kernel, TensorView y, TensorView x, int function, float scale)
    {
        CombineArguments arguments = new()
        {
            Y = y.Address,
            X = x.Address,
            YStride = y.RowStride,
            XStride = x.RowStride,
            Rows = y.Rows,
            Columns = y.Columns,
            Function = function,
            Scale = scale,
        };
        Launch(kernel.For(y.Type), arguments, (y.Rows, MapBlocks(y.Columns), 1), RowThreads);
    }

    private static int MapBlocks(int columns) => (columns + MapColumns - 1) / MapColumns;

    // An empty grid is an error of the driver's; here it is nothing to do.
    private void Launch<T>(
        CudaFunction function, in T arguments, (int X, int Y, int Z) grid, int threads, int sharedBytes = 0)
        where T : unmanaged
    {
        if (grid.X == 0 || grid.Y == 0 || grid.Z == 0) return;
        Gpu.Launch(function, arguments, grid, threads, sharedBytes);
    }
}
