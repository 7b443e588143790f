using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Tests.Kernels;

/// <summary>
/// Products with weights whose codes are floats (e4m3, nf4, fp4), against double accumulation over the weights and,
/// where bf16 is multiplied, over activations and tables rounded to it.
/// </summary>
[TestFixtureSource(nameof(Cases))]
public sealed class FloatCodeKernelTests(CpuIsa isa, ActivationPrecision precision)
{
    private CpuDevice _device = null!;

    internal static readonly (string Name, WeightCodes Codes)[] Forms =
    [
        ("fp8 blocks", new(8, 128, CodeScales.Plain, CodeScaleType.F32, CodeValues.E4M3)),
        ("fp8 rows", new(8, 100_000, CodeScales.Plain, CodeScaleType.BF16, CodeValues.E4M3)),
        ("fp8 g32", new(8, 32, CodeScales.Plain, CodeScaleType.F16, CodeValues.E4M3)),
        ("nf4", new(4, 64, CodeScales.Plain, CodeScaleType.F32, CodeValues.Nf4)),
        ("fp4", new(4, 64, CodeScales.Plain, CodeScaleType.F32, CodeValues.Fp4)),
        ("nf4 g32", new(4, 32, CodeScales.Plain, CodeScaleType.F32, CodeValues.Nf4)),
        ("fp4 g256", new(4, 256, CodeScales.Plain, CodeScaleType.F32, CodeValues.Fp4)),
    ];

    public static IEnumerable<TestFixtureData> Cases =>
        from isa in KernelData.Isas
        where isa != CpuIsa.AmxBf16
        from precision in new[] { ActivationPrecision.Bits8, ActivationPrecision.Float }
        where isa >= CpuIsa.Avx512Bf16 || precision == ActivationPrecision.Float
        select new TestFixtureData(isa, precision);

    private static IEnumerable<string> Names => Forms.Select(f => f.Name);

    private static WeightCodes Form(string name) => Forms.First(f => f.Name == name).Codes;

    // What the bf16 kernel needs beside the instruction set.
    private bool IsRounded => precision == ActivationPrecision.Bits8
        && System.Runtime.Intrinsics.X86.Avx512Vbmi.IsSupported;

    [OneTimeSetUp]
    public void Start() => _device = KernelData.Device(isa, threads: 3, precision);

    [OneTimeTearDown]
    public void Stop() => _device.Dispose();

    [Test]
    public void EveryShapeMatchesTheReference([ValueSource(nameof(Names))] string name)
    {
        WeightCodes form = Form(name);
        for (int k = 1; k <= 257; k++)
            AssertProduct(new RandomCodes(form, 1 + (k * 53 % 35), k, k), 1 + (k % 7));
        for (int n = 1; n <= 257; n += 1 + (n % 7))
            AssertProduct(new RandomCodes(form, n, 1 + (n * 37 % 67), n), 1 + (n % 26));
        AssertProduct(new RandomCodes(form, 50, 1100, 3), 9);
        // Rows that fill their blocks.
        for (int m = 1; m <= 20; m++) AssertProduct(new RandomCodes(form, 50, 128 * (1 + (m % 3)), m), m);
    }

    [Test]
    public void ARowIsTheSameInEveryCrowd([ValueSource(nameof(Names))] string name)
    {
        const int N = 150, K = 331;
        using LinearWeight weight = _device.Pack(new RandomCodes(Form(name), N, K, 1));
        _device.AssertRowsStandAlone(weight, [.. Enumerable.Range(1, 40)]);
    }

    [Test]
    public void EveryE4M3CodeIsExact()
    {
        var matrix = new EveryCode();
        using LinearWeight weight = _device.Pack(matrix);
        float[] y = _device.Multiply(weight, [1, 1, 1, 1], 1), expected = new float[EveryCode.Count];
        for (int i = 0; i < expected.Length; i++) expected[i] = EveryCode.Value(i);
        Assert.That(y, Is.EqualTo(expected).AsCollection);
    }

    [Test]
    public void HugeActivationsStayFinite()
    {
        using LinearWeight weight = _device.Pack(new EveryCode());
        float[] y = _device.Multiply(weight, [1e15f, 0, 0, 0], 1);
        Assert.That(y[4], Is.EqualTo(1e15f * EveryCode.Value(4)).Within(0.5).Percent);
    }

    [Test]
    public void EmbeddingsReadTheCodes([ValueSource(nameof(Names))] string name) =>
        _device.AssertEmbedsRows(new RandomCodes(Form(name), 40, 70, 6));

    [TestCase("nf4", 4.5)]
    [TestCase("fp8 blocks", 8.25)]
    public void BytesAreNearThoseOfTheFile(string name, double bits)
    {
        LinearSource source = Products.Source(new RandomCodes(Form(name), 16, 1024, 1));
        Assert.That(_device.PackedLinearBytes(source) / 2048.0, Is.EqualTo(bits));
    }

    // The codes' own values, in bf16 where that is multiplied: scales are applied afterwards.
    private void AssertProduct(RandomCodes matrix, int m)
    {
        int n = matrix.N, k = matrix.K;
        using LinearWeight weight = _device.Pack(matrix);
        float[] x = KernelData.Random(m * k, m), y = _device.Multiply(weight, x, m), w = new float[k];
        float[] seen = IsRounded ? KernelData.Round(x, DType.BF16) : x;
        matrix.RoundsTables = IsRounded;
        for (int c = 0; c < n; c++)
        {
            matrix.Dequantize(c, w);
            for (int r = 0; r < m; r++)
            {
                (double value, double magnitude) = KernelData.Dot(seen.AsSpan(r * k, k), w);
                double found = y[(r * n) + c];
                if (!(Math.Abs(found - value) <= (3e-6 * magnitude) + 1e-30))
                    Assert.Fail($"[{n}, {k}] x {m}, [{r}, {c}]: {found}, expected {value}, of {magnitude}");
            }
        }
    }

    // A row per code that is a number: the code in one column, zeros in the others.
    private sealed class EveryCode() : WeightMatrix(Count, 4)
    {
        public const int Count = 254;

        public override WeightCodes Codes { get; } =
            new(8, 128, CodeScales.Plain, CodeScaleType.F32, CodeValues.E4M3);

        public static float Value(int row) => SmallFloats.E4M3[row < 127 ? row : row + 1];

        public override void Dequantize(int row, Span<float> destination)
        {
            destination.Clear();
            destination[row % 4] = Value(row);
        }

        public override void ReadCodes(int row, in CodeRow target)
        {
            target.Codes.Clear();
            target.Codes[row % 4] = (byte)(row < 127 ? row : row + 1);
            target.Scales.Fill(1);
        }
    }
}
