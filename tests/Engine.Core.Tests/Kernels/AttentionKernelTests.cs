using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;

namespace Engine.Tests.Kernels;

/// <summary>Paged attention of every instruction set against the definition in double.</summary>
[TestFixtureSource(typeof(KernelData), nameof(KernelData.Levels))]
public sealed class AttentionKernelTests(CpuIsa isa, bool emulatesTiles)
{
    private CpuDevice _device = null!;

    private static readonly DType[] _types = [DType.F32, DType.F16, DType.BF16, DType.I8, DType.F8E4M3];

    private static readonly DType[] _eightBits = [DType.I8, DType.F8E4M3];

    [OneTimeSetUp]
    public void Start() => _device = KernelData.Device(isa, emulatesTiles: emulatesTiles);

    [OneTimeTearDown]
    public void Stop() => _device.Dispose();

    [Test]
    public void EveryContextLengthMatches([ValueSource(nameof(_types))] DType type)
    {
        using var test = new AttentionCase(_device, Settings(4, 2, 16), 70, type, 1);
        AssertMatches(test, test.Run([70]), type, Enumerable.Range(0, 70));
    }

    [Test]
    public void HeadWidthsOddAndEvenMatch(
        [ValueSource(nameof(_types))] DType type, [Values(1, 7, 8, 24, 64, 80, 96, 128, 256, 257)] int headDim)
    {
        using var test = new AttentionCase(_device, Settings(3, 1, headDim), 37, type, headDim);
        AssertMatches(test, test.Run([37]), type, [0, 15, 16, 17, 36]);
    }

    [Test]
    public void EightBitsWithRoundedQueriesMatch(
        [ValueSource(nameof(_eightBits))] DType type, [Values(1, 24, 64, 257)] int headDim)
    {
        using var test = new AttentionCase(
            _device, Settings(6, 2, headDim), 1045, type, headDim, compute: DType.BF16);
        bool rounds = isa >= CpuIsa.Avx512Bf16;
        AssertMatches(test, test.Run([1000, 1, 1, 43]), rounds, [0, 15, 16, 17, 1000, 1001, 1044]);
    }

    [Test]
    public void ZerosStayZeroInEightBits([ValueSource(nameof(_eightBits))] DType type)
    {
        using var test = new AttentionCase(_device, Settings(2, 1, 16), 20, type, 9);
        Array.Clear(test.Key);
        Array.Clear(test.Value);
        Assert.That(test.Run([20]), Is.All.Zero);
    }

    [Test]
    public void WhatIsNotANumberShows([ValueSource(nameof(_types))] DType type)
    {
        using var test = new AttentionCase(_device, Settings(2, 1, 16), 20, type, 9);
        test.Value[(10 * 16) + 3] = float.NaN;
        float[] output = test.Run(Enumerable.Repeat(1, 20));
        Assert.That(output.Take(10 * 32), Is.All.Not.NaN);
        Assert.That(output[(10 * 32) + 3], Is.NaN);
    }

    [Test]
    public void LargeValuesSaturate()
    {
        using var test = new AttentionCase(_device, Settings(2, 1, 16), 1, DType.F8E4M3, 9);
        test.Value[5] = 1e30f;
        Assert.That(test.Run([1])[5], Is.EqualTo(448 * 0.0071f).Within(1e-6f));
    }

    [Test]
    public void ManyHeadsShareOneKeyHead([ValueSource(nameof(_types))] DType type)
    {
        using var test = new AttentionCase(_device, Settings(71, 1, 32), 20, type, 3);
        AssertMatches(test, test.Run([20]), type, [0, 19]);
    }

    [Test]
    public void LongContextsMatch([ValueSource(nameof(_types))] DType type)
    {
        using var test = new AttentionCase(_device, Settings(4, 2, 64), 2100, type, 4);
        AssertMatches(test, test.Run([2100]), type, [0, 255, 256, 1023, 1024, 1025, 2047, 2048, 2099]);
    }

    [Test]
    public void SlidingWindowsMatch(
        [ValueSource(nameof(_types))] DType type, [Values(1, 15, 16, 300, 5000)] int window)
    {
        AttentionSettings settings = Settings(4, 2, 24) with { SlidingWindow = window };
        using var test = new AttentionCase(_device, settings, 1400, type, 5);
        AssertMatches(test, test.Run([700, 700]), type, [0, 1, 16, 299, 300, 301, 1023, 1030, 1399]);
    }

    [Test]
    public void TokensThatSeeBothSidesMatch(
        [ValueSource(nameof(_types))] DType type, [Values(1, 2, 17, 300)] int tokens, [Values(0, 1, 6, 40)] int window)
    {
        AttentionSettings settings = Settings(4, 2, 24) with { SlidingWindow = window, IsBidirectional = true };
        using var test = new AttentionCase(_device, settings, tokens, type, 11);
        AssertMatches(test, test.Run([tokens]), type, [0, tokens / 2, tokens - 1]);
    }

    [Test]
    public void CappedScoresMatch([ValueSource(nameof(_types))] DType type)
    {
        AttentionSettings settings = Settings(2, 1, 64) with { SoftCap = 2f, Scale = 0.5f };
        using var test = new AttentionCase(_device, settings, 50, type, 6);
        AssertMatches(test, test.Run([50]), type, [0, 20, 49]);
    }

