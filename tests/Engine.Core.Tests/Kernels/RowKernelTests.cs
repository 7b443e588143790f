using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;

namespace Engine.Tests.Kernels;

/// <summary>Norms, activations, rope and friends against double arithmetic, at every width.</summary>
[TestFixtureSource(typeof(KernelData), nameof(KernelData.Isas))]
public sealed class RowKernelTests(CpuIsa isa)
{
    private const int Rows = 3;
    private CpuDevice _device = null!;

    private delegate void Operation(TensorView y, TensorView x);

    [OneTimeSetUp]
    public void Start() => _device = KernelData.Device(isa);

    [OneTimeTearDown]
    public void Stop() => _device.Dispose();

    [Test]
    public void RmsNormMatchesAtEveryWidth([Values(0f, 1f)] float offset)
    {
        for (int n = 1; n <= 257; n++)
        {
            float[] x = KernelData.Random(Rows * n, n), w = KernelData.Random(n, n + 1);
            using DeviceBuffer weight = Guarded(w);
            float[] y = Run(x, n, n, (gy, gx) => _device.RmsNorm(gy, gx, weight, 1e-6f, offset));
            for (int r = 0; r < Rows; r++)
            {
                double squares = 0;
                for (int i = 0; i < n; i++) squares += Math.Pow(x[(r * n) + i], 2);
                double scale = 1 / Math.Sqrt((squares / n) + 1e-6f);
                AssertNear(y.AsSpan(r * n, n), i => x[(r * n) + i] * scale * (w[i] + offset), 2e-6, n);
            }
        }
    }

    [Test]
    public void LayerNormMatchesAtEveryWidth()
    {
        for (int n = 1; n <= 257; n++)
        {
            float[] x = KernelData.Random(Rows * n, n), w = KernelData.Random(n, n + 1);
            float[] b = KernelData.Random(n, n + 2);
            using DeviceBuffer weight = Guarded(w), bias = Guarded(b);
            float[] y = Run(x, n, n, (gy, gx) => _device.LayerNorm(gy, gx, weight, bias, 1e-5f));
            for (int r = 0; r < Rows; r++)
            {
                double mean = 0, squares = 0;
                for (int i = 0; i < n; i++) mean += (double)x[(r * n) + i] / n;
                for (int i = 0; i < n; i++) squares += Math.Pow(x[(r * n) + i] - mean, 2);
                double scale = 1 / Math.Sqrt((squares / n) + 1e-5f);
                // One over the deviation may be large where a row is short.
                AssertNear(
                    y.AsSpan(r * n, n), i => ((x[(r * n) + i] - mean) * scale * w[i]) + b[i],
                    n < 3 ? 2e-4 : 5e-6, n);
            }
        }
    }

    [Test]
    public void NormPerHeadIsTheNormOfEachHead()
    {
        const int Heads = 5, N = 24;
        float[] x = KernelData.Random(Rows * Heads * N, 3), w = KernelData.Random(N, 4);
        using DeviceBuffer weight = Guarded(w);
        float[] grouped = Run(
            x, Heads * N, Heads * N, (y, gx) => _device.RmsNorm(y, gx, weight, 1e-6f, 0, Heads));
        using var gx = GuardedMemory.OfFloats(x);
        using var gy = new GuardedMemory(x.Length * sizeof(float));
        _device.RmsNorm(gy.View(Rows * Heads, N, N), gx.View(Rows * Heads, N, N), weight, 1e-6f);
        Assert.That(grouped, Is.EqualTo(gy.Floats(x.Length).ToArray()));
    }

    [Test]
    public void ActivationsMatchAtEveryWidth([Values] Activation activation)
    {
        for (int n = 1; n <= 257; n++)
        {
            float[] x = KernelData.Random(Rows * 2 * n, n, scale: 3f);
            float[] y = Run(x, 2 * n, n, (gy, gx) => _device.ActivateAndMultiply(gy, gx, activation));
            for (int r = 0; r < Rows; r++)
            {
                int at = r * 2 * n;
                AssertNear(
                    y.AsSpan(r * n, n), i => Reference(activation, x[at + i]) * x[at + n + i], 4e-6, n);
            }
        }
    }

