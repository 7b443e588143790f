using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Devices.Reference;
using Engine.Memory;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// Every operation on a GPU against the scalar reference. With ENGINE_CUDA_TEST_DEVICE=cuda on a real one: the first
/// thing to run where there is one.
/// </summary>
[TestFixture(DType.F32)]
[TestFixture(DType.F16)]
[TestFixture(DType.BF16)]
internal sealed unsafe class CudaOperationTests(DType type)
{
    private const int Rows = 19;
    private const int BlockSize = 16;

    private static readonly bool _isReal = Environment.GetEnvironmentVariable("ENGINE_CUDA_TEST_DEVICE") == "cuda";

    private FakeCuda? _fake;
    private CudaDevice _gpu = null!;
    private ReferenceDevice _reference = null!;
    private Random _random = null!;

    // Results are rounded to the type once or a few times on the way.
    private double Tolerance => type switch { DType.F32 => 2e-4, DType.F16 => 4e-3, _ => 3e-2 };

    [SetUp]
    public void Open()
    {
        int seed = TestContext.CurrentContext.Random.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        _random = new Random(seed);
        _fake = _isReal ? null : new FakeCuda();
        _gpu = new CudaDevice(
            _isReal ? new CudaDeviceOptions { ActivationType = type } : FakeCuda.DeviceOptions(type));
        _reference = new ReferenceDevice();
    }

    [TearDown]
    public void Close()
    {
        _gpu.Dispose();
        _reference.Dispose();
        _fake?.Dispose();
    }

    [TestCase(1)]
    [TestCase(16)]
    [TestCase(17)]
    [TestCase(70)]
    public void Linear(int rows)
    {
        const int N = 72, K = 576;
        float[] x = Values(rows, K), w = Values(N, K, 0.05f), bias = Values(1, N), old = Values(rows, N);
        Same(rows, N, old, (device, y) =>
        {
            using DeviceBuffer biases = device.Upload(bias);
            using LinearWeight weight = Weight(device, w, N, K);
            using Matrix input = new(this, device, x, rows, K);
            device.Linear(y, input.View, weight, biases, accumulate: true);
        });
    }

    [TestCase(1)]
    [TestCase(4)]
    public void RmsNorm(int groups) => Same(Rows, 256, Values(Rows, 256), (device, y) =>
    {
        using DeviceBuffer weight = device.Upload(Fixed(256 / groups));
        device.RmsNorm(y, y, weight, 1e-5f, 1, groups);
    });

    [TestCase(1)]
    [TestCase(4)]
    public void LayerNorm(int groups) => Same(Rows, 256, Values(Rows, 256), (device, y) =>
    {
        using DeviceBuffer weight = device.Upload(Fixed(256)), bias = device.Upload(Fixed(256));
        device.LayerNorm(y, y, weight, bias, 1e-5f, groups, perGroupWeight: true);
    });

    [TestCase(Activation.Silu)]
    [TestCase(Activation.Gelu)]
    [TestCase(Activation.GeluTanh)]
    [TestCase(Activation.Relu)]
    [TestCase(Activation.ReluSquared)]
    public void Activations(Activation activation)
    {
        float[] gateUp = Values(Rows, 2 * 96);
        Same(Rows, 96, Values(Rows, 96), (device, y) => device.Activate(y, y, activation));
        Same(Rows, 96, new float[Rows * 96], (device, y) =>
        {
            using Matrix input = new(this, device, gateUp, Rows, 2 * 96);
            device.ActivateAndMultiply(y, input.View, activation);
        });
    }

    [Test]
    public void Maps() => Same(Rows, 1100, Values(Rows, 1100), (device, y) =>
    {
        device.Scale(y, 1.5f);
        device.SoftCap(y, 2);
        device.Xielu(y, y, 0.8f, 0.6f, 0.5f, -1e-6f);
        device.Clamp(y, 1.25f);
    });

