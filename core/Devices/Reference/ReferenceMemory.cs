using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Devices.Reference;

/// <summary>Zeroed host memory, 64-byte aligned.</summary>
internal sealed unsafe class ReferenceBuffer : DeviceBuffer
{
    private void* _address;

    public ReferenceBuffer(long bytes)
    {
        Bytes = bytes;
        try
        {
            _address = NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 64), 64);
        }
        catch (OutOfMemoryException e)
        {
            throw new EngineException(
                EngineStatus.OutOfMemory, $"cannot allocate {bytes} bytes of host memory", null, e);
        }
        NativeMemory.Clear(_address, (nuint)Math.Max(bytes, 64));
    }

    public override nint Address => (nint)_address;

    public override long Bytes { get; }

    protected override void Dispose(bool disposing)
    {
        NativeMemory.AlignedFree(_address);
        _address = null;
    }
}

/// <summary>A weight row by row, in the type it is computed with.</summary>
internal sealed class ReferenceWeight : LinearWeight
{
    public required DType Type { get; init; }

    public required ReferenceBuffer Rows { get; init; }

    protected override void Dispose(bool disposing) => Rows.Dispose();
}

/// <summary>K and V of every layer: [numBlocks, blockSize, numKvHeads * headDim] each.</summary>
internal sealed class ReferenceKvStorage : KvStorage
{
    public required ReferenceBuffer[] Keys { get; init; }

    public required ReferenceBuffer[] Values { get; init; }

    public override long Bytes => Keys.Sum(b => b.Bytes) + Values.Sum(b => b.Bytes);

    protected override void Dispose(bool disposing)
    {
        foreach (ReferenceBuffer buffer in Keys) buffer.Dispose();
        foreach (ReferenceBuffer buffer in Values) buffer.Dispose();
    }
}