    [Test]
    public void ActivationsHoldOverTheWholeRange([Values] Activation activation)
    {
        float[] x = [.. Enumerable.Range(-3000, 6001).Select(i => i * 0.01f), 0f, 1e-20f, -1e-20f, 500f, -500f];
        float[] y = Run(x, x.Length, x.Length, (gy, gx) => _device.Activate(gy, gx, activation), rows: 1);
        for (int i = 0; i < x.Length; i++)
        {
            double expected = Reference(activation, x[i]);
            double tolerance = (2e-6 * Math.Abs(expected)) + (1e-7 * Math.Min(1, Math.Abs(x[i])));
            Assert.That(y[i], Is.EqualTo(expected).Within(tolerance), $"at {x[i]}");
        }
    }

    [Test]
    public void NotANumberStaysVisible([Values] Activation activation)
    {
        float[] y = Run([float.NaN, 1f], 2, 2, (gy, gx) => _device.Activate(gy, gx, activation), rows: 1);
        Assert.That(float.IsNaN(y[0]), Is.True);
    }

    [Test]
    public void SoftCapMatchesAtEveryWidth()
    {
        for (int n = 1; n <= 257; n++)
        {
            float[] x = KernelData.Random(Rows * n, n, scale: 40f);
            float[] y = InPlace(x, n, v => _device.SoftCap(v, 30f));
            AssertNear(y, i => 30 * Math.Tanh(x[i] / 30.0), 2e-6, n);
        }
    }

    [Test]
    public void AddAndScaleMatchAtEveryWidth()
    {
        for (int n = 1; n <= 257; n++)
        {
            float[] x = KernelData.Random(Rows * n, n), old = KernelData.Random(Rows * n, n + 1);
            using var gy = GuardedMemory.OfFloats(old);
            using var gx = GuardedMemory.OfFloats(x);
            _device.AddScaled(gy.View(Rows, n, n), gx.View(Rows, n, n), 0.5f);
            _device.Scale(gy.View(Rows, n, n), 3f);
            AssertNear(gy.Floats(Rows * n), i => (old[i] + (x[i] * 0.5)) * 3, 1e-6, n);
        }
    }

    [Test]
    public void RopeTurnsPairsByTheirAngle([Values] bool interleaved)
    {
        foreach ((int headDim, int rotary) in new[] { (2, 2), (6, 4), (64, 64), (80, 32), (96, 96), (130, 70) })
        {
            const int Heads = 3, Positions = 11;
            int n = Heads * headDim, half = rotary / 2;
            float[] x = KernelData.Random(Rows * n, headDim), table = KernelData.Random(Positions * rotary, 1);
            int[] positions = [4, 0, 10];
            using DeviceBuffer cosSin = Guarded(table);
            float[] y = InPlace(
                x, n, v => _device.Rope(v, positions, cosSin, headDim, rotary, interleaved));
            for (int r = 0; r < Rows * Heads; r++)
            {
                int at = r * headDim, row = positions[r / Heads] * rotary;
                for (int i = 0; i < half; i++)
                {
                    int a = at + (interleaved ? 2 * i : i), b = at + (interleaved ? (2 * i) + 1 : i + half);
                    double c = table[row + i], s = table[row + half + i];
                    Assert.That(y[a], Is.EqualTo((x[a] * c) - (x[b] * s)).Within(2e-6));
                    Assert.That(y[b], Is.EqualTo((x[b] * c) + (x[a] * s)).Within(2e-6));
                }

                for (int i = rotary; i < headDim; i++) Assert.That(y[at + i], Is.EqualTo(x[at + i]));
            }
        }
    }

    [Test]
    public void APositionOutsideTheTableIsRefused()
    {
        using DeviceBuffer table = _device.Allocate(4 * 4 * sizeof(float)), x = _device.Allocate(64);
        Assert.That(
            () => _device.Rope(x.View(DType.F32, 1, 4), [4], table, 4, 4, false),
            Throws.TypeOf<EngineException>());
    }