    [Test]
    public void AddScaled()
    {
        float[] x = Values(Rows, 130);
        Same(Rows, 130, Values(Rows, 130), (device, y) =>
        {
            using Matrix input = new(this, device, x, Rows, 130);
            device.AddScaled(y, input.View, 0.5f);
        });
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Rope(bool interleaved)
    {
        const int HeadDim = 32, RotaryDim = 24, MaxPositions = 50;
        float[] table = [.. Enumerable.Range(0, MaxPositions * RotaryDim).Select(i => MathF.Sin(i))];
        int[] positions = [.. Enumerable.Range(0, Rows).Select(_ => _random.Next(MaxPositions))];
        Same(Rows, 4 * HeadDim, Values(Rows, 4 * HeadDim), (device, y) =>
        {
            using DeviceBuffer cosSin = device.Upload(table);
            device.Rope(y, positions, cosSin, HeadDim, RotaryDim, interleaved);
        });
    }

    [TestCase(true)]
    [TestCase(false)]
    public void RopeAndWriteKv(bool interleaved)
    {
        const int HeadDim = 64, RotaryDim = 48, Tokens = 20;
        float[] turns = [.. Enumerable.Range(0, Tokens * RotaryDim).Select(i => MathF.Sin(i))];
        float[] otherTurns = [.. turns.Select(t => t / 2)];
        float[] q = Values(Tokens, 4 * HeadDim), k = Values(Tokens, 2 * HeadDim), v = Values(Tokens, 2 * HeadDim);
        int[] positions = [.. Enumerable.Range(0, Tokens)];
        AttentionSettings settings = new(4, 2, HeadDim, 0.125f, 0, 0);
        KvStorageShape shape = new() { BlockSize = BlockSize, Layers = [(2, HeadDim)], Type = type };
        Same(Tokens, 4 * HeadDim, new float[Tokens * 4 * HeadDim], (device, y) =>
        {
            using DeviceBuffer forQueries = device.Upload(turns), forKeys = device.Upload(otherTurns);
            using KvStorage kv = device.CreateKvStorage(shape, 2);
            using Matrix query = new(this, device, q, Tokens, 4 * HeadDim);
            using Matrix key = new(this, device, k, Tokens, 2 * HeadDim);
            using Matrix value = new(this, device, v, Tokens, 2 * HeadDim);
            RopeTables tables = new(forQueries, forKeys, HeadDim, RotaryDim, interleaved);
            device.RopeAndWriteKv(query.View, key.View, value.View, tables, positions, kv, 0, positions);
            device.Attention(y, query.View, kv, 0, settings, new AttentionBatch
            {
                CuSeqlensQ = [0, Tokens],
                ContextLens = [Tokens],
                BlockTables = [0, 1],
                MaxBlocksPerRequest = 2,
            });
        });
    }

    [Test]
    public void GatherRows()
    {
        float[] x = Values(Rows, 48);
        int[] rows = [.. Enumerable.Range(0, 7).Select(_ => _random.Next(Rows))];
        Same(7, 48, new float[7 * 48], (device, y) =>
        {
            using Matrix input = new(this, device, x, Rows, 48);
            device.GatherRows(y, input.View, rows);
        });
    }

    [TestCase(64, 8, 2, 0, 0f)]
    [TestCase(64, 8, 8, 0, 0f)]
    [TestCase(128, 4, 1, 0, 0f)]
    [TestCase(64, 4, 2, 40, 20f)]
    [TestCase(80, 4, 2, 0, 0f)]
    [TestCase(256, 2, 1, 0, 0f)]
    public void Attention(int headDim, int numHeads, int numKvHeads, int window, float cap) =>
        Attend(headDim, numHeads, numKvHeads, window, cap, type);

    [TestCase(64, 8, 2, 0, 0f)]
    [TestCase(64, 4, 2, 40, 20f)]
    [TestCase(80, 4, 2, 0, 0f)]
    [TestCase(192, 2, 1, 0, 0f)]
    [TestCase(256, 2, 1, 0, 0f)]
    public void Attention_over_an_8_bit_cache(int headDim, int numHeads, int numKvHeads, int window, float cap) =>
        Attend(headDim, numHeads, numKvHeads, window, cap, DType.F8E4M3);

    private void Attend(int headDim, int numHeads, int numKvHeads, int window, float cap, DType kvType)
    {
        // One long prompt in full, the end of a long context, and a token alone: all forms of a kernel.
        int[] queries = [70, 1, 3, 1], lengths = [70, 600, 259, 1];
        int maxBlocks = 38, rows = queries.Sum(), keys = lengths.Sum();
        int[] starts = [0, 70, 71, 74, 75], tables = new int[4 * maxBlocks], slots = new int[keys];
        int[] blocks = [.. Enumerable.Range(0, 4 * maxBlocks).OrderBy(_ => _random.Next())];
        for (int s = 0, at = 0; s < 4; s++)
        {
            blocks.AsSpan(s * maxBlocks, maxBlocks).CopyTo(tables.AsSpan(s * maxBlocks));
            for (int p = 0; p < lengths[s]; p++, at++)
            {
                slots[at] = (tables[(s * maxBlocks) + (p / BlockSize)] * BlockSize) + (p % BlockSize);
            }
        }

        float[] q = Values(rows, numHeads * headDim), k = Values(keys, numKvHeads * headDim);
        float[] v = Values(keys, numKvHeads * headDim);
        AttentionSettings settings = new(numHeads, numKvHeads, headDim, 1 / MathF.Sqrt(headDim), window, cap);
        KvStorageShape shape = new()
        {
            BlockSize = BlockSize,
            Layers = [(numKvHeads, headDim)],
            Type = kvType,
            Scales = kvType == DType.F8E4M3 ? [new KvScale(0.25f, 0.5f)] : [],
        };
        Same(rows, numHeads * headDim, new float[rows * numHeads * headDim], (device, y) =>
        {
            using KvStorage kv = device.CreateKvStorage(shape, 4 * maxBlocks);
            using Matrix query = new(this, device, q, rows, numHeads * headDim);
            using Matrix key = new(this, device, k, keys, numKvHeads * headDim);
            using Matrix value = new(this, device, v, keys, numKvHeads * headDim);
            device.WriteKv(kv, 0, key.View, value.View, slots);
            device.Attention(y, query.View, kv, 0, settings, new AttentionBatch
            {
                CuSeqlensQ = starts,
                ContextLens = lengths,
                BlockTables = tables,
                MaxBlocksPerRequest = maxBlocks,
            });
        });
    }

    private delegate void Operation(IDevice device, TensorView y);

    private float[] Values(int rows, int columns, float scale = 1)
    {
        float[] values = new float[rows * columns];
        foreach (ref float v in values.AsSpan())
        {
            v = FloatBits.Round(scale * ((2 * _random.NextSingle()) - 1), type);
        }

        return values;
    }

    private static float[] Fixed(int count) => [.. Enumerable.Range(0, count).Select(i => 0.5f + (i % 7 / 8f))];

    private LinearWeight Weight(IDevice device, float[] values, int rows, int columns)
    {
        fixed (float* first = values)
        {
            LinearPart part = new(rows, columns, DType.F32, (nint)first, columns);
            return device.PackLinear(new LinearSource { Parts = [part], ComputeType = type });
        }
    }

    private void Same(int rows, int columns, float[] start, Operation run)
    {
        float[] expected = Run(_reference), found = Run(_gpu);
        double largest = 0;
        for (int i = 0; i < found.Length; i++)
        {
            double difference = Math.Abs(expected[i] - found[i]) / Math.Max(1, Math.Abs(expected[i]));
            if (!(difference <= largest)) largest = difference;
        }

        Assert.That(largest, Is.LessThan(Tolerance));

        float[] Run(IDevice device)
        {
            using Matrix y = new(this, device, start, rows, columns);
            run(device, y.View);
            float[] result = new float[rows * columns];
            device.Download(result, y.View);
            return result;
        }
    }

    /// <summary>Host values as activations: read as rows of an embedding, which every device can.</summary>
    private sealed class Matrix : IDisposable
    {
        private readonly DeviceBuffer _buffer;
        private readonly DType _type;
        private readonly int _rows;
        private readonly int _columns;

        public Matrix(CudaOperationTests test, IDevice device, float[] values, int rows, int columns)
        {
            _type = device.ActivationType;
            _rows = rows;
            _columns = columns;
            _buffer = device.Allocate((long)rows * columns * _type.SizeOf());
            using LinearWeight table = test.Weight(device, values, rows, columns);
            device.Embed(View, table, [.. Enumerable.Range(0, rows)], 1);
        }

        public TensorView View => _buffer.View(_type, _rows, _columns);

        public void Dispose() => _buffer.Dispose();
    }
}
