using System.Buffers.Binary;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;

namespace Engine.Tests.Kernels;

/// <summary>
/// Products with int8 and int4 weights against double accumulation over the dequantized weights and, where
/// activations are rounded, over activations rounded the same way.
/// </summary>
[TestFixtureSource(nameof(Cases))]
public sealed class QuantizedKernelTests(CpuIsa isa, ActivationPrecision precision)
{
    private const int Group = 32;
    private CpuDevice _device = null!;

    private static readonly WeightQuantization[] _kinds = [WeightQuantization.Int8, WeightQuantization.Int4];

    public static IEnumerable<TestFixtureData> Cases =>
        from isa in KernelData.Isas
        from precision in Enum.GetValues<ActivationPrecision>()
        where precision != ActivationPrecision.Auto
        select new TestFixtureData(isa, precision);

    [OneTimeSetUp]
    public void Start() => _device = KernelData.Device(isa, threads: 3, precision);

    [OneTimeTearDown]
    public void Stop() => _device.Dispose();

    [Test]
    public void EveryOutputWidthMatchesTheReference([ValueSource(nameof(_kinds))] WeightQuantization kind)
    {
        for (int n = 1; n <= 257; n += 1 + (n % 3)) AssertProduct(kind, n, 1 + (n * 37 % 131), 1 + (n % 13));
    }

    [Test]
    public void EveryInputWidthMatchesTheReference([ValueSource(nameof(_kinds))] WeightQuantization kind)
    {
        for (int k = 1; k <= 257; k++) AssertProduct(kind, 1 + (k * 53 % 70), k, 1 + (k % 7));
    }

    [Test]
    public void OneRowOfAnyWidthMatchesTheReference([ValueSource(nameof(_kinds))] WeightQuantization kind)
    {
        for (int k = 1; k <= 130; k++) AssertProduct(kind, 19, k, 1);
    }

    [Test]
    public void ARowIsTheSameInEveryCrowd([ValueSource(nameof(_kinds))] WeightQuantization kind)
    {
        // The most rows are those with which the last panels go to threads in smaller shares.
        const int N = 150, K = 331;
        using LinearWeight weight = Pack(KernelData.Random(N * K, 1), N, K, kind);
        _device.AssertRowsStandAlone(weight, [.. Enumerable.Range(1, 40), 67]);
    }

    [Test]
    public void BlocksOnDiskAreTakenAsTheyAre([Values(WeightBlocks.Q8_0, WeightBlocks.Q4_0)] WeightBlocks blocks)
    {
        const int N = 21, K = 96, M = 3;
        byte[] data = RandomBlocks(blocks, N, K, out float[] values);
        using LinearWeight weight = PackBlocks(data, blocks, N, K, WeightQuantization.None);
        AssertProduct(weight, values, KernelData.Random(M * K, 4), M, "blocks");
    }

    [Test]
    public void BlocksOfTwoKindsAreWidened()
    {
        const int N = 5, K = 64;
        byte[] eight = RandomBlocks(WeightBlocks.Q8_0, N, K, out float[] a);
        byte[] four = RandomBlocks(WeightBlocks.Q4_0, N, K, out float[] b);
        using LinearWeight weight = PackTwo(eight, four, N, K);
        float[] x = KernelData.Random(K, 4), y = _device.Multiply(weight, x, 1);
        for (int n = 0; n < 2 * N; n++)
        {
            float[] rows = n < N ? a : b;
            (double value, double magnitude) = KernelData.Dot(x, rows.AsSpan(n % N * K, K));
            Assert.That(y[n], Is.EqualTo(value).Within(1e-6 * magnitude));
        }
    }

    [Test]
    public void EmbeddingsReadPackedRows([ValueSource(nameof(_kinds))] WeightQuantization kind)
    {
        const int N = 40, K = 70;
        float[] w = KernelData.Random(N * K, 6);
        using LinearWeight weight = Pack(w, N, K, kind);
        using var gy = new GuardedMemory(2 * K * sizeof(float));
        _device.Embed(gy.View(2, K, K), weight, [39, 3], 2f);
        float[] expected = Dequantized(w, K, kind);
        float[] rows = [.. expected.AsSpan(39 * K, K), .. expected.AsSpan(3 * K, K)];
        Assert.That(gy.Floats(2 * K).ToArray(), Is.EqualTo(rows.Select(v => v * 2f)).Within(1e-6));
    }

    [Test]
    public void NotANumberInTheActivationsShows([Values(float.NaN, float.PositiveInfinity)] float bad)
    {
        using LinearWeight weight = Pack(KernelData.Random(64 * 3, 1), 3, 64, WeightQuantization.Int8);
        var x = new float[64];
        x[40] = bad;
        Assert.That(float.IsFinite(_device.Multiply(weight, x, 1)[0]), Is.False);
    }

    [Test]
    public void RoundingStaysWithinItsBitsOfTheUnroundedProduct(
        [ValueSource(nameof(_kinds))] WeightQuantization kind)
    {
        const int N = 64, K = 2048;
        float[] w = KernelData.Random(N * K, 7), x = KernelData.Random(K, 8);
        using LinearWeight weight = Pack(w, N, K, kind);
        float[] y = _device.Multiply(weight, x, 1), exact = Dequantized(w, K, kind);
        double error = 0, norm = 0;
        for (int n = 0; n < N; n++)
        {
            double value = KernelData.Dot(x, exact.AsSpan(n * K, K)).Value;
            error += Math.Pow(y[n] - value, 2);
            norm += value * value;
        }

        double limit = precision switch
        {
            ActivationPrecision.Bits8 => 8e-3,
            ActivationPrecision.Bits15 => 8e-5,
            _ => 2e-6,
        };
        Assert.That(Math.Sqrt(error / norm), Is.LessThan(limit));
    }

