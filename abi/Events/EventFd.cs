namespace Engine.Abi.Events;

/// <summary>An eventfd that reads as ready while something is to be polled (Linux).</summary>
internal sealed partial class EventFd : IDisposable
{
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;

    private bool _isSet;

    public EventFd()
    {
        Descriptor = Create(0, NonBlocking | CloseOnExec);
        if (Descriptor < 0)
        {
            throw new EngineException(EngineStatus.Io, "eventfd: no more file descriptors");
        }
    }

    public int Descriptor { get; private set; }

    /// <summary>Sets the level; the caller holds the queue's lock.</summary>
    public unsafe void Set(bool ready)
    {
        if (_isSet == ready || Descriptor < 0)
        {
            return;
        }

        ulong value = 1;
        _ = ready ? Write(Descriptor, &value, sizeof(ulong)) : Read(Descriptor, &value, sizeof(ulong));
        _isSet = ready;
    }

    public void Dispose()
    {
        if (Descriptor >= 0)
        {
            _ = Close(Descriptor);
            Descriptor = -1;
        }
    }

    [LibraryImport("libc", EntryPoint = "eventfd")]
    private static partial int Create(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "read")]
    private static unsafe partial nint Read(int descriptor, void* buffer, nint count);

    [LibraryImport("libc", EntryPoint = "write")]
    private static unsafe partial nint Write(int descriptor, void* buffer, nint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
