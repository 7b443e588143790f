using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;

namespace Engine.Tests.Kernels;

/// <summary>Matrix products of every instruction set against double accumulation.</summary>
[TestFixtureSource(typeof(KernelData), nameof(KernelData.Isas))]
public sealed class LinearKernelTests(CpuIsa isa)
{
    private CpuDevice _device = null!;

    [OneTimeSetUp]
    public void Start() => _device = KernelData.Device(isa);

    [OneTimeTearDown]
    public void Stop() => _device.Dispose();

    [Test]
    public void EveryOutputWidthMatchesTheReference(
        [Values(DType.F32, DType.F16, DType.BF16)] DType storage,
        [Values(DType.F32, DType.F16, DType.BF16)] DType compute)
    {
        for (int n = 1; n <= 257; n++) AssertProduct(n, 1 + (n * 37 % 97), 1 + (n % 13), storage, compute);
    }

    [Test]
    public void EveryInputWidthMatchesTheReference(
        [Values(DType.F32, DType.F16, DType.BF16)] DType compute)
    {
        for (int k = 1; k <= 257; k++) AssertProduct(1 + (k * 53 % 101), k, 1 + (k % 7), compute, compute);
    }

    [Test]
    public void OneRowOfAnyWidthMatchesTheReference(
        [Values(DType.F32, DType.F16, DType.BF16)] DType compute)
    {
        for (int k = 1; k <= 130; k++) AssertProduct(19, k, 1, compute, compute);
    }

    [Test]
    public void EveryNumberOfRowsMatchesTheReference(
        [Values(DType.F32, DType.F16, DType.BF16)] DType compute)
    {
        for (int m = 1; m <= 70; m++) AssertProduct(83, 96, m, compute, compute);
    }

    [Test]
    public void ATransposedSourceGivesTheSameWeight(
        [Values(DType.F32, DType.F16, DType.BF16)] DType type)
    {
        const int N = 45, K = 70, M = 3;
        float[] rows = KernelData.Random(N * K, 5);
        var columns = new float[N * K];
        for (int n = 0; n < N; n++)
        {
            for (int k = 0; k < K; k++) columns[(k * N) + n] = rows[(n * K) + k];
        }

        using LinearWeight a = KernelData.Pack(_device, rows, N, K, type, type);
        using LinearWeight b = KernelData.Pack(_device, columns, N, K, type, type, transposed: true);
        float[] x = KernelData.Random(M * K, 6);
        Assert.That(Multiply(a, x, M), Is.EqualTo(Multiply(b, x, M)));
    }

    [Test]
    public unsafe void StackedPartsAreOneWeight()
    {
        const int K = 33;
        int[] sizes = [16, 5, 40];
        float[] all = KernelData.Random(sizes.Sum() * K, 7);
        using LinearWeight whole = KernelData.Pack(_device, all, sizes.Sum(), K, DType.F32, DType.F32);
        fixed (float* p = all)
        {
            var parts = new List<LinearPart>();
            int row = 0;
            foreach (int n in sizes)
            {
                parts.Add(new LinearPart(n, K, DType.F32, (nint)(p + (row * K)), K));
                row += n;
            }

            using LinearWeight stacked = _device.PackLinear(
                new LinearSource { Parts = parts, ComputeType = DType.F32 });
            float[] x = KernelData.Random(K, 8);
            Assert.That(Multiply(stacked, x, 1), Is.EqualTo(Multiply(whole, x, 1)));
        }
    }

    [Test]
    public void BiasAndTheOldResultAreAdded()
    {
        const int N = 37, K = 65, M = 5;
        float[] w = KernelData.Random(N * K, 9), x = KernelData.Random(M * K, 10);
        float[] old = KernelData.Random(M * N, 11), bias = KernelData.Random(N, 12);
        using LinearWeight weight = KernelData.Pack(_device, w, N, K, DType.F32, DType.F32);
        using DeviceBuffer b = _device.Upload(bias);
        using var gx = GuardedMemory.OfFloats(x);
        using var gy = GuardedMemory.OfFloats(old);
        _device.Linear(gy.View(M, N, N), gx.View(M, K, K), weight, b, accumulate: true);
        float[] y = gy.Floats(M * N).ToArray();
        for (int i = 0; i < y.Length; i++)
        {
            double dot = KernelData.Dot(x.AsSpan(i / N * K, K), w.AsSpan(i % N * K, K)).Value;
            Assert.That(y[i], Is.EqualTo(dot + bias[i % N] + old[i]).Within(2e-5), $"element {i}");
        }
    }

