using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>Chosen tokens in device memory and, once sent, in pinned memory.</summary>
internal sealed unsafe class CudaTokens : DeviceTokens
{
    private readonly CudaContext _context;
    private readonly nint[] _events = new nint[NumSlots];
    private readonly bool[] _hasRecords = new bool[NumSlots];
    private readonly int _maxRows;
    private readonly long _bytes;
    private readonly long _idBytes;
    private readonly int _recordBytes;
    private nint _memory;
    private nint _pinned;

    public CudaTokens(CudaDevice device, int maxRows, int maxLogprobs)
    {
        _context = device.Context;
        _maxRows = maxRows;
        _bytes = BytesFor(maxRows, maxLogprobs);
        _idBytes = CudaArena.Padded((long)NumSlots * maxRows * sizeof(int));
        _recordBytes = CudaChooser.RecordBytes(maxLogprobs);
        try
        {
            _memory = _context.AllocateDevice(_bytes, "chosen tokens");
            _pinned = _context.AllocatePinned(_bytes, "chosen tokens");
            for (int i = 0; i < NumSlots; i++) _events[i] = _context.CreateEvent();
            // Padding reads the first token of a slot that may never have been written.
            _context.Fill(_memory, 0, _bytes);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>[NumSlots, MaxRows] int32.</summary>
    public nint Address => _memory;

    public override long Bytes => _bytes;

    /// <summary>Tokens of all slots, then their records.</summary>
    public static long BytesFor(int maxRows, int maxLogprobs) =>
        CudaChooser.ResultBytes(NumSlots * maxRows, maxLogprobs);

    public override void Choose(TensorView logits, DeviceChooser chooser, int slot, int first) =>
        _hasRecords[slot] |= ((CudaChooser)chooser).Launch(
            logits, _memory + TokenAt(slot, first), _memory + RecordAt(slot, first), _memory);

    public override void Send(int slot, int count)
    {
        Send(TokenAt(slot, 0), (long)count * sizeof(int));
        if (_hasRecords[slot]) Send(RecordAt(slot, 0), (long)count * _recordBytes);
        _hasRecords[slot] = false;
        _context.Record(_events[slot]);
    }

    public override ReadOnlySpan<int> Wait(int slot, int count)
    {
        _context.Wait(_events[slot]);
        return new ReadOnlySpan<int>((void*)(_pinned + TokenAt(slot, 0)), count);
    }

    public override LogprobRecord Record(int slot, int place, int top, out ReadOnlySpan<ScoredToken> best) =>
        CudaChooser.ReadRecord(_pinned + RecordAt(slot, place), top, out best);

    protected override void Dispose(bool disposing)
    {
        for (int i = 0; i < NumSlots; i++)
        {
            _context.DestroyEvent(_events[i]);
            _events[i] = 0;
        }

        _context.FreePinned(Interlocked.Exchange(ref _pinned, 0));
        _context.FreeDevice(Interlocked.Exchange(ref _memory, 0));
    }

    private void Send(nint at, long bytes) => _context.CopyToHost(_pinned + at, _memory + at, bytes);

    private nint TokenAt(int slot, int row) => (nint)((((long)slot * _maxRows) + row) * sizeof(int));

    private nint RecordAt(int slot, int row) =>
        (nint)(_idBytes + ((((long)slot * _maxRows) + row) * _recordBytes));
}
