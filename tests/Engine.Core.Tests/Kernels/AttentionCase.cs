using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Reference;
using Engine.Memory;

namespace Engine.Tests.Kernels;

/// <summary>One sequence of random queries, keys and values, run through the paged cache in any chunks.</summary>
internal sealed class AttentionCase : IDisposable
{
    private readonly CpuDevice _device;
    private readonly KvStorage _storage;
    private readonly int[] _table;

    public AttentionCase(
        CpuDevice device, AttentionSettings settings, int tokens, DType type, int seed, int blockSize = 16,
        DType compute = DType.F32)
    {
        _device = device;
        Settings = settings;
        Tokens = tokens;
        int blocks = (tokens + blockSize - 1) / blockSize;
        var shape = new KvStorageShape
        {
            BlockSize = blockSize,
            Layers = [(settings.NumKvHeads, settings.HeadDim), (settings.NumKvHeads, settings.HeadDim)],
            Type = type,
            ComputeType = compute,
            Scales = [new KvScale(1, 1), new KvScale(0.013f, 0.0071f)],
        };
        _storage = device.CreateKvStorage(shape, blocks + 3);
        // Stale contents of a recycled block must not matter.
        FillWithNaN(blocks + 3, blockSize);
        var random = new Random(seed);
        _table = [.. Enumerable.Range(0, blocks + 3).OrderBy(_ => random.Next()).Take(blocks)];
        Query = KernelData.Random(tokens * settings.NumHeads * settings.HeadDim, seed + 1);
        Key = KernelData.Random(tokens * settings.NumKvHeads * settings.HeadDim, seed + 2);
        Value = KernelData.Random(tokens * settings.NumKvHeads * settings.HeadDim, seed + 3);
        StoredKey = Stored(Key, type, shape.ScaleOf(1).Key);
        StoredValue = Stored(Value, type, shape.ScaleOf(1).Value);
    }

    public AttentionSettings Settings { get; }

    public int Tokens { get; }

    public float[] Query { get; }

    public float[] Key { get; }

    public float[] Value { get; }

    /// <summary>As the cache holds them.</summary>
    public float[] StoredKey { get; }

    /// <summary>As the cache holds them.</summary>
    public float[] StoredValue { get; }

    /// <summary>Writes and attends chunk by chunk; returns all output rows.</summary>
    public float[] Run(IEnumerable<int> chunks)
    {
        int width = Settings.NumHeads * Settings.HeadDim;
        var result = new float[Tokens * width];
        int done = 0;
        foreach (int chunk in chunks)
        {
            int count = Math.Min(chunk, Tokens - done);
            if (count <= 0) break;
            Write(done, count);
            using var q = GuardedMemory.OfFloats(Query.AsSpan(done * width, count * width));
            using var o = new GuardedMemory(count * width * sizeof(float));
            _device.Attention(
                o.View(count, width, width), q.View(count, width, width), _storage, 1, Settings,
                new AttentionBatch
                {
                    CuSeqlensQ = [0, count],
                    ContextLens = [done + count],
                    BlockTables = _table,
                    MaxBlocksPerRequest = _table.Length,
                });
            o.Floats(count * width).CopyTo(result.AsSpan(done * width));
            done += count;
        }

        return result;
    }

    /// <summary>One output element by the definition, from keys and values as the cache stores them.</summary>
    public double[] Reference(int token, int head, bool roundQuery)
    {
        int d = Settings.HeadDim, group = Settings.NumHeads / Settings.NumKvHeads, kv = head / group;
        int reach = Settings.SlidingWindow > 0 ? Settings.SlidingWindow : Tokens;
        int first = Math.Max(0, token - reach + (Settings.IsBidirectional ? 0 : 1));
        int last = Settings.IsBidirectional ? Math.Min(Tokens - 1, token + reach) : token;
        var scores = new double[last + 1 - first];
        for (int t = first; t <= last; t++)
        {
            double dot = 0;
            for (int i = 0; i < d; i++)
            {
                float q = Query[(((token * Settings.NumHeads) + head) * d) + i];
                dot += (double)(roundQuery ? KernelData.Round(q, DType.BF16) : q)
                    * StoredKey[(((t * Settings.NumKvHeads) + kv) * d) + i];
            }

            dot *= Settings.Scale;
            if (Settings.SoftCap > 0) dot = Settings.SoftCap * Math.Tanh(dot / Settings.SoftCap);
            scores[t - first] = dot + Slope(head, t - token);
        }

        double max = scores.Max();
        double[] p = [.. scores.Select(s => Math.Exp(s - max))];
        double sum = p.Sum();
        var output = new double[d];
        for (int i = 0; i < d; i++)
        {
            for (int t = first; t <= last; t++)
            {
                float v = StoredValue[(((t * Settings.NumKvHeads) + kv) * d) + i];
                output[i] += p[t - first] / sum * v;
            }
        }

        return output;
    }

    public void Dispose() => _storage.Dispose();

    private float[] Stored(float[] values, DType type, float scale)
    {
        float[] stored = KernelData.Round(values, type);
        KvRounding.Round(stored, Settings.HeadDim, type, scale);
        return stored;
    }

    private unsafe double Slope(int head, int distance) =>
        Settings.AlibiSlopes is null ? 0 : ((float*)Settings.AlibiSlopes.Address)[head] * distance;

    private void Write(int first, int count)
    {
        int width = Settings.NumKvHeads * Settings.HeadDim, size = _storage.Shape.BlockSize;
        using var k = GuardedMemory.OfFloats(Key.AsSpan(first * width, count * width));
        using var v = GuardedMemory.OfFloats(Value.AsSpan(first * width, count * width));
        int[] slots = [.. Enumerable.Range(first, count).Select(t => (_table[t / size] * size) + (t % size))];
        _device.WriteKv(_storage, 1, k.View(count, width, width), v.View(count, width, width), slots);
    }

    private void FillWithNaN(int blocks, int size)
    {
        int width = Settings.NumKvHeads * Settings.HeadDim;
        float[] nan = new float[blocks * size * width];
        Array.Fill(nan, float.NaN);
        using var memory = GuardedMemory.OfFloats(nan);
        TensorView rows = memory.View(blocks * size, width, width);
        _device.WriteKv(_storage, 1, rows, rows, [.. Enumerable.Range(0, blocks * size)]);
    }
}
