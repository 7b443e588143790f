using Engine.Memory;

namespace Engine.Devices.Cuda;

internal sealed unsafe partial class CudaDevice
{
    private const int SkinnyRows = 16;

    /// <inheritdoc/>
    public void Linear(TensorView y, TensorView x, LinearWeight weight, DeviceBuffer? bias, bool accumulate)
    {
        CudaWeight w = Own(weight);
        Require(x.Rows == y.Rows && x.Columns == w.K && y.Columns == w.N, nameof(weight));
        Require(bias is null || Holds(bias, w.N), nameof(bias));
        foreach (CudaSegment segment in w.Segments)
        {
            LinearArguments arguments = new()
            {
                Y = y.Address + (segment.FirstRow * y.Type.SizeOf()),
                X = x.Address,
                Weight = w.Address(segment),
                Bias = bias is null ? 0 : bias.Address + (segment.FirstRow * sizeof(float)),
                YStride = y.RowStride,
                XStride = x.RowStride,
                WeightStride = w.K,
                Rows = x.Rows,
                N = segment.N,
                K = w.K,
                WeightType = (int)segment.Type,
                YType = (int)y.Type,
                Accumulate = accumulate ? 1 : 0,
            };
            if (segment.Inputs == CudaInputs.Plain) LaunchPlain(arguments, x.Type, y.Type, segment);
            else LaunchRounded(arguments, x.Type, y.Type, segment);
        }
    }

    private void LaunchPlain(in LinearArguments arguments, DType type, DType yType, CudaSegment segment)
    {
        if (segment.Codes is null) LaunchLinear(arguments, type, segment);
        else if (segment.IsOrdered) LaunchOrdered(arguments, type, yType, segment);
        else LaunchCodes(arguments, type, segment);
    }

    private void LaunchLinear(in LinearArguments arguments, DType type, CudaSegment segment)
    {
        bool isTiled = segment.Type == type && UsesTensorCores(arguments, type, _kernels.LinearTiled);
        if (isTiled && _cublasLt is not null && _cublasLt.TryLaunch(arguments, type)) return;
        if (isTiled && _wgmma is not null)
        {
            _wgmma.Launch(_kernels, arguments, type);
            return;
        }

        if (!isTiled)
        {
            LaunchProduct(
                arguments, arguments, _kernels.LinearAny.For(type), AnyGrid(arguments), LinearAnySharedBytes);
        }
        else if (UsesSkinny(arguments, type, _kernels.LinearSkinny, LinearSkinnySharedBytes))
        {
            LaunchProduct(
                arguments, arguments, _kernels.LinearSkinny.For(type), (Gpu.NumMultiprocessors, 1, 1),
                LinearSkinnySharedBytes);
        }
        else
        {
            LaunchProduct(
                arguments, arguments, _kernels.LinearTiled.For(type), TiledGrid(arguments), LinearTiledSharedBytes);
        }
    }

    private void LaunchCodes(LinearArguments arguments, DType type, CudaSegment segment)
    {
        CodeKernels kernels = _kernels.Codes(segment.Codes!.Type);
        nint weight = arguments.Weight;
        arguments.WeightStride = segment.RowBytes(CodePlane.Codes);
        arguments.WeightType = (int)segment.Codes.Type;
        bool isTiled = UsesTensorCores(arguments, type, kernels.Tiled);
        QuantizedLinearArguments all = new() { Linear = arguments, Codes = CodesOf(segment, weight) };
        int shared = CodesSkinnySharedBytes(segment.Codes.Bits);
        if (!isTiled)
            LaunchProduct(all, arguments, kernels.Any.For(type), AnyGrid(arguments), LinearAnySharedBytes);
        else if (UsesSkinny(arguments, type, kernels.Skinny, shared))
            LaunchProduct(all, arguments, kernels.Skinny.For(type), (SkinnyBlocks(shared), 1, 1), shared);
        else
            LaunchProduct(all, arguments, kernels.Tiled.For(type), TiledGrid(arguments), CodesTiledSharedBytes);
    }

