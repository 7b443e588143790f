using System.Runtime.InteropServices;

namespace Engine.Abi.Handles;

/// <summary>
/// Allocates and checks handles. Any 64-bit value may be passed in: one that is not a live handle of the
/// right kind is refused, never dereferenced outside the slab.
/// </summary>
internal static unsafe class HandleTable
{
    /// <summary>Handles that live at the same time, at most.</summary>
    public const int MaxHandles = 1 << 20;

    /// <summary>Freed cells that rest before the first of them is used again.</summary>
    public const int QuarantineCells = 1 << 14;

    private static readonly Lock _gate = new();

    // Fresh zero pages cost nothing until they are touched; the slab is never freed.
    private static readonly byte* _slab = AllocateSlab();
    private static int _highWater;
    private static int _quarantineHead = -1;
    private static int _quarantineTail = -1;
    private static int _quarantineCount;
    private static int _liveCount;

    /// <summary>Handles alive now.</summary>
    public static int LiveCount => Volatile.Read(ref _liveCount);

    /// <summary>Makes an object reachable from outside; the caller owns the handle.</summary>
    public static nint Publish(HandleObject target)
    {
        lock (_gate)
        {
            int index = TakeCell();
            HandleCell* cell = CellAt(index);
            int generation = unchecked(HandleCell.GenerationOf(cell->State) + 1);
            cell->Magic = HandleCell.LiveMagic;
            cell->Kind = (int)target.Kind;
            cell->Target = GCHandle.ToIntPtr(GCHandle.Alloc(target));
            target.Handle = (nint)cell + (generation & (HandleCell.CellBytes - 1));
            Volatile.Write(ref cell->State, ((long)generation << 32) | HandleCell.OwnedBit);
            _liveCount++;
            return target.Handle;
        }
    }

    /// <summary>The object of a handle, kept alive until the pin is disposed.</summary>
    /// <exception cref="EngineException">InvalidHandle.</exception>
    public static HandlePin<T> Pin<T>(nint handle, HandleKind kind)
        where T : HandleObject
    {
        HandleCell* cell = TryPin(handle, kind);
        return cell is null
            ? throw Invalid(handle, kind)
            : new HandlePin<T>((T)GCHandle.FromIntPtr(cell->Target).Target!);
    }

    /// <summary>Takes the handle from the caller. Null is a no-op.</summary>
    /// <returns>InvalidHandle if it was not the caller's to release.</returns>
    public static EngineStatus Release(nint handle, HandleKind kind)
    {
        if (handle == 0)
        {
            return EngineStatus.Ok;
        }

        HandleCell* cell = TryPin(handle, kind);
        if (cell is null)
        {
            return EngineStatus.InvalidHandle;
        }

        var target = (HandleObject)GCHandle.FromIntPtr(cell->Target).Target!;
        bool mine = (Interlocked.And(ref cell->State, ~HandleCell.OwnedBit) & HandleCell.OwnedBit) != 0;
        try
        {
            if (mine)
            {
                target.OnReleased();
            }
        }
        finally
        {
            Unpin(cell);
        }

        return mine ? EngineStatus.Ok : EngineStatus.InvalidHandle;
    }

    /// <summary>One more reference to a published object.</summary>
    public static void AddReference(HandleObject target) =>
        Interlocked.Increment(ref CellOf(target.Handle)->State);

    /// <summary>One reference less; the last one destroys.</summary>
    public static void RemoveReference(HandleObject target) => Unpin(CellOf(target.Handle));

    private static HandleCell* TryPin(nint handle, HandleKind kind)
    {
        long offset = handle - (nint)_slab;
        if (offset < 0 || offset >= (long)MaxHandles * HandleCell.CellBytes)
        {
            return null;
        }

        HandleCell* cell = CellOf(handle);
        int tag = (int)(offset & (HandleCell.CellBytes - 1));
        while (true)
        {
            long state = Volatile.Read(ref cell->State);
            if ((state & HandleCell.OwnedBit) == 0
                || (HandleCell.GenerationOf(state) & (HandleCell.CellBytes - 1)) != tag
                || cell->Kind != (int)kind)
            {
                return null;
            }

            if (Interlocked.CompareExchange(ref cell->State, state + 1, state) == state)
            {
                return cell;
            }
        }
    }

    private static void Unpin(HandleCell* cell)
    {
        long state = Interlocked.Decrement(ref cell->State);
        if ((state & (HandleCell.OwnedBit | HandleCell.PinMask)) == 0)
        {
            Retire(cell);
        }
    }

    private static void Retire(HandleCell* cell)
    {
        GCHandle gcHandle = GCHandle.FromIntPtr(cell->Target);
        var target = (HandleObject)gcHandle.Target!;
        try
        {
            target.DestroyAndUnlink();
        }
        finally
        {
            gcHandle.Free();
            lock (_gate)
            {
                cell->Magic = 0;
                cell->Kind = (int)HandleKind.Free;
                cell->Target = 0;
                Quarantine((int)(((byte*)cell - _slab) / HandleCell.CellBytes));
                _liveCount--;
            }
        }
    }

    private static int TakeCell()
    {
        if (_quarantineCount > QuarantineCells || (_highWater == MaxHandles && _quarantineCount > 0))
        {
            int index = _quarantineHead;
            _quarantineHead = CellAt(index)->Next;
            _quarantineCount--;
            return index;
        }

        return _highWater < MaxHandles
            ? _highWater++
            : throw new EngineException(EngineStatus.OutOfMemory, $"more than {MaxHandles} live handles");
    }

    private static void Quarantine(int index)
    {
        CellAt(index)->Next = -1;
        if (_quarantineCount == 0)
        {
            _quarantineHead = index;
        }
        else
        {
            CellAt(_quarantineTail)->Next = index;
        }

        _quarantineTail = index;
        _quarantineCount++;
    }

    private static HandleCell* CellAt(int index) => (HandleCell*)(_slab + ((long)index * HandleCell.CellBytes));

    private static HandleCell* CellOf(nint handle) =>
        (HandleCell*)(handle & ~(nint)(HandleCell.CellBytes - 1));

    private static byte* AllocateSlab()
    {
        nuint bytes = ((nuint)MaxHandles + 1) * HandleCell.CellBytes;
        byte* memory = (byte*)NativeMemory.AllocZeroed(bytes);
        return (byte*)(((nint)memory + HandleCell.CellBytes - 1) & ~(nint)(HandleCell.CellBytes - 1));
    }

    private static EngineException Invalid(nint handle, HandleKind kind) => new(
        EngineStatus.InvalidHandle,
        handle == 0
            ? $"the {Name(kind)} handle is null"
            : $"not a live {Name(kind)} handle: stale, released, or of another kind");

    private static string Name(HandleKind kind) => kind switch
    {
        HandleKind.Error => "error",
        HandleKind.Params => "params",
        HandleKind.Model => "model",
        HandleKind.Load => "load",
        HandleKind.Tokenizer => "tokenizer",
        HandleKind.Engine => "engine",
        HandleKind.Request => "request",
        HandleKind.Json => "JSON",
        HandleKind.ChatParser => "chat parser",
        HandleKind.Pooler => "pooler",
        HandleKind.Pooling => "pooling",
        _ => "unknown",
    };
}

/// <summary>A reference held for the length of a call.</summary>
internal readonly ref struct HandlePin<T>(T target)
    where T : HandleObject
{
    public T Target { get; } = target;

    public void Dispose() => HandleTable.RemoveReference(Target);
}
