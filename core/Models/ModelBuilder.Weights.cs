using Engine.Devices;
using Engine.Loading;
using Engine.Memory;
using Engine.Models.Layers;
using Engine.Quantization;

namespace Engine.Models;

internal sealed partial class ModelBuilder
{
    /// <summary>A whole matrix as a source.</summary>
    internal LinearSource Source(params ReadOnlySpan<SafetensorsTensor> tensors)
    {
        List<LinearPart> parts = [];
        foreach (SafetensorsTensor t in tensors)
        {
            if (t.PairedHeadDim == 0 || t.Address == 0) parts.Add(Part(t, 0, (int)t.Shape[0]));
            else AddPairedRows(parts, t);
        }
        return new LinearSource { Parts = parts, ComputeType = ComputeType };
    }

    /// <summary>Rows of a stored [N, K] matrix.</summary>
    internal static LinearPart Part(SafetensorsTensor t, int firstRow, int numRows)
    {
        int k = (int)t.Shape[1];
        if (t.Matrix is not null && t.Address == 0)
            return new LinearPart(numRows, k, DType.F32, 0, k, Matrix: t.Matrix, FirstRow: firstRow);
        (int stride, int bytes) = Stride(t);
        nint address = t.Address == 0 ? 0 : t.Address + (nint)((long)firstRow * bytes);
        return AsFloats(new LinearPart(numRows, k, t.Type, address, stride, Blocks: t.Blocks));
    }

    /// <summary>The same part, but doubles as floats: no device packs those.</summary>
    internal static LinearPart AsFloats(LinearPart part) => part.Type != DType.F64
        ? part
        : new LinearPart(part.N, part.K, DType.F32, 0, part.K, Matrix: new StoredMatrix(part));

    // Both halves of a head are every other row of it, which a stride expresses without a copy.
    private static void AddPairedRows(List<LinearPart> parts, SafetensorsTensor t)
    {
        int k = (int)t.Shape[1], half = t.PairedHeadDim / 2;
        (int stride, int bytes) = Stride(t);
        for (int head = 0; head < t.Shape[0] / t.PairedHeadDim; head++)
        {
            nint first = t.Address + (nint)((long)head * t.PairedHeadDim * bytes);
            parts.Add(new LinearPart(half, k, t.Type, first, 2 * stride, Blocks: t.Blocks));
            parts.Add(new LinearPart(half, k, t.Type, first + bytes, 2 * stride, Blocks: t.Blocks));
        }
    }

    /// <summary>From row to row: in elements, or bytes of blocks; and in bytes.</summary>
    private static (int Stride, int Bytes) Stride(SafetensorsTensor t)
    {
        int k = (int)t.Shape[1];
        if (t.Blocks == WeightBlocks.None) return (k, checked(k * t.Type.SizeOf()));
        int bytes = checked(k / 32 * (t.Blocks == WeightBlocks.Q8_0 ? 34 : 18));
        return (bytes, bytes);
    }

    internal Linear AddLinear(LinearSource source, float[]? bias)
    {
        Linear linear = new() { N = source.N, K = source.K };
        AddLinear(source, w => linear.Weight = w);
        linear.Bias = bias is null ? null : Vector(bias);
        return linear;
    }

    internal void AddLinear(LinearSource source, Action<LinearWeight> set, bool isTied = false)
    {
        if (!isTied) Count(source);
        _jobs.Add(new PackJob(source, false, set));
        PlannedBytes += Device.PackedLinearBytes(source);
    }

    /// <summary>A tensor as an f32 vector on the device; null in a plan.</summary>
    internal DeviceBuffer? Vector(SafetensorsTensor tensor) => Vector(ReadVector(tensor));

    internal DeviceBuffer? Vector(float[] values)
    {
        PlannedBytes += (long)values.Length * sizeof(float);
        NumParameters += values.Length;
        return IsPlan ? null : Own(Device.Upload(values));
    }

    /// <summary>A tensor as f32; zeros in a plan.</summary>
    internal float[] ReadVector(SafetensorsTensor tensor)
    {
        return (tensor.Address != 0 || tensor.Matrix is not null) && !IsPlan
            ? WeightSource.ReadVector(tensor)
            : new float[tensor.Shape.Aggregate(1L, static (a, b) => a * b)];
    }

    /// <summary>An f32 vector of the engine's own making (ALiBi slopes).</summary>
    internal DeviceBuffer? Constant(float[] values)
    {
        PlannedBytes += (long)values.Length * sizeof(float);
        return IsPlan ? null : Own(Device.Upload(values));
    }
}
