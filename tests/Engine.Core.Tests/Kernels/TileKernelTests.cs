using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;

namespace Engine.Tests.Kernels;

/// <summary>
/// Products by 16 x 16 tiles (AMX): with tiles in scalar code everywhere, and with the processor's own where it has
/// them. The result says which ran.
/// </summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class TileKernelTests(bool real)
{
    private CpuDevice _device = null!;

    [OneTimeSetUp]
    public void Start()
    {
        if (real && CpuDevice.BestIsa < CpuIsa.AmxBf16)
        {
            Assert.Ignore("this machine has no tiles: only the emulated ones ran");
        }

        _device = new CpuDevice(new CpuDeviceOptions
        {
            NumThreads = 3,
            PinWorkers = false,
            Isa = real ? CpuIsa.AmxBf16 : CpuIsa.Auto,
            EmulatesTiles = !real,
        });
        TestContext.Out.WriteLine(_device.Name);
    }

    [OneTimeTearDown]
    public void Stop() => _device?.Dispose();

    [Test]
    public void TheDeviceMultipliesByTiles() =>
        Assert.That(_device.Isa, Is.EqualTo(CpuIsa.AmxBf16));

    [Test]
    public void EveryOutputWidthMatchesTheReference([Range(1, 257, 16)] int first)
    {
        for (int n = first; n < first + 16; n++) AssertProduct(n, 1 + (n * 37 % 97), 1 + (n % 19), n % 3);
    }

    [Test]
    public void EveryInputWidthMatchesTheReference([Range(1, 257, 32)] int first)
    {
        for (int k = first; k < first + 32; k++) AssertProduct(1 + (k * 53 % 101), k, 1 + (k % 7), k % 3);
    }

    [Test]
    public void EveryNumberOfRowsMatchesTheReference()
    {
        for (int m = 1; m <= 70; m++) AssertProduct(83, 96, m, m % 3);
    }

    [Test]
    public void ARowIsTheSameInEveryCrowdOnAnyThreads()
    {
        const int N = 100, K = 331;
        using LinearWeight weight = KernelData.Pack(
            _device, KernelData.Random(N * K, 1), N, K, DType.BF16, DType.BF16);
        _device.AssertRowsStandAlone(weight, [.. Enumerable.Range(1, 70)]);
    }

    [TestCase(DType.F32)]
    [TestCase(DType.F16)]
    public void OtherFormatsAreMultipliedAsBefore(DType type)
    {
        const int N = 40, K = 70, M = 20;
        CpuIsa below = real ? CpuIsa.Avx512Bf16 : CpuIsa.Baseline;
        using var plain = new CpuDevice(new CpuDeviceOptions { NumThreads = 1, Isa = below });
        float[] w = KernelData.Random(N * K, 1), x = KernelData.Random(M * K, 2);
        using LinearWeight tiled = KernelData.Pack(_device, w, N, K, type, type);
        using LinearWeight other = KernelData.Pack(plain, w, N, K, type, type);
        using var gx = GuardedMemory.OfFloats(x);
        using var gy = new GuardedMemory((long)M * N * sizeof(float));
        plain.Linear(gy.View(M, N, N), gx.View(M, K, K), other, null, false);
        Assert.That(_device.Multiply(tiled, x, M), Is.EqualTo(gy.Floats(M * N).ToArray()));
    }

    // extra: 0 nothing, 1 a bias, 2 accumulation.
    private void AssertProduct(int n, int k, int m, int extra)
    {
        float[] w = KernelData.Random(n * k, n + k), x = KernelData.Random(m * k, m + k + 1);
        float[] bias = KernelData.Random(n, 5), before = KernelData.Random(m * n, 6);
        using LinearWeight weight = KernelData.Pack(_device, w, n, k, DType.BF16, DType.BF16);
        using DeviceBuffer vector = _device.Upload(bias);
        using var gx = GuardedMemory.OfFloats(x);
        using var gy = GuardedMemory.OfFloats(before);
        _device.Linear(
            gy.View(m, n, n), gx.View(m, k, k), weight, extra == 1 ? vector : null, accumulate: extra == 2);
        ReadOnlySpan<float> y = gy.Floats(m * n);
        float[] rw = KernelData.Round(w, DType.BF16), rx = KernelData.Round(x, DType.BF16);
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                (double value, double magnitude) = KernelData.Dot(rx.AsSpan(i * k, k), rw.AsSpan(j * k, k));
                value += extra == 1 ? bias[j] : extra == 2 ? before[(i * n) + j] : 0;
                double error = Math.Abs(y[(i * n) + j] - value);
                if (!(error <= 1e-6 * (magnitude + 4)))
                {
                    Assert.Fail($"[{m}, {k}] x [{n}, {k}]: row {i}, column {j}: {y[(i * n) + j]}, expected {value}");
                }
            }
        }
    }
}
