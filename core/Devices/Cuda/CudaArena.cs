using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>Device memory, not zeroed, in few large allocations.</summary>
internal sealed class CudaArena(CudaContext context, string use) : Arena(ChunkBytes, Alignment)
{
    public const int Alignment = 256;

    /// <summary>The least that is asked of the driver at once.</summary>
    public const long ChunkBytes = 2L << 20;

    /// <summary>Bytes that a piece takes.</summary>
    public static long Padded(long bytes) => Pad(bytes, Alignment);

    protected override nint Map(long bytes) => context.AllocateDevice(bytes, use);

    protected override void Unmap(nint address, long bytes) => context.FreeDevice(address);
}
