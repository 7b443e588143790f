using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>Memory that products of some weights need on the way, one of them at a time.</summary>
internal sealed class CudaRoom
{
    // What was given out before stays: recorded steps may use it.
    private readonly List<Arena.Piece> _pieces = [];
    private long _bytes;
    private long _planned;

    public nint Address => _pieces[^1].Address;

    /// <summary>Bytes that the weights seen so far need and that are not there yet.</summary>
    public long BytesToCome => Math.Max(0, _planned - _bytes);

    /// <summary>A weight will need so much.</summary>
    public void Plan(long bytes) => _planned = Math.Max(_planned, bytes);

    /// <summary>Makes that much room. Throws OutOfMemory.</summary>
    public void Ensure(CudaArena arena, long bytes)
    {
        if (bytes <= _bytes) return;
        _pieces.Add(arena.Allocate(bytes));
        _bytes = bytes;
    }
}
