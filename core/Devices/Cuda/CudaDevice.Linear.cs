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
        LinearArguments arguments = new()
        {
            Y = y.Address,
            X = x.Address,
            Weight = w.Address,
            Bias = bias?.Address ?? 0,
            YStride = y.RowStride,
            XStride = x.RowStride,
            WeightStride = w.K,
            Rows = x.Rows,
            N = w.N,
            K = w.K,
            WeightType = (int)w.Type,
            YType = (int)y.Type,
            Accumulate = accumulate ? 1 : 0,
        };
        if (!UsesTensorCores(x, w))
        {
            Launch(
                _kernels.LinearAny.For(x.Type), arguments, (Up(w.N, 32), Up(x.Rows, 8), 1), RowThreads,
                LinearAnySharedBytes);
        }
        else if (UsesSkinny(x, w))
        {
            Launch(
                _kernels.LinearSkinny.For(x.Type), arguments, (Gpu.NumMultiprocessors, 1, 1), RowThreads,
                LinearSkinnySharedBytes);
        }
        else
        {
            Launch(
                _kernels.LinearTiled.For(x.Type), arguments, (Up(x.Rows, 64), Up(w.N, 128), 1), RowThreads,
                LinearTiledSharedBytes);
        }
    }

    // The same bits as the tiled product, so this choice may depend on the rows; smaller GPUs lack the shared memory.
    private bool UsesSkinny(TensorView x, CudaWeight weight) =>
        x.Rows <= SkinnyRows && weight.K <= LinearSkinnyMaxK && Gpu.SharedBytesMax >= LinearSkinnySharedBytes
        && _kernels.LinearSkinny.Has(x.Type);

    // Sums differ in their last bits between these and the plain kernel, so the choice must not depend on the rows:
    // widths and strides alone decide, and every activation buffer starts on 256 bytes.
    private bool UsesTensorCores(TensorView x, CudaWeight weight)
    {
        const int Vector = 8;
        const int VectorBytes = 16;
        return x.Type != DType.F32 && weight.Type == x.Type && weight.K % Vector == 0 && x.RowStride % Vector == 0
            && x.Address % VectorBytes == 0 && _kernels.LinearTiled.Has(x.Type);
    }

    private static int Up(int value, int unit) => (value + unit - 1) / unit;
}
