using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Tests.Kernels;

/// <summary>Products whose inputs are rounded as a checkpoint says, against its formulas.</summary>
[TestFixtureSource(nameof(Cases))]
public sealed class InputRoundingTests(CpuIsa isa)
{
    private CpuDevice _device = null!;

    public static IEnumerable<TestFixtureData> Cases =>
        KernelData.Isas.Where(isa => isa != CpuIsa.AmxBf16).Select(isa => new TestFixtureData(isa));

    private static IEnumerable<string> Names => RoundedInputData.Forms.Select(f => f.Name);

    private static IEnumerable<InputScheme> Schemes => RoundedInputData.Schemes;

    [OneTimeSetUp]
    public void Start() => _device = KernelData.Device(isa, threads: 3, ActivationPrecision.Auto);

    [OneTimeTearDown]
    public void Stop() => _device.Dispose();

    [Test]
    public void ProductsAreThoseOfTheRoundedInputs(
        [ValueSource(nameof(Names))] string name, [ValueSource(nameof(Schemes))] InputScheme scheme)
    {
        WeightCodes form = RoundedInputData.Forms.First(f => f.Name == name).Codes;
        for (int k = 1; k <= 400; k += 19)
        {
            int m = 1 + (k % 14), n = 1 + (k * 7 % 41);
            var matrix = new RandomCodes(form, n, k, k) { Inputs = scheme };
            using LinearWeight weight = _device.Pack(matrix);
            float[] x = KernelData.Random(m * k, k), y = _device.Multiply(weight, x, m), w = new float[k];
            for (int c = 0; c < n; c++)
            {
                matrix.Dequantize(c, w);
                for (int r = 0; r < m; r++)
                {
                    float[] seen = Rounded(scheme, x.AsSpan(r * k, k));
                    (double value, double magnitude) = KernelData.Dot(seen, w);
                    if (!(Math.Abs(y[(r * n) + c] - value) <= (4e-6 * magnitude) + 1e-30))
                        Assert.Fail($"[{n}, {k}] x {m}, [{r}, {c}]: {y[(r * n) + c]}, expected {value}");
                }
            }
        }
    }

    [Test]
    public void ARowIsTheSameInEveryCrowd(
        [ValueSource(nameof(Names))] string name, [ValueSource(nameof(Schemes))] InputScheme scheme)
    {
        const int N = 70, K = 331;
        WeightCodes form = RoundedInputData.Forms.First(f => f.Name == name).Codes;
        using LinearWeight weight = _device.Pack(new RandomCodes(form, N, K, 1) { Inputs = scheme });
        _device.AssertRowsStandAlone(weight, 2, 5, 8, 11, 14, 17, 20);
    }

    [Test]
    public void WhatIsNoNumberShows([ValueSource(nameof(Schemes))] InputScheme scheme)
    {
        const int N = 3, K = 140;
        var matrix = new RandomCodes(RoundedInputData.Forms[0].Codes, N, K, 1) { Inputs = scheme };
        using LinearWeight weight = _device.Pack(matrix);
        foreach (float bad in new[] { float.NaN, float.PositiveInfinity })
        {
            float[] x = KernelData.Random(2 * K, 2);
            x[5] = bad;
            float[] y = _device.Multiply(weight, x, 2);
            Assert.That(y.Select(float.IsFinite), Is.EqualTo(new[] { false, false, false, true, true, true }));
        }
    }

    // As the checkpoints' formats define it, in f32.
    private static float[] Rounded(InputScheme scheme, ReadOnlySpan<float> x)
    {
        float[] y = x.ToArray();
        float most = 0, least = 0;
        foreach (float v in y)
        {
            most = MathF.Max(most, v);
            least = MathF.Min(least, v);
        }

        float largest = MathF.Max(most, -least), range = (most - least) / 255;
        return scheme.Rounding switch
        {
            InputRounding.Int8Tensor => Integers(y, scheme.Scale, scheme.Zero),
            InputRounding.Int8Token => Integers(y, largest / 127, 0),
            InputRounding.Int8TokenZero => Integers(
                y, range, Math.Clamp(MathF.Round(-128 - (least / range), MidpointRounding.ToEven), -128, 127)),
            InputRounding.E4M3Tensor => E4M3(y, scheme.Scale),
            InputRounding.E4M3Token => E4M3(y, MathF.Max(largest / 448, 1 / (448f * 512f))),
            InputRounding.E4M3Group =>
                [.. y.Chunk(128).SelectMany(g => E4M3(g, MathF.Max(g.Max(MathF.Abs), 1e-10f) / 448))],
            _ => [.. y.Chunk(16).SelectMany(g => NvFp4(g, scheme.Scale))],
        };
    }

    private static float[] Integers(float[] x, float scale, float zero) => Array.ConvertAll(
        x, v => (Math.Clamp(MathF.Round(v / scale, MidpointRounding.ToEven) + zero, -128, 127) - zero) * scale);

    private static float[] E4M3(float[] x, float scale) =>
        Array.ConvertAll(x, v => SmallFloats.RoundE4M3(v / scale) * scale);

    private static float[] NvFp4(float[] x, float scale)
    {
        float s = SmallFloats.RoundE4M3(scale * x.Max(MathF.Abs) / 6);
        s = s == 0 ? 0.125f : s;
        return Array.ConvertAll(x, v => MathF.CopySign(Nearest(MathF.Abs(v / (s / scale))), v) * s / scale);
    }

    // Ties go to the even code.
    private static float Nearest(float magnitude)
    {
        int best = 0;
        for (int code = 1; code < 8; code++)
        {
            float now = MathF.Abs(magnitude - SmallFloats.E2M1[code]);
            float before = MathF.Abs(magnitude - SmallFloats.E2M1[best]);
            if (now < before || (now == before && code % 2 == 0)) best = code;
        }

        return SmallFloats.E2M1[best];
    }
}
