namespace Engine.Devices.Cuda;

// Which context is current on a thread. On a thread of our own it stays ours; CallerContext is for the others.
internal sealed unsafe partial class CudaContext
{
    [ThreadStatic]
    private static nint _current;

    [ThreadStatic]
    private static int _numStays;

    // Who has replaced the caller's context, and that one.
    [ThreadStatic]
    private static CudaContext? _guest;

    [ThreadStatic]
    private static nint _callers;

    /// <summary>Binds the context to the calling thread and checks that the device is still there.</summary>
    public void Enter()
    {
        if (Lost is string why) throw new EngineException(EngineStatus.DeviceLost, why, "device");
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_current != Handle) Check(MakeCurrent(), "cuCtxSetCurrent");
    }

    /// <summary>For Dispose of what lives on the device: false if the driver must not be called any more.</summary>
    public bool TryEnter()
    {
        if (Lost is not null || _isDisposed) return false;
        if (_current != Handle) Quiet(MakeCurrent());
        return Lost is null;
    }

    internal static void BeginStay()
    {
        // What was current when we were last here may not be so any more.
        if (_numStays++ == 0) _current = 0;
    }

    internal static void EndStay()
    {
        if (--_numStays > 0) return;
        CudaContext? guest = _guest;
        _guest = null;
        _current = 0;
        // A context that its owner has destroyed meanwhile cannot come back.
        if (guest is { Lost: null }) guest.Quiet(guest.Driver.CtxSetCurrent(_callers));
    }

    private CudaResult MakeCurrent()
    {
        if (_numStays > 0 && _guest is null)
        {
            nint callers;
            CudaResult known = Driver.CtxGetCurrent(&callers);
            if (known != CudaResult.Success) return known;
            _guest = this;
            _callers = callers;
        }

        CudaResult result = Driver.CtxSetCurrent(Handle);
        _current = result == CudaResult.Success ? Handle : 0;
        return result;
    }
}
