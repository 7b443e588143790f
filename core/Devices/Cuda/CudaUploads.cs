using System.Numerics;

namespace Engine.Devices.Cuda;

/// <summary>
/// Host integers for one operation: to a pinned slot, by one copy to scratch memory of the device. The stream's order
/// keeps the scratch from being overwritten before it is used.
/// </summary>
internal sealed unsafe class CudaUploads(CudaContext context) : IDisposable
{
    private const int NumSlots = 8;
    private const long LeastBytes = 16 << 10;
    private CudaStaging? _staging;
    private nint _scratch;
    private long _scratchBytes;
    private nint _slot;
    private long _used;

    /// <summary>Begins a group of lists that together have so many integers.</summary>
    public void Begin(long numInts)
    {
        long bytes = Math.Max(LeastBytes, numInts * sizeof(int));
        if (_staging is null || bytes > _scratchBytes) Grow((long)BitOperations.RoundUpToPowerOf2((ulong)bytes));
        _slot = _staging!.Take();
        _used = 0;
    }

    /// <summary>Adds a list; returns its address on the device, valid once End was called.</summary>
    public nint Add(ReadOnlySpan<int> values)
    {
        long at = _used;
        _used += (long)values.Length * sizeof(int);
        if (_used > _scratchBytes) throw new ArgumentException("more integers than were announced", nameof(values));
        values.CopyTo(new Span<int>((void*)(_slot + (nint)at), values.Length));
        return _scratch + (nint)at;
    }

    /// <summary>Issues the copy.</summary>
    public void End()
    {
        context.CopyToDevice(_scratch, _slot, _used);
        _staging!.Issued();
    }

    /// <summary>One list alone.</summary>
    public nint Upload(ReadOnlySpan<int> values)
    {
        Begin(values.Length);
        nint address = Add(values);
        End();
        return address;
    }

    public void Dispose()
    {
        _staging?.Dispose();
        _staging = null;
        context.FreeDevice(_scratch);
        _scratch = 0;
        _scratchBytes = 0;
    }

    private void Grow(long bytes)
    {
        if (_staging is not null) context.Synchronize();
        Dispose();
        _staging = new CudaStaging(context, NumSlots, bytes);
        _scratch = context.AllocateDevice(bytes, "an operation's lists");
        _scratchBytes = bytes;
    }
}
