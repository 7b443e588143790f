using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Tests.Kernels;

/// <summary>
/// Products with weights of small integers, of every form, against double accumulation over the weights and, where
/// activations are rounded, over activations rounded the same way.
/// </summary>
[TestFixtureSource(nameof(Cases))]
public sealed class CodedKernelTests(CpuIsa isa, ActivationPrecision precision)
{
    private CpuDevice _device = null!;

    internal static readonly (string Name, WeightCodes Codes)[] Forms =
    [
        ("gptq g128", new(4, 128, CodeScales.Zero, CodeScaleType.F16)),
        ("gptq g64", new(4, 64, CodeScales.Zero, CodeScaleType.F16)),
        ("gptq g32", new(4, 32, CodeScales.Zero, CodeScaleType.BF16)),
        ("gptq 3 bits, one group", new(3, 100_000, CodeScales.Zero, CodeScaleType.F32)),
        ("w4a16 g128", new(4, 128, CodeScales.Plain, CodeScaleType.BF16, Zero: 8)),
        ("w8a16", new(8, 100_000, CodeScales.Plain, CodeScaleType.F32, Zero: 128)),
        ("gptq 8 bits", new(8, 128, CodeScales.Zero, CodeScaleType.F16)),
        ("8 bits g32", new(8, 32, CodeScales.Plain, CodeScaleType.F16, Zero: 128)),
        ("Q4_1", new(4, 32, CodeScales.Min, CodeScaleType.F16)),
        ("Q5_0", new(5, 32, CodeScales.Plain, CodeScaleType.F16, Zero: 16)),
        ("Q5_1", new(5, 32, CodeScales.Min, CodeScaleType.F16)),
        ("IQ4_NL", new(4, 32, CodeScales.Plain, CodeScaleType.F16, CodeValues.Iq4)),
        ("IQ4_XS", new(4, 32, CodeScales.Super, CodeScaleType.F16, CodeValues.Iq4)),
        ("IQ2_XXS", new(4, 32, CodeScales.Super, CodeScaleType.F32, CodeValues.Grid2)),
        ("IQ2_S", new(4, 16, CodeScales.Super, CodeScaleType.F32, CodeValues.Grid2)),
        ("IQ3_XXS", new(4, 32, CodeScales.Super, CodeScaleType.F32, CodeValues.Grid3)),
        ("IQ3_S", new(4, 32, CodeScales.Super, CodeScaleType.F32, CodeValues.Grid3S)),
        ("MXFP4", new(4, 32, CodeScales.Plain, CodeScaleType.BF16, CodeValues.DoubledE2M1)),
        ("NVFP4", new(4, 16, CodeScales.SuperE4M3, CodeScaleType.F32, CodeValues.DoubledE2M1)),
        ("Q1_0", new(2, 128, CodeScales.Plain, CodeScaleType.F16, Zero: 1)),
        ("Q2_0", new(2, 64, CodeScales.Plain, CodeScaleType.F16, Zero: 1)),
        ("Q2_K", new(2, 16, CodeScales.SuperMin, CodeScaleType.F16)),
        ("Q3_K", new(3, 16, CodeScales.Super, CodeScaleType.F16, Zero: 4)),
        ("Q4_K", new(4, 32, CodeScales.SuperMin, CodeScaleType.F16)),
        ("Q5_K", new(5, 32, CodeScales.SuperMin, CodeScaleType.F16)),
        ("Q6_K", new(6, 16, CodeScales.Super, CodeScaleType.F16, Zero: 32)),
    ];

    public static IEnumerable<TestFixtureData> Cases =>
        from isa in KernelData.Isas
        where isa != CpuIsa.Avx512Bf16
        from precision in Enum.GetValues<ActivationPrecision>()
        where precision != ActivationPrecision.Auto
        select new TestFixtureData(isa, precision);

    internal static IEnumerable<string> Names => Forms.Select(f => f.Name);

    internal static WeightCodes Form(string name) => Forms.First(f => f.Name == name).Codes;

    [OneTimeSetUp]
    public void Start() => _device = KernelData.Device(isa, threads: 3, precision);

    [OneTimeTearDown]
    public void Stop() => _device.Dispose();

    [Test]
    public void EveryShapeMatchesTheReference([ValueSource(nameof(Names))] string name)
    {
        WeightCodes form = Form(name);
        // All widths where most of the kernels are, a third of them elsewhere.
        int step = precision == ActivationPrecision.Bits8 ? 1 : 3;
        for (int k = 1; k <= 257; k += step)
            AssertProduct(new RandomCodes(form, 1 + (k * 53 % 35), k, k), 1 + (k % 7));
        for (int k = 1; k <= 130; k += step)
            AssertProduct(new RandomCodes(form, 5, k, k), 1);
        for (int n = 1; n <= 257; n += step + (n % 7))
            AssertProduct(new RandomCodes(form, n, 1 + (n * 37 % 67), n), 1 + (n % 13));
        AssertProduct(new RandomCodes(form, 50, 1100, 3), 9);
    }

    [Test]
    public void ARowIsTheSameInEveryCrowd([ValueSource(nameof(Names))] string name)
    {
        // The most rows are those with which the last panels go to threads in smaller shares.
        const int N = 150, K = 331;
        using LinearWeight weight = _device.Pack(new RandomCodes(Form(name), N, K, 1));
        _device.AssertRowsStandAlone(weight, [.. Enumerable.Range(1, 26), 67]);
    }