    [Test]
    public unsafe void EmbeddingRowsAreReadFromTablesAndFromPackedWeights(
        [Values(DType.F32, DType.F16, DType.BF16)] DType type, [Values] bool packed)
    {
        const int Vocab = 50, N = 37;
        float[] table = KernelData.Random(Vocab * N, 2);
        int[] ids = [49, 0, 17];
        fixed (byte* p = KernelData.Encode(table, type))
        {
            var source = new LinearSource
            {
                Parts = [new LinearPart(Vocab, N, type, (nint)p, N)],
                ComputeType = type,
            };
            using LinearWeight weight = packed ? _device.PackLinear(source) : _device.PackEmbedding(source);
            using var gy = new GuardedMemory(Rows * N * sizeof(float));
            _device.Embed(gy.View(Rows, N, N), weight, ids, 2f);
            float[] expected = [.. ids.SelectMany(id => table.AsSpan(id * N, N).ToArray())];
            Assert.That(
                gy.Floats(Rows * N).ToArray(),
                Is.EqualTo(expected.Select(v => KernelData.Round(v, type) * 2f).ToArray()));
        }
    }

    [Test]
    public void GatherTakesTheNamedRows()
    {
        float[] x = KernelData.Random(5 * 7, 1);
        using var gx = GuardedMemory.OfFloats(x);
        using var gy = new GuardedMemory(2 * 7 * sizeof(float));
        _device.GatherRows(gy.View(2, 7, 7), gx.View(5, 7, 7), [4, 1]);
        Assert.That(gy.Floats(14).ToArray(), Is.EqualTo((float[])[.. x.AsSpan(28, 7), .. x.AsSpan(7, 7)]));
    }

    private static double Reference(Activation activation, double x) => activation switch
    {
        Activation.Silu => x / (1 + Math.Exp(-x)),
        Activation.Gelu => 0.5 * x * OnePlusErf(x / Math.Sqrt(2)),
        Activation.GeluTanh =>
            0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))),
        Activation.Relu => Math.Max(x, 0),
        _ => Math.Pow(Math.Max(x, 0), 2),
    };

    // 1 + erf(z): the series near 0, the continued fraction of erfc far from it.
    private static double OnePlusErf(double z)
    {
        double a = Math.Abs(z);
        if (a < 2)
        {
            double term = z, sum = z;
            for (int k = 1; k < 60; k++)
            {
                term *= -z * z / k;
                sum += term / ((2 * k) + 1);
            }

            return 1 + (2 / Math.Sqrt(Math.PI) * sum);
        }

        double fraction = 0;
        for (int k = 200; k > 0; k--) fraction = k / 2.0 / (a + fraction);
        double tail = Math.Exp(-a * a) / Math.Sqrt(Math.PI) / (a + fraction);
        return z < 0 ? tail : 2 - tail;
    }

    private static void AssertNear(
        ReadOnlySpan<float> actual, Func<int, double> expected, double relative, int n)
    {
        for (int i = 0; i < actual.Length; i++)
        {
            double e = expected(i);
            if (!(Math.Abs(actual[i] - e) <= relative * (Math.Abs(e) + 1)))
            {
                Assert.Fail($"width {n}, element {i}: {actual[i]}, expected {e}");
            }
        }
    }

    private float[] Run(float[] x, int columns, int results, Operation operation, int rows = Rows)
    {
        using var gx = GuardedMemory.OfFloats(x);
        using var gy = new GuardedMemory((long)rows * results * sizeof(float));
        operation(gy.View(rows, results, results), gx.View(rows, columns, columns));
        return gy.Floats(rows * results).ToArray();
    }

    private static float[] InPlace(float[] x, int columns, Action<TensorView> operation)
    {
        using var gx = GuardedMemory.OfFloats(x);
        operation(gx.View(Rows, columns, columns));
        return gx.Floats(x.Length).ToArray();
    }

    private static GuardedBuffer Guarded(float[] values) => new(values);

    private sealed class GuardedBuffer(float[] values) : DeviceBuffer
    {
        private readonly GuardedMemory _memory = GuardedMemory.OfFloats(values);

        public override nint Address => _memory.Address;

        public override long Bytes => values.Length * sizeof(float);

        protected override void Dispose(bool disposing) => _memory.Dispose();
    }
}
