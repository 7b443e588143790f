namespace Engine.Devices.Cuda;

/// <summary>
/// Pinned host memory in slots that take turns: a slot is written by the host, read by a copy, and written again only
/// when that copy is done.
/// </summary>
internal sealed class CudaStaging : IDisposable
{
    private readonly CudaContext _context;
    private readonly nint[] _events;
    private readonly bool[] _isBusy;
    private nint _memory;
    private int _next;

    public CudaStaging(CudaContext context, int numSlots, long slotBytes)
    {
        _context = context;
        SlotBytes = (slotBytes + 255) / 256 * 256;
        _events = new nint[numSlots];
        _isBusy = new bool[numSlots];
        try
        {
            _memory = context.AllocatePinned(SlotBytes * numSlots, "copies");
            for (int i = 0; i < numSlots; i++) _events[i] = context.CreateEvent();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public long SlotBytes { get; }

    /// <summary>The next slot's memory, once no copy uses it.</summary>
    public nint Take()
    {
        _next = (_next + 1) % _events.Length;
        if (_isBusy[_next])
        {
            _isBusy[_next] = false;
            _context.Wait(_events[_next]);
        }

        return _memory + (nint)(_next * SlotBytes);
    }

    /// <summary>Marks the copies issued from the slot last taken.</summary>
    public void Issued()
    {
        _context.Record(_events[_next]);
        _isBusy[_next] = true;
    }

    public void Dispose()
    {
        for (int i = 0; i < _events.Length; i++)
        {
            _context.DestroyEvent(_events[i]);
            _events[i] = 0;
        }

        _context.FreePinned(_memory);
        _memory = 0;
    }
}