    // Two to an SM where two fit.
    private int SkinnyBlocks(int shared) => Gpu.NumMultiprocessors * Math.Clamp(Gpu.SharedBytesMax / shared, 1, 2);

    // Columns of x in the weight's order, some rows at a time.
    private void LaunchOrdered(LinearArguments arguments, DType type, DType yType, CudaSegment segment)
    {
        nint x = arguments.X, y = arguments.Y, scales = arguments.RowScales, room = _ordered.Address;
        int rows = arguments.Rows;
        long xBytes = arguments.XStride * type.SizeOf(), yBytes = arguments.YStride * yType.SizeOf();
        PermuteColumnsArguments permute = new()
        {
            Y = room,
            Order = arguments.Weight + (nint)segment.OrderOffset,
            YStride = segment.K,
            XStride = arguments.XStride,
            Columns = segment.K,
        };
        arguments.X = room;
        arguments.XStride = segment.K;
        for (int row = 0; row < rows; row += OrderedRows)
        {
            permute.Rows = arguments.Rows = Math.Min(OrderedRows, rows - row);
            permute.X = x + (nint)(row * xBytes);
            arguments.Y = y + (nint)(row * yBytes);
            if (scales != 0) arguments.RowScales = scales + (row * sizeof(float));
            Launch(
                _kernels.PermuteColumns.For(type), permute, (permute.Rows, MapBlocks(segment.K), 1), RowThreads);
            LaunchCodes(arguments, type, segment);
        }
    }

    private static (int X, int Y, int Z) AnyGrid(in LinearArguments shape) => (Up(shape.N, 32), Up(shape.Rows, 8), 1);

    private static (int X, int Y, int Z) TiledGrid(in LinearArguments shape) =>
        (Up(shape.Rows, 64), Up(shape.N, 128), 1);

    private void LaunchProduct<T>(
        in T arguments, in LinearArguments shape, CudaFunction kernel, (int X, int Y, int Z) grid, int shared)
        where T : unmanaged
    {
        if (shape.Rows > 0) Launch(kernel, arguments, grid, RowThreads, shared);
    }

    internal static CodesArguments CodesOf(CudaSegment segment, nint weight)
    {
        CudaCodes codes = segment.Codes!;
        return new CodesArguments
        {
            Scales = weight + (nint)segment.PlaneOffset(CodePlane.Scales),
            Mins = codes.HasMins ? weight + (nint)segment.PlaneOffset(CodePlane.Mins) : 0,
            Subs = codes.HasSubs ? weight + (nint)segment.PlaneOffset(CodePlane.Subs) : 0,
            SubMins = codes.HasSubs && codes.HasMins ? weight + (nint)segment.PlaneOffset(CodePlane.SubMins) : 0,
            Zeros = codes.HasZeros ? weight + (nint)segment.PlaneOffset(CodePlane.Zeros) : 0,
            Table = codes.Table is not null ? weight + (nint)segment.TableOffset : 0,
            GroupShift = codes.GroupShift,
            GroupsStride = codes.Groups(segment.K),
            ScalesStride = codes.Scales(segment.K),
            ScaleType = (int)codes.ScaleType,
            SubType = (int)codes.SubType,
            Zero = codes.Zero,
        };
    }

    // The same bits as the tiled product, so this choice may depend on the rows; smaller GPUs lack the shared memory.
    private bool UsesSkinny(in LinearArguments arguments, DType type, CudaKernel kernel, int shared) =>
        arguments.Rows <= SkinnyRows && arguments.K <= LinearSkinnyMaxK && Gpu.SharedBytesMax >= shared
        && kernel.Has(type);

    // Sums differ in their last bits between these and the plain kernel, so the choice must not depend on the rows:
    // widths and strides alone decide, and every activation buffer starts on 256 bytes.
    private static bool UsesTensorCores(in LinearArguments arguments, DType type, CudaKernel kernel)
    {
        const int Vector = 8;
        const int VectorBytes = 16;
        return type != DType.F32 && arguments.K % Vector == 0 && arguments.XStride % Vector == 0
            && arguments.X % VectorBytes == 0 && kernel.Has(type);
    }

    internal static int Up(int value, int unit) => (value + unit - 1) / unit;
}