    [Test]
    public void RowStridesWiderThanTheRowsAreKept()
    {
        const int N = 20, K = 40, M = 9, Gap = 7;
        float[] w = KernelData.Random(N * K, 13), x = KernelData.Random(M * (K + Gap), 14);
        using LinearWeight weight = KernelData.Pack(_device, w, N, K, DType.F32, DType.F32);
        using var gx = GuardedMemory.OfFloats(x.AsSpan(0, (M * (K + Gap)) - Gap));
        using var gy = new GuardedMemory(((M * (N + Gap)) - Gap) * sizeof(float));
        gy.Floats((M * (N + Gap)) - Gap).Fill(7f);
        _device.Linear(gy.View(M, N, N + Gap), gx.View(M, K, K + Gap), weight, null, false);
        Span<float> y = gy.Floats((M * (N + Gap)) - Gap);
        for (int m = 0; m < M; m++)
        {
            for (int n = 0; n < N; n++)
            {
                double dot = KernelData.Dot(x.AsSpan(m * (K + Gap), K), w.AsSpan(n * K, K)).Value;
                Assert.That(y[(m * (N + Gap)) + n], Is.EqualTo(dot).Within(1e-5));
            }

            for (int i = N; i < N + Gap && m + 1 < M; i++) Assert.That(y[(m * (N + Gap)) + i], Is.EqualTo(7f));
        }
    }

    [Test]
    public void PackingKeepsItsPromiseOnBytes([Values(DType.F32, DType.F16, DType.BF16)] DType type)
    {
        using LinearWeight weight = KernelData.Pack(_device, new float[50 * 70], 50, 70, type, type);
        Assert.That(weight.Bytes, Is.EqualTo(64L * 96 * type.SizeOf()));
    }

    [Test]
    public void WrongShapesAreRefused()
    {
        using LinearWeight weight = KernelData.Pack(_device, new float[6], 2, 3, DType.F32, DType.F32);
        using DeviceBuffer memory = _device.Allocate(64);
        Assert.That(
            () => _device.Linear(
                memory.View(DType.F32, 1, 3), memory.View(DType.F32, 1, 3), weight, null, false),
            Throws.ArgumentException);
    }

    private float[] Multiply(LinearWeight weight, float[] x, int rows)
    {
        using var gx = GuardedMemory.OfFloats(x);
        using var gy = new GuardedMemory((long)rows * weight.N * sizeof(float));
        gy.Floats(rows * weight.N).Fill(float.NaN);
        _device.Linear(
            gy.View(rows, weight.N, weight.N), gx.View(rows, weight.K, weight.K), weight, null, false);
        return gy.Floats(rows * weight.N).ToArray();
    }

    private void AssertProduct(int n, int k, int m, DType storage, DType compute)
    {
        float[] w = KernelData.Random(n * k, n + (1000 * k)), x = KernelData.Random(m * k, m);
        float[] stored = KernelData.Round(w, storage);
        if (compute != DType.F32) stored = KernelData.Round(stored, compute);
        bool dot = compute == DType.BF16 && isa >= CpuIsa.Avx512Bf16;
        float[] seen = dot ? KernelData.Round(x, DType.BF16) : x;
        using LinearWeight weight = KernelData.Pack(_device, w, n, k, storage, compute);
        float[] y = Multiply(weight, x, m);
        for (int i = 0; i < y.Length; i++)
        {
            (double value, double magnitude) =
                KernelData.Dot(seen.AsSpan(i / n * k, k), stored.AsSpan(i % n * k, k));
            double error = Math.Abs(y[i] - value);
            if (!(error <= (3e-6 * magnitude) + 1e-30))
            {
                Assert.Fail($"[{n}, {k}] x {m} rows, element {i}: {y[i]}, expected {value}");
            }
        }
    }
}