    [Test]
    public void InputsOfAnotherOrderArePermuted()
    {
        WeightCodes form = Form("gptq g32");
        for (int k = 33; k <= 257; k += 28) AssertProduct(new RandomCodes(form, 40, k, k, isReordered: true), 5);
    }

    [Test]
    public void PartsOfDifferentFormsAreOneWeight()
    {
        const int K = 256;
        RandomCodes a = new(Form("Q4_K"), 21, K, 1), b = new(Form("Q6_K"), 5, K, 2), c = new(Form("Q4_K"), 9, K, 3);
        using LinearWeight weight = _device.Pack(a, b, c);
        float[] x = KernelData.Random(3 * K, 4), y = _device.Multiply(weight, x, 3);
        float[][] alone = [.. new[] { a, b, c }.Select(part =>
        {
            using LinearWeight one = _device.Pack(part);
            return _device.Multiply(one, x, 3);
        })];
        float[] expected = [.. Enumerable.Range(0, 3).SelectMany(
            r => alone.SelectMany(part => part.AsSpan(r * part.Length / 3, part.Length / 3).ToArray()))];
        Assert.That(KernelData.SameBits(y, expected));
    }

    [Test]
    public void EmbeddingsReadTheCodes([ValueSource(nameof(Names))] string name) =>
        _device.AssertEmbedsRows(new RandomCodes(Form(name), 40, 70, 6, isReordered: true));

    [Test]
    public void BytesAreThoseThatWerePromised([ValueSource(nameof(Names))] string name)
    {
        LinearSource source = Products.Source(new RandomCodes(Form(name), 50, 300, 6));
        using LinearWeight weight = _device.PackLinear(source);
        Assert.That(weight.Bytes, Is.EqualTo(_device.PackedLinearBytes(source)));
    }

    [Test]
    public void BytesAreNearThoseOfTheFile()
    {
        double Bits(string name) =>
            _device.PackedLinearBytes(Products.Source(new RandomCodes(Form(name), 16, 1024, 1))) / 2048.0;
        Assert.Multiple(() =>
        {
            Assert.That(Bits("gptq g128"), Is.EqualTo(4.25));
            Assert.That(Bits("Q4_K"), Is.EqualTo(4.625));
            Assert.That(Bits("Q6_K"), Is.EqualTo(6.625));
        });
    }

    private bool IsWide(WeightCodes form) =>
        form.Scales >= CodeScales.Super || form.GroupSize >= 128;

    // What the kernels make of activations: 8 or 15 bits for 32 or 128 values, or nothing where there is no kernel.
    private double[] Rounded(WeightCodes form, RandomCodes matrix, ReadOnlySpan<float> x)
    {
        int bits = Math.Max(form.Bits, 4);
        bool hasFine = form.Values == CodeValues.Integer
            && (form.GroupSize == 16 ? bits == 6 : bits is 4 or 8);
        // Those that are the same as GGUF's blocks have the kernels of these.
        bool isBlocks = CodeBlocks.Of(matrix) != WeightBlocks.None;
        bool isKept = (isa == CpuIsa.Baseline && !isBlocks) || precision == ActivationPrecision.Float
            || (precision == ActivationPrecision.Bits15 && !hasFine);
        bool isWide = !isBlocks && (precision == ActivationPrecision.Bits15 || IsWide(form));
        var result = new double[x.Length];
        int group = isWide ? 128 : 32, most = precision == ActivationPrecision.Bits8 ? 127 : 16256;
        for (int g = 0; g < x.Length; g += group)
        {
            float largest = 0;
            for (int i = g; i < Math.Min(g + group, x.Length); i++)
                largest = Math.Max(largest, Math.Abs(x[matrix.InputOrder?[i] ?? i]));
            float inverse = largest > 0 ? most / largest : 0, scale = largest / most;
            for (int i = g; i < Math.Min(g + group, x.Length); i++)
            {
                int at = matrix.InputOrder?[i] ?? i;
                result[at] = isKept ? x[at] : MathF.Round(x[at] * inverse, MidpointRounding.ToEven) * (double)scale;
            }
        }

        return result;
    }

    private void AssertProduct(RandomCodes matrix, int m)
    {
        int n = matrix.N, k = matrix.K;
        WeightCodes form = matrix.Codes!;
        using LinearWeight weight = _device.Pack(matrix);
        float[] x = KernelData.Random(m * k, m), y = _device.Multiply(weight, x, m), w = new float[k];
        double[][] seen = [.. Enumerable.Range(0, m).Select(r => Rounded(form, matrix, x.AsSpan(r * k, k)))];
        for (int c = 0; c < n; c++)
        {
            matrix.Dequantize(c, w);
            float[] sizes = matrix.Magnitudes(c);
            for (int r = 0; r < m; r++)
            {
                double value = 0, magnitude = 0;
                for (int i = 0; i < k; i++)
                {
                    value += seen[r][i] * w[i];
                    magnitude += Math.Abs(seen[r][i]) * sizes[i];
                }

                double found = y[(r * n) + c];
                if (!(Math.Abs(found - value) <= (3e-6 * magnitude) + 1e-30))
                    Assert.Fail($"[{n}, {k}] x {m}, [{r}, {c}]: {found}, expected {value}, of {magnitude}");
            }
        }
    }
}
