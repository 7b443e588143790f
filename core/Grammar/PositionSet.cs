namespace Engine.Grammar;

/// <summary>Everything that may come next after some text. Equal sets of one network are one object.</summary>
internal sealed class PositionSet
{
    private static readonly object Dead = new();
    private object?[]? _next;

    public PositionSet(long[] items, bool mayEnd)
    {
        Items = items;
        MayEnd = mayEnd;
    }

    /// <summary>Positions that read a byte: state and stack.</summary>
    public long[] Items { get; }

    /// <summary>The text may end here.</summary>
    public bool MayEnd { get; }

    /// <summary>Which tokens may come next, once asked for: one bit each.</summary>
    public uint[]? TokenMask { get; set; }

    /// <summary>A step taken before; null is a step to nothing.</summary>
    public bool TryNext(byte value, out PositionSet? next)
    {
        object? known = Volatile.Read(ref _next)?[value];
        next = known as PositionSet;
        return known is not null;
    }

    public void SetNext(byte value, PositionSet? next)
    {
        object?[] table = _next ?? new object?[256];
        table[value] = next ?? Dead;
        Volatile.Write(ref _next, table);
    }

    /// <summary>Forgets the steps, so that what they lead to can be freed.</summary>
    public void Forget()
    {
        Volatile.Write(ref _next, null);
        TokenMask = null;
    }
}