    [Test]
    public void AlibiSlopesMatch([ValueSource(nameof(_types))] DType type)
    {
        using DeviceBuffer slopes = _device.Upload([0.5f, 0.25f, 0.125f, 0.0625f]);
        AttentionSettings settings = Settings(4, 2, 32) with { AlibiSlopes = slopes };
        using var test = new AttentionCase(_device, settings, 300, type, 7);
        AssertMatches(test, test.Run([300]), type, [0, 20, 299]);
    }

    [Test]
    public void LargerBlocksMatch([ValueSource(nameof(_types))] DType type)
    {
        using var test = new AttentionCase(_device, Settings(4, 2, 40), 100, type, 8, blockSize: 48);
        AssertMatches(test, test.Run([100]), type, [0, 47, 48, 99]);
    }

    [Test]
    public void ABlockIsCopiedInEveryLayer([ValueSource(nameof(_types))] DType type)
    {
        var shape = new KvStorageShape { BlockSize = 16, Layers = [(1, 16), (2, 16)], Type = type };
        using KvStorage storage = _device.CreateKvStorage(shape, 3);
        using var k = GuardedMemory.OfFloats(KernelData.Random(32, 1));
        using var v = GuardedMemory.OfFloats(KernelData.Random(32, 2));
        _device.WriteKv(storage, 1, k.View(1, 32, 32), v.View(1, 32, 32), [16]);
        float[] before = OneToken(storage, 1);
        _device.CopyBlocks(storage, [new BlockCopy(1, 2)]);
        Assert.That(OneToken(storage, 2), Is.EqualTo(before));
    }

    [Test]
    public void PaddingSlotsAreSkipped([ValueSource(nameof(_types))] DType type)
    {
        var shape = new KvStorageShape { BlockSize = 16, Layers = [(1, 16), (2, 16)], Type = type };
        using KvStorage storage = _device.CreateKvStorage(shape, 1);
        using var rows = GuardedMemory.OfFloats(KernelData.Random(64, 1));
        _device.WriteKv(storage, 1, rows.View(2, 32, 32), rows.View(2, 32, 32), [0, -1]);
        float[] before = OneToken(storage, 0);
        using var other = GuardedMemory.OfFloats(KernelData.Random(32, 9));
        _device.WriteKv(storage, 1, other.View(1, 32, 32), other.View(1, 32, 32), [-1]);
        Assert.That(OneToken(storage, 0), Is.EqualTo(before));
    }

    [Test]
    public void ABlockOutsideTheStorageIsRefused()
    {
        var shape = new KvStorageShape { BlockSize = 16, Layers = [(1, 16), (2, 16)], Type = DType.F32 };
        using KvStorage storage = _device.CreateKvStorage(shape, 3);
        Assert.That(() => OneToken(storage, 3), Throws.TypeOf<EngineException>());
    }

    [Test]
    public void ABlockSizeThatDoesNotFitTheTilesIsRefusedByName()
    {
        var shape = new KvStorageShape { BlockSize = 10, Layers = [(1, 16)], Type = DType.F32 };
        Assert.That(
            () => _device.CreateKvStorage(shape, 3),
            Throws.TypeOf<EngineException>().With.Property("Parameter").EqualTo("block_size"));
    }

    private static AttentionSettings Settings(int heads, int kvHeads, int headDim) =>
        new(heads, kvHeads, headDim, 1f / MathF.Sqrt(headDim));

    private float[] OneToken(KvStorage storage, int block)
    {
        using var q = GuardedMemory.OfFloats(KernelData.Random(32, 3));
        using var o = new GuardedMemory(32 * sizeof(float));
        _device.Attention(
            o.View(1, 32, 32), q.View(1, 32, 32), storage, 1, Settings(2, 2, 16),
            new AttentionBatch
            {
                CuSeqlensQ = [0, 1],
                ContextLens = [1],
                BlockTables = [block],
                MaxBlocksPerRequest = 1,
            });
        return o.Floats(32).ToArray();
    }

    private void AssertMatches(AttentionCase test, float[] output, DType type, IEnumerable<int> tokens) =>
        AssertMatches(test, output, type == DType.BF16 && isa >= CpuIsa.Avx512Bf16, tokens);

    // With the bf16 dot product (dot) queries and probabilities are rounded to bf16 too.
    private static void AssertMatches(AttentionCase test, float[] output, bool dot, IEnumerable<int> tokens)
    {
        double tolerance = dot ? 1.5e-2 : 5e-6;
        int d = test.Settings.HeadDim;
        foreach (int token in tokens)
        {
            for (int head = 0; head < test.Settings.NumHeads; head++)
            {
                double[] expected = test.Reference(token, head, dot);
                int at = ((token * test.Settings.NumHeads) + head) * d;
                for (int i = 0; i < d; i++)
                {
                    if (!(Math.Abs(output[at + i] - expected[i]) <= tolerance))
                    {
                        Assert.Fail($"token {token}, head {head}, {i}: {output[at + i]}, expected {expected[i]}");
                    }
                }
            }
        }
    }
}
