using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;

namespace Engine.Tests.Kernels;

/// <summary>
/// Attention by 16 x 16 tiles (AMX) in shapes that fill tiles, halves of them and single rows: with tiles in scalar
/// code everywhere, and with the processor's own where it has them.
/// </summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class AttentionTileTests(bool real)
{
    private CpuDevice _device = null!;

    private static readonly DType[] _types = [DType.BF16, DType.I8, DType.F8E4M3];

    [OneTimeSetUp]
    public void Start()
    {
        if (real && CpuDevice.BestIsa < CpuIsa.AmxBf16)
        {
            Assert.Ignore("this machine has no tiles: only the emulated ones ran");
        }

        _device = KernelData.Device(CpuIsa.AmxBf16, threads: 3, emulatesTiles: !real);
        TestContext.Out.WriteLine(_device.Name);
    }

    [OneTimeTearDown]
    public void Stop() => _device?.Dispose();

    [Test]
    public void SubnormalNumbersCountAsZeroAsTheyDoInTiles()
    {
        using var test = new AttentionCase(_device, Settings(2, 1, 16), 20, DType.BF16, 1);
        Array.Fill(test.Value, 1e-39f);
        Assert.That(test.Run([20]), Is.All.Zero);
    }

    [Test]
    public void EveryNumberOfHeadsThatShareKeysMatches([Range(1, 71, 10)] int first)
    {
        for (int group = first; group < first + 10; group++)
        {
            using var test = new AttentionCase(
                _device, Settings(group, 1, 16 + (group % 3 * 16)), 37, DType.BF16, group, compute: DType.BF16);
            float[] whole = test.Run([37]);
            AssertMatches(test, whole, [0, 15, 16, 31, 36], $"{group} heads");
            Assert.That(KernelData.SameBits(test.Run([32, 1, 4]), whole), Is.True, $"{group} heads");
        }
    }

    [Test]
    public void EveryHeadWidthMatches([Values(16, 48, 64, 80, 96, 112, 128, 256, 512)] int headDim)
    {
        foreach (DType type in _types)
        {
            using var test = new AttentionCase(
                _device, Settings(6, 2, headDim), 165, type, headDim, compute: DType.BF16);
            float[] whole = test.Run([165]);
            AssertMatches(test, whole, [0, 15, 16, 127, 128, 160, 164], $"{type}");
            Assert.That(KernelData.SameBits(test.Run([130, 1, 1, 33]), whole), Is.True, $"{type}");
        }
    }

    [Test]
    public void RandomShapesMatchAndAreTheSameHoweverTheyAreCut([Range(1, 40)] int seed)
    {
        var random = new Random(seed);
        int kvHeads = random.Next(1, 4), group = random.Next(1, 19), dim = random.Next(1, 9) * 16;
        int tokens = random.Next(1, 400), size = 16 * random.Next(1, 5);
        DType type = _types[random.Next(3)];
        AttentionSettings settings = Settings(kvHeads * group, kvHeads, dim) with
        {
            SlidingWindow = random.Next(3) == 0 ? random.Next(1, 200) : 0,
            SoftCap = random.Next(3) == 0 ? 3 : 0,
            IsBidirectional = random.Next(5) == 0,
        };
        bool sloped = !settings.IsBidirectional && random.Next(3) == 0;
        using DeviceBuffer slopes = _device.Upload(
            [.. Enumerable.Range(0, kvHeads * group).Select(_ => random.NextSingle() * 0.1f)]);
        if (sloped) settings = settings with { AlibiSlopes = slopes };
        using var test = new AttentionCase(_device, settings, tokens, type, seed, size, DType.BF16);
        _device.SetNumThreads(1);
        float[] whole = test.Run([tokens]);
        string what = $"seed {seed}: {kvHeads} x {group} x {dim}, {tokens} tokens, {type}, {settings}";
        AssertMatches(test, whole, [0, tokens / 3, tokens / 2, tokens - 1], what);
        _device.SetNumThreads(3);
        if (settings.IsBidirectional) return;
        int[] cuts = [.. Enumerable.Range(0, tokens).Select(_ => random.Next(1, random.Next(2) == 0 ? 4 : 90))];
        Assert.That(KernelData.SameBits(test.Run([.. cuts, tokens]), whole), Is.True, what);
    }

    [Test]
    public void ANumberThatIsNoneShowsAndStaysInItsRows([ValueSource(nameof(_types))] DType type)
    {
        using var test = new AttentionCase(_device, Settings(3, 1, 32), 150, type, 9, compute: DType.BF16);
        test.Key[(140 * 32) + 3] = float.NaN;
        float[] output = test.Run([140, 1, 9]);
        Assert.That(output.Take(140 * 96), Is.All.Not.NaN);
        Assert.That(output.Skip(140 * 96), Is.All.NaN);
    }

    private static AttentionSettings Settings(int heads, int kvHeads, int headDim) =>
        new(heads, kvHeads, headDim, 1f / MathF.Sqrt(headDim));

    private static void AssertMatches(AttentionCase test, float[] output, IEnumerable<int> tokens, string what)
    {
        int d = test.Settings.HeadDim;
        foreach (int token in tokens)
        {
            for (int head = 0; head < test.Settings.NumHeads; head++)
            {
                double[] expected = test.Reference(token, head, true);
                ReadOnlySpan<float> row = output.AsSpan(((token * test.Settings.NumHeads) + head) * d, d);
                for (int i = 0; i < d; i++)
                {
                    // Probabilities are rounded to bf16.
                    if (Math.Abs(row[i] - expected[i]) <= 1.2e-2) continue;
                    Assert.Fail($"{what}: token {token}, head {head}, {i}: {row[i]}, expected {expected[i]}");
                }
            }
        }
    }
}