    [Test]
    public void PackingKeepsItsPromiseOnBytes([ValueSource(nameof(_kinds))] WeightQuantization kind)
    {
        using LinearWeight weight = Pack(new float[50 * 70], 50, 70, kind);
        long perSuperblock = kind == WeightQuantization.Int8 ? 1088 : 576;
        Assert.That(weight.Bytes, Is.EqualTo(4 * 2 * perSuperblock));
    }

    private static byte[] RandomBlocks(WeightBlocks blocks, int n, int k, out float[] values)
    {
        var random = new Random(9);
        int size = blocks == WeightBlocks.Q8_0 ? 34 : 18;
        var data = new byte[n * k / Group * size];
        random.NextBytes(data);
        values = new float[n * k];
        for (int b = 0; b < n * k / Group; b++)
        {
            Span<byte> block = data.AsSpan(b * size, size);
            var scale = (Half)(random.NextSingle() * 0.1f);
            BinaryPrimitives.WriteHalfLittleEndian(block, scale);
            for (int i = 0; i < Group; i++)
            {
                int q = size == 34 ? (sbyte)block[2 + i] : ((block[2 + (i % 16)] >> (i / 16 * 4)) & 15) - 8;
                values[(b * Group) + i] = q * (float)scale;
            }
        }

        return data;
    }

    private static float[] Dequantized(float[] w, int k, WeightQuantization kind)
    {
        var result = new float[w.Length];
        for (int row = 0; row < w.Length; row += k)
        {
            for (int g = 0; g < k; g += Group)
            {
                int count = Math.Min(Group, k - g);
                Span<float> group = w.AsSpan(row + g, count);
                float largest = 0;
                foreach (float v in group) largest = Math.Abs(v) > Math.Abs(largest) ? v : largest;
                bool eight = kind == WeightQuantization.Int8;
                float scale = (float)(Half)(eight ? Math.Abs(largest) / 127 : largest / -8);
                float inverse = scale != 0 ? 1 / scale : 0;
                for (int i = 0; i < count; i++)
                {
                    float q = MathF.Round(group[i] * inverse, MidpointRounding.ToEven);
                    result[row + g + i] = Math.Clamp(q, eight ? -127 : -8, eight ? 127 : 7) * scale;
                }
            }
        }

        return result;
    }

    private double[] Rounded(ReadOnlySpan<float> x)
    {
        var result = new double[x.Length];
        int most = precision == ActivationPrecision.Bits8 ? 127 : 16256;
        for (int g = 0; g < x.Length; g += Group)
        {
            int count = Math.Min(Group, x.Length - g);
            float largest = 0;
            for (int i = g; i < g + count; i++) largest = Math.Max(largest, Math.Abs(x[i]));
            float inverse = largest > 0 ? most / largest : 0, scale = largest / most;
            for (int i = g; i < g + count; i++)
            {
                result[i] = precision == ActivationPrecision.Float
                    ? x[i]
                    : MathF.Round(x[i] * inverse, MidpointRounding.ToEven) * (double)scale;
            }
        }

        return result;
    }

    private void AssertProduct(WeightQuantization kind, int n, int k, int m)
    {
        float[] w = KernelData.Random(n * k, n + (1000 * k)), x = KernelData.Random(m * k, m);
        using LinearWeight weight = Pack(w, n, k, kind);
        AssertProduct(weight, Dequantized(w, k, kind), x, m, $"{kind} [{n}, {k}] x {m}");
    }

    private void AssertProduct(LinearWeight weight, float[] w, float[] x, int m, string name)
    {
        int n = weight.N, k = weight.K;
        float[] y = _device.Multiply(weight, x, m);
        for (int r = 0; r < m; r++)
        {
            double[] seen = Rounded(x.AsSpan(r * k, k));
            for (int c = 0; c < n; c++)
            {
                double value = 0, magnitude = 0;
                for (int i = 0; i < k; i++)
                {
                    value += seen[i] * w[(c * k) + i];
                    magnitude += Math.Abs(seen[i] * w[(c * k) + i]);
                }

                double found = y[(r * n) + c];
                if (!(Math.Abs(found - value) <= (3e-6 * magnitude) + 1e-30))
                {
                    Assert.Fail($"{name}, [{r}, {c}]: {found}, expected {value}");
                }
            }
        }
    }

    private unsafe LinearWeight Pack(float[] values, int n, int k, WeightQuantization kind)
    {
        fixed (float* p = values)
        {
            return _device.PackLinear(new LinearSource
            {
                Parts = [new LinearPart(n, k, DType.F32, (nint)p, k)],
                ComputeType = DType.F32,
                Quantization = kind,
            });
        }
    }

    private unsafe LinearWeight PackBlocks(
        byte[] data, WeightBlocks blocks, int n, int k, WeightQuantization kind)
    {
        using var memory = new GuardedMemory(data.Length);
        data.CopyTo(new Span<byte>((void*)memory.Address, data.Length));
        return _device.PackLinear(new LinearSource
        {
            Parts = [new LinearPart(n, k, DType.U8, memory.Address, data.Length / n, Blocks: blocks)],
            ComputeType = DType.F32,
            Quantization = kind,
        });
    }

    private unsafe LinearWeight PackTwo(byte[] eight, byte[] four, int n, int k)
    {
        fixed (byte* a = eight, b = four)
        {
            return _device.PackLinear(new LinearSource
            {
                Parts =
                [
                    new LinearPart(n, k, DType.U8, (nint)a, eight.Length / n, Blocks: WeightBlocks.Q8_0),
                    new LinearPart(n, k, DType.U8, (nint)b, four.Length / n, Blocks: WeightBlocks.Q4_0),
                ],
                ComputeType = DType.F32,
            });
        }
    }
}
