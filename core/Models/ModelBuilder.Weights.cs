using Engine.Devices;
using Engine.Loading;
using Engine.Memory;
using Engine.Models.Layers;

namespace Engine.Models;

internal sealed partial class ModelBuilder
{
    /// <summary>A whole matrix as a source.</summary>
    internal LinearSource Source(params ReadOnlySpan<SafetensorsTensor> tensors)
    {
        List<LinearPart> parts = [];
        foreach (SafetensorsTensor t in tensors) parts.Add(Part(t, 0, (int)t.Shape[0]));
        return new LinearSource { Parts = parts, ComputeType = ComputeType };
    }

    /// <summary>Rows of a stored [N, K] matrix.</summary>
    internal static LinearPart Part(SafetensorsTensor t, int firstRow, int numRows)
    {
        int k = (int)t.Shape[1];
        if (t.Matrix is not null)
            return new LinearPart(numRows, k, DType.F32, 0, k, Matrix: t.Matrix, FirstRow: firstRow);
        nint address = t.Address == 0 ? 0 : t.Address + (nint)((long)firstRow * k * t.Type.SizeOf());
        return new LinearPart(numRows, k, t.Type, address, k);
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
