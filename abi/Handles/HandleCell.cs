using System.Runtime.InteropServices;

namespace Engine.Abi.Handles;

/// <summary>What a handle points to.</summary>
internal enum HandleKind
{
    Free = 0,
    Error = 1,
    Params = 2,
    Model = 3,
    Load = 4,
    Tokenizer = 5,
    Engine = 6,
    Request = 7,
    Json = 8,
    ChatParser = 9,
    Pooler = 10,
    Pooling = 11,
}

/// <summary>
/// The native cell behind a handle: 64 bytes, 64-byte aligned, in a slab that is never unmapped. The
/// handle is the cell's address plus the low bits of its generation, so that a stale handle whose cell
/// has been reused is still refused.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = CellBytes)]
internal struct HandleCell
{
    public const int CellBytes = 64;
    public const uint LiveMagic = 0x48474E45; // "ENGH"
    public const long OwnedBit = 1L << 31;
    public const long PinMask = OwnedBit - 1;

    public uint Magic;
    public int Kind;

    /// <summary>generation (32) | owned by the caller (1) | references: calls and children (31).</summary>
    public long State;

    /// <summary>GCHandle of the HandleObject.</summary>
    public nint Target;

    /// <summary>Next cell of the quarantine, or -1.</summary>
    public int Next;

    public static int GenerationOf(long state) => (int)(state >>> 32);
}
