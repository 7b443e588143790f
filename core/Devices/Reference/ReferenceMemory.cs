using System.Runtime.InteropServices;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Devices.Reference;

/// <summary>Zeroed host memory, 64-byte aligned.</summary>
internal sealed unsafe class ReferenceBuffer : DeviceBuffer
{
    private const int Alignment = 64;
    private void* _allocation;

    public ReferenceBuffer(long bytes)
    {
        Bytes = bytes;
        try
        {
            // calloc leaves large memory untouched until it is used, so a big KV cache costs nothing yet.
            _allocation = NativeMemory.AllocZeroed(checked((nuint)bytes + Alignment));
        }
        catch (Exception e) when (e is OutOfMemoryException or OverflowException)
        {
            throw new EngineException(
                EngineStatus.OutOfMemory, $"cannot allocate {bytes} bytes of host memory", null, e);
        }
        Address = (nint)(((nuint)_allocation + Alignment - 1) & ~(nuint)(Alignment - 1));
    }

    public override nint Address { get; }

    public override long Bytes { get; }

    protected override void Dispose(bool disposing)
    {
        NativeMemory.Free(_allocation);
        _allocation = null;
    }
}

/// <summary>A weight row by row, in the type it is computed with.</summary>
internal sealed class ReferenceWeight : LinearWeight
{
    public required DType Type { get; init; }

    public required ReferenceBuffer Rows { get; init; }

    /// <summary>Rows of each part and how what they are multiplied by is rounded.</summary>
    public required (int Count, InputScheme Scheme)[] Inputs { get; init; }

    protected override void Dispose(bool disposing) => Rows.Dispose();
}

/// <summary>K and V of every layer: [numBlocks, blockSize, numKvHeads * headDim] each.</summary>
internal sealed class ReferenceKvStorage : KvStorage
{
    public required ReferenceBuffer[] Keys { get; init; }

    public required ReferenceBuffer[] Values { get; init; }

    /// <summary>How elements lie in memory: those of 8 bits as floats, rounded to what 8 bits can hold.</summary>
    public DType HeldType => HeldAs(Shape.Type);

    public static DType HeldAs(DType type) => type is DType.I8 or DType.F8E4M3 ? DType.F32 : type;

    public override long Bytes => Keys.Sum(b => b.Bytes) + Values.Sum(b => b.Bytes);

    protected override void Dispose(bool disposing)
    {
        foreach (ReferenceBuffer buffer in Keys) buffer.Dispose();
        foreach (ReferenceBuffer buffer in Values) buffer.Dispose();
    }
}
