using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>Chosen tokens in device memory and, once sent, in pinned memory.</summary>
internal sealed unsafe class CudaTokens : DeviceTokens
{
    private readonly CudaDevice _device;
    private readonly CudaContext _context;
    private readonly nint[] _events = new nint[NumSlots];
    private readonly long _slotBytes;
    private nint _memory;
    private nint _pinned;

    public CudaTokens(CudaDevice device, int maxRows)
    {
        _device = device;
        _context = device.Context;
        _slotBytes = (long)maxRows * sizeof(int);
        try
        {
            _memory = _context.AllocateDevice(NumSlots * _slotBytes, "chosen tokens");
            _pinned = _context.AllocatePinned(NumSlots * _slotBytes, "chosen tokens");
            for (int i = 0; i < NumSlots; i++) _events[i] = _context.CreateEvent();
            // Padding reads the first token of a slot that may never have been written.
            _context.Fill(_memory, 0, NumSlots * _slotBytes);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>[NumSlots, MaxRows] int32.</summary>
    public nint Address => _memory;

    public override void Choose(TensorView logits, ReadOnlySpan<TokenChoice> choices, int slot, int first) =>
        _device.LaunchChoose(logits, choices, At(_memory, slot) + (first * sizeof(int)));

    public override void Send(int slot, int count)
    {
        _context.CopyToHost(At(_pinned, slot), At(_memory, slot), (long)count * sizeof(int));
        _context.Record(_events[slot]);
    }

    public override ReadOnlySpan<int> Wait(int slot, int count)
    {
        _context.Wait(_events[slot]);
        return new ReadOnlySpan<int>((void*)At(_pinned, slot), count);
    }

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

    private nint At(nint memory, int slot) => memory + (nint)(slot * _slotBytes);
}
