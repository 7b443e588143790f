using Engine.Devices;
using Engine.Devices.Reference;
using Engine.Memory;

namespace Engine.Loading;

/// <summary>
/// Weights made up from names and shapes, the same for the same seed: for speed measurements and plans
/// without a checkpoint. All tensors are windows into one pool, so that making them costs next to nothing.
/// </summary>
internal sealed class DummyWeights(long seed, DType type) : WeightSource
{
    // A prime, so that rows of no width repeat one another for as many rows.
    private const int Period = 65521;
    private const int NumOnes = 1 << 20; // more than any norm is wide
    private ReferenceBuffer? _pool;
    private ReferenceBuffer? _ones;
    private long _numElementsMax;

    public override DType? StoredType => type;

    public override bool HasPrefix(string prefix) => true;

    public override bool Contains(string name) => true;

    public override SafetensorsTensor Require(string name, params ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long size in shape) count = checked(count * size);
        _numElementsMax = Math.Max(_numElementsMax, count);
        bool isNorm = shape.Length <= 1 && name.EndsWith(".weight", StringComparison.Ordinal);
        ReferenceBuffer? pool = isNorm ? _ones : _pool;
        long start = isNorm ? 0 : Hash(name) % Period;
        return new SafetensorsTensor
        {
            Name = name,
            File = "dummy",
            Type = type,
            Shape = shape.ToArray(),
            Offset = 0,
            Bytes = checked(count * type.SizeOf()),
            Address = pool is null ? 0 : pool.Address + (nint)(start * type.SizeOf()),
        };
    }

    /// <summary>Makes the pool, for the largest tensor asked for so far.</summary>
    public void Fill()
    {
        long count = _numElementsMax + Period;
        _pool = new ReferenceBuffer(checked(count * type.SizeOf()));
        _ones = new ReferenceBuffer((long)NumOnes * type.SizeOf());
        FillPool(_pool, count);
        for (int i = 0; i < NumOnes; i++) FloatBits.Write(_ones.Address, i, type, 1);
    }

    public override void CheckAllTaken(string architecture, Func<string, bool> ignorable)
    {
    }

    public override void Dispose()
    {
        _pool?.Dispose();
        _ones?.Dispose();
        base.Dispose();
    }

    private static long Hash(string name)
    {
        uint hash = 2166136261;
        foreach (char c in name) hash = (hash ^ c) * 16777619;
        return hash;
    }

    // Uniform values in +-0.04, one period, over and over.
    private unsafe void FillPool(DeviceBuffer pool, long count)
    {
        ulong state = unchecked((ulong)seed) + 0x9E3779B97F4A7C15UL;
        for (long i = 0; i < Math.Min(count, Period); i++)
        {
            state = unchecked((state * 6364136223846793005UL) + 1442695040888963407UL);
            double unit = (state >> 40) / (double)(1 << 24);
            FloatBits.Write(pool.Address, i, type, (float)((unit - 0.5) * 0.08));
        }
        long periodBytes = (long)Period * type.SizeOf(), bytes = count * type.SizeOf();
        for (long done = periodBytes; done < bytes; done += periodBytes)
        {
            long length = Math.Min(periodBytes, bytes - done);
            Buffer.MemoryCopy((void*)pool.Address, (byte*)pool.Address + done, length, length);
        }
    }
}
