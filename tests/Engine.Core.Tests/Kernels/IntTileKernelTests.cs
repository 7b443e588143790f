using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Tests.Kernels;

/// <summary>
/// Products of integers by tiles (AMX) against those of AVX-512 VNNI, which must be the same bits: with tiles in scalar
/// code, and with the processor's own where it has them.
/// </summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class IntTileKernelTests(bool real)
{
    private CpuDevice _tiles = null!;
    private CpuDevice _vnni = null!;

    // Codebooks have kernels of their own on every level.
    private static IEnumerable<string> Names =>
        CodedKernelTests.Names.Where(name => !name.StartsWith("IQ2", StringComparison.Ordinal)
            && !name.StartsWith("IQ3", StringComparison.Ordinal));

    private static RandomCodes Matrix(string name, int n, int k, InputScheme inputs = default) =>
        new(CodedKernelTests.Form(name), n, k, n + k) { Inputs = inputs };

    [OneTimeSetUp]
    public void Start()
    {
        if (CpuDevice.BestIsa < (real ? CpuIsa.AmxBf16 : CpuIsa.Avx512Vnni))
            Assert.Ignore("this machine has not what these tiles stand on");
        CpuDeviceOptions options = new()
        {
            NumThreads = 3,
            PinWorkers = false,
            ActivationPrecision = ActivationPrecision.Auto,
        };
        _tiles = new CpuDevice(real
            ? options with { Isa = CpuIsa.AmxBf16 }
            : options with { EmulatesTiles = true });
        _vnni = new CpuDevice(options with { Isa = CpuIsa.Avx512Vnni });
    }

    [OneTimeTearDown]
    public void Stop()
    {
        _tiles?.Dispose();
        _vnni?.Dispose();
    }

    [Test]
    public void EveryNumberOfRowsGivesTheBitsOfVnni([ValueSource(nameof(Names))] string name)
    {
        for (int m = 1; m <= 40; m++)
            AssertSame(Products.Source(Matrix(name, 1 + (m * 37 % 83), 1 + (m * 71 % 300))), m, m % 3);
    }

    // Enough of everything that blocks of k, pairs of row tiles and panels at a time come more than twice, and of rows
    // that whole numbers are multiplied as bf16, with odd numbers of row tiles and panels.
    [Test]
    public void LongProductsGiveTheBitsOfVnni([ValueSource(nameof(Names))] string name)
    {
        AssertSame(Products.Source(Matrix(name, 150, 1100)), 67, 0);
        AssertSame(Products.Source(Matrix(name, 17, 1300)), 16, 0);
        AssertSame(Products.Source(Matrix(name, 40, 420)), 275, 1);
    }

    // The longest inputs whose panels fit into the scratch memory as bf16, and at all.
    [TestCase(58_000)]
    [TestCase(65_536)]
    public void LongestInputsGiveTheBitsOfVnni(int k) => AssertSame(Products.Source(Matrix("Q4_1", 40, k)), 66, 0);

    [Test]
    public void RoundedInputsGiveTheBitsOfVnni()
    {
        InputScheme token = new(InputRounding.Int8Token), tensor = new(InputRounding.Int8Tensor, 0.02f);
        for (int m = 7; m <= 35; m += 7)
        {
            AssertSame(Products.Source(Matrix("w8a16", 40, 300, token)), m, 0);
            AssertSame(Products.Source(Matrix("w8a16", 40, 300, tensor)), m, 0);
        }
    }

    [Test]
    public unsafe void WeightsRoundedAtLoadGiveTheBitsOfVnni(
        [Values(WeightQuantization.Int8, WeightQuantization.Int4)] WeightQuantization quantization)
    {
        foreach (int m in Enumerable.Range(1, 40).Append(67).Append(275))
        {
            int n = 1 + (m * 37 % 83), k = 1 + (m * 71 % 300);
            fixed (float* values = KernelData.Random(n * k, m))
            {
                AssertSame(
                    new LinearSource
                    {
                        Parts = [new LinearPart(n, k, DType.F32, (nint)values, k)],
                        ComputeType = DType.F32,
                        Quantization = quantization,
                    },
                    m, m % 3);
            }
        }
    }

    // extra: 0 nothing, 1 a bias, 2 accumulation.
    private void AssertSame(LinearSource source, int m, int extra)
    {
        float[] x = KernelData.Random(m * source.K, m + 1);
        float[] expected = Multiply(_vnni, source, x, m, extra), found = Multiply(_tiles, source, x, m, extra);
        if (!KernelData.SameBits(found, expected)) Assert.Fail($"[{source.N}, {source.K}] x {m}: bits differ");
    }

    private static float[] Multiply(CpuDevice device, LinearSource source, float[] x, int m, int extra)
    {
        using LinearWeight weight = device.PackLinear(source);
        using DeviceBuffer bias = device.Upload(KernelData.Random(source.N, 5));
        using var gx = GuardedMemory.OfFloats(x);
        using var gy = GuardedMemory.OfFloats(KernelData.Random(m * source.N, 6));
        device.Linear(
            gy.View(m, source.N, source.N), gx.View(m, source.K, source.K), weight, extra == 1 ? bias : null,
            accumulate: extra == 2);
        return gy.Floats(m * source.N).ToArray();
    }
}
