using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Tests.Kernels;

/// <summary>Products in guarded memory, and what the tests of every form of weights ask of them.</summary>
internal static class Products
{
    public static float[] Multiply(this CpuDevice device, LinearWeight weight, ReadOnlySpan<float> x, int rows)
    {
        using var gx = GuardedMemory.OfFloats(x);
        using var gy = new GuardedMemory((long)rows * weight.N * sizeof(float));
        device.Linear(
            gy.View(rows, weight.N, weight.N), gx.View(rows, weight.K, weight.K), weight, null, false);
        return gy.Floats(rows * weight.N).ToArray();
    }

    /// <summary>One weight whose parts are matrices of codes.</summary>
    public static LinearSource Source(params WeightMatrix[] parts) => new()
    {
        Parts = [.. parts.Select(p => new LinearPart(p.N, p.K, DType.F32, 0, p.K, Matrix: p))],
        ComputeType = DType.F32,
    };

    public static LinearWeight Pack(this CpuDevice device, params WeightMatrix[] parts) =>
        device.PackLinear(Source(parts));

    /// <summary>A row alone has the bits that it has in crowds of these sizes, on one to three threads.</summary>
    public static void AssertRowsStandAlone(this CpuDevice device, LinearWeight weight, params int[] crowds)
    {
        int most = crowds.Max(), k = weight.K, n = weight.N;
        float[] x = KernelData.Random(most * k, 2);
        var alone = new float[most * n];
        for (int m = 0; m < most; m++) device.Multiply(weight, x.AsSpan(m * k, k), 1).CopyTo(alone.AsSpan(m * n));
        foreach (int m in crowds)
        {
            device.SetNumThreads(1 + (m % 3));
            float[] crowd = device.Multiply(weight, x.AsSpan((most - m) * k, m * k), m);
            if (!KernelData.SameBits(crowd, alone.AsSpan((most - m) * n))) Assert.Fail($"{m} rows differ");
        }
    }

    /// <summary>Rows that an embedding takes are those of the matrix, times the scale.</summary>
    public static void AssertEmbedsRows(this CpuDevice device, RandomCodes matrix)
    {
        int k = matrix.K, last = matrix.N - 1;
        using LinearWeight weight = device.Pack(matrix);
        using var gy = new GuardedMemory(2 * k * sizeof(float));
        device.Embed(gy.View(2, k, k), weight, [last, 3], 2f);
        float[] row = new float[k], other = new float[k];
        matrix.Dequantize(last, row);
        matrix.Dequantize(3, other);
        float[] expected = [.. row.Concat(other).Select(v => v * 2)];
        Assert.That(gy.Floats(2 * k).ToArray(), Is.EqualTo(expected).AsCollection);
    }
}
