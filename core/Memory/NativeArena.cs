using Engine.Devices.Cpu;

namespace Engine.Memory;

/// <summary>
/// Zeroed host memory in pieces of large mappings (2 MB aligned, huge pages asked for), so that many weights share
/// pages and a thousand small ones cost no more than their bytes.
/// </summary>
/// <param name="interleaves">Pages are spread over all NUMA nodes.</param>
internal sealed class NativeArena(bool interleaves = false) : Arena(chunkBytes: 64L << 20, alignment: 64)
{
    protected override nint Map(long bytes)
    {
        nint address = CpuKernels.Map(bytes);
        if (address == 0)
        {
            throw new EngineException(EngineStatus.OutOfMemory, $"cannot map {bytes} bytes of memory");
        }

        // Where it cannot be done there is one node.
        if (interleaves) _ = CpuKernels.Interleave(address, bytes);
        return address;
    }

    protected override void Unmap(nint address, long bytes) => CpuKernels.Unmap(address, bytes);
}
