using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Memory;

namespace Engine.Tests.Kernels;

/// <summary>A row's bits do not depend on its company, its place, the threads, or the cut of its prompt.</summary>
[TestFixtureSource(typeof(KernelData), nameof(KernelData.Levels))]
public sealed class InvarianceTests(CpuIsa isa, bool emulatesTiles)
{
    private CpuDevice _device = null!;

    private static readonly DType[] _types = [DType.F32, DType.F16, DType.BF16];

    private static readonly DType[] _kvTypes = [DType.F32, DType.F16, DType.BF16, DType.I8, DType.F8E4M3];

    [OneTimeSetUp]
    public void Start() => _device = KernelData.Device(isa, threads: 3, emulatesTiles: emulatesTiles);

    [OneTimeTearDown]
    public void Stop() => _device.Dispose();

    [SetUp]
    public void AllThreads() => _device.SetNumThreads(3);

    [Test]
    public void AProductRowIsTheSameInEveryCrowd([ValueSource(nameof(_types))] DType type)
    {
        const int N = 150, K = 331;
        using LinearWeight weight = KernelData.Pack(
            _device, KernelData.Random(N * K, 1), N, K, type, type);
        _device.AssertRowsStandAlone(weight, [.. Enumerable.Range(1, 70)]);
    }

    [Test]
    public void AProductIsTheSameOnEveryNumberOfThreads([ValueSource(nameof(_types))] DType type)
    {
        const int N = 700, K = 96, M = 37;
        using LinearWeight weight = KernelData.Pack(
            _device, KernelData.Random(N * K, 1), N, K, type, type);
        float[] x = KernelData.Random(M * K, 2);
        _device.SetNumThreads(1);
        float[] one = _device.Multiply(weight, x, M);
        foreach (int threads in new[] { 2, 3 })
        {
            _device.SetNumThreads(threads);
            Assert.That(KernelData.SameBits(_device.Multiply(weight, x, M), one), Is.True, $"{threads} threads");
        }
    }

    [Test]
    public void AttentionIsTheSameHoweverAPromptIsCut(
        [ValueSource(nameof(_kvTypes))] DType type, [Values(0, 100)] int window, [Values(16, 64)] int headDim)
    {
        const int Tokens = 1090;
        AttentionSettings settings = new(6, 2, headDim, 0.3f, window);
        using var test = new AttentionCase(_device, settings, Tokens, type, 11);
        float[] whole = test.Run([Tokens]);
        int[][] cuts =
        [
            [.. Enumerable.Repeat(1, 40), .. Enumerable.Repeat(50, 30)],
            [.. Enumerable.Repeat(33, 40)],
            [1000, .. Enumerable.Repeat(1, 90)],
            [255, 1, 1, 767, 66],
        ];
        foreach (int[] cut in cuts)
        {
            _device.SetNumThreads(1 + (cut[0] % 3));
            float[] parts = test.Run(cut);
            if (!KernelData.SameBits(parts, whole)) Assert.Fail($"cut {cut[0]}, {cut[1]} ... differs");
        }
    }

    [Test]
    public void AttentionIsTheSameInEveryBatch([ValueSource(nameof(_kvTypes))] DType type)
    {
        const int Heads = 4, KvHeads = 2, D = 40, Width = Heads * D, KvWidth = KvHeads * D;
        int[] lengths = [5, 1, 33, 1, 1, 18];
        int[] contexts = [5, 40, 33, 17, 300, 100];
        var shape = new KvStorageShape { BlockSize = 16, Layers = [(KvHeads, D)], Type = type };
        using KvStorage storage = _device.CreateKvStorage(shape, 64);
        using var all = GuardedMemory.OfFloats(KernelData.Random(1024 * KvWidth, 1));
        TensorView rows = all.View(1024, KvWidth, KvWidth);
        _device.WriteKv(storage, 0, rows, rows, [.. Enumerable.Range(0, 1024)]);
        float[] q = KernelData.Random(lengths.Sum() * Width, 3);
        int[] tables = [.. Enumerable.Range(0, lengths.Length * 20).Select(i => i * 13 % 64)];
        float[] together = Attend(storage, q, Width, lengths, contexts, tables);
        int row = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            Span<float> mine = q.AsSpan(row * Width, lengths[i] * Width);
            float[] alone = Attend(
                storage, mine, Width, [lengths[i]], [contexts[i]], tables.AsSpan(i * 20, 20));
            Assert.That(
                KernelData.SameBits(alone, together.AsSpan(row * Width, alone.Length)), Is.True,
                $"request {i}");
            row += lengths[i];
        }
    }

    [Test]
    public void RowOperationsAreTheSameInEveryCrowd()
    {
        const int Rows = 64, N = 640;
        float[] x = KernelData.Random(Rows * N, 4);
        using DeviceBuffer weight = _device.Upload(KernelData.Random(N, 5));
        float[] Apply(ReadOnlySpan<float> input, int rows)
        {
            using var memory = GuardedMemory.OfFloats(input);
            TensorView v = memory.View(rows, N, N);
            _device.RmsNorm(v, v, weight, 1e-5f);
            _device.LayerNorm(v, v, weight, null, 1e-5f);
            _device.SoftCap(v, 3f);
            _device.Activate(v, v, Activation.Gelu);
            _device.AddScaled(v, v, 0.5f);
            return memory.Floats(rows * N).ToArray();
        }

        float[] together = Apply(x, Rows);
        for (int r = 0; r < Rows; r++)
        {
            Assert.That(
                KernelData.SameBits(Apply(x.AsSpan(r * N, N), 1), together.AsSpan(r * N, N)), Is.True, $"row {r}");
        }
    }

    private float[] Attend(
        KvStorage storage, ReadOnlySpan<float> query, int width, int[] lengths, int[] contexts,
        ReadOnlySpan<int> tables)
    {
        int rows = lengths.Sum();
        int[] starts = [0, .. lengths.Select((_, i) => lengths.Take(i + 1).Sum())];
        using var q = GuardedMemory.OfFloats(query);
        using var o = new GuardedMemory(rows * width * sizeof(float));
        _device.Attention(
            o.View(rows, width, width), q.View(rows, width, width), storage, 0,
            new AttentionSettings(4, 2, 40, 0.2f),
            new AttentionBatch
            {
                CuSeqlensQ = starts,
                ContextLens = contexts,
                BlockTables = tables,
                MaxBlocksPerRequest = 20,
            });
        return o.Floats(rows * width).ToArray();
    }
}
