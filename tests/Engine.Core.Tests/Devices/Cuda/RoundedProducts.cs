using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Memory;
using Engine.Quantization;
using Engine.Tests.Kernels;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Products of rounded inputs on a fake GPU, held to their definition in double.</summary>
internal sealed class RoundedProducts(DType type)
{
    public static (string Name, WeightCodes Codes)[] Forms { get; } =
        [.. RoundedInputData.Forms, ("w8 zeros", new(8, 100_000, CodeScales.Zero, CodeScaleType.F32))];

    // Weights, and with groups of 128 inputs that are no codes, are rounded to 16 bits on their way into a product.
    private double Tolerance => type switch { DType.F32 => 4e-6, DType.F16 => 1.2e-3, _ => 9e-3 };

    public CudaDevice Device(bool usesWgmma = false) =>
        new(FakeCuda.DeviceOptions(type) with { FollowsInputs = true, UsesWgmma = usesWgmma });

    public static RandomCodes Matrix(string name, int n, int k, InputScheme inputs) =>
        new(Forms.First(f => f.Name == name).Codes, n, k, n + k) { Inputs = inputs };

    public LinearSource Source(WeightMatrix[] matrices) => new()
    {
        Parts = [.. matrices.Select(m => new LinearPart(m.N, m.K, DType.F32, 0, m.K, Matrix: m))],
        ComputeType = type,
    };

    public void AssertProduct(CudaDevice gpu, int rows, WeightMatrix[] parts)
    {
        int n = parts.Sum(p => p.N), k = parts[0].K;
        float[] x = KernelData.Random(rows * k, 7);
        foreach (ref float v in x.AsSpan()) v = FloatBits.Round(v, type);
        float[] found = Run(gpu, x, rows, parts);
        float[] w = new float[k], seen = new float[k];
        int first = 0;
        foreach (WeightMatrix part in parts)
        {
            for (int c = 0; c < part.N; c++)
            {
                part.Dequantize(c, w);
                for (int r = 0; r < rows; r++)
                {
                    InputRounder.Round(part.Inputs, x.AsSpan(r * k, k), seen);
                    (double value, double magnitude) = KernelData.Dot(seen, w);
                    float y = found[(r * n) + first + c];
                    if (!(Math.Abs(y - value) <= (Tolerance * magnitude) + 1e-30))
                        Assert.Fail($"[{n}, {k}] x {rows}, [{r}, {first + c}]: {y}, expected {value} of {magnitude}");
                }
            }

            first += part.N;
        }
    }

    public float[] Run(CudaDevice device, float[] x, int rows, WeightMatrix[] parts)
    {
        int n = parts.Sum(p => p.N), k = parts[0].K;
        using LinearWeight weight = device.PackLinear(Source(parts));
        using DeviceBuffer xs = device.Allocate((long)rows * k * type.SizeOf());
        using DeviceBuffer ys = device.Allocate((long)rows * n * sizeof(float));
        TensorView input = xs.View(type, rows, k), y = ys.View(DType.F32, rows, n);
        using LinearWeight table = CudaCodesTests.Table(device, x, rows, k);
        device.Embed(input, table, [.. Enumerable.Range(0, rows)], 1);
        device.Linear(y, input, weight, null, accumulate: false);
        float[] result = new float[rows * n];
        device.Download(result, y);
        return result;
    }
}
