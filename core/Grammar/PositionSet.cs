namespace Engine.Grammar;

/// <summary>Everything that may come next after some text. Equal sets of one network are one object.</summary>
internal sealed class PositionSet
{
    /// <summary>What a step that does not fit leads to.</summary>
    public static readonly PositionSet Dead = new([], false);

    public PositionSet(long[] items, bool mayEnd)
    {
        Items = items;
        MayEnd = mayEnd;
    }

    /// <summary>Positions that read a byte: state and stack.</summary>
    public long[] Items { get; }

    /// <summary>The text may end here.</summary>
    public bool MayEnd { get; }

    /// <summary>Steps taken before, by class of bytes; null is not taken yet.</summary>
    public PositionSet?[]? Next { get; set; }

    /// <summary>Which tokens may come next, once asked for.</summary>
    public TokenMask? Mask { get; set; }

    /// <summary>How many characters of plain text certainly fit from here, whatever they are.</summary>
    public int PlainReach { get; set; }

    /// <summary>With one character more, not all do.</summary>
    public bool PlainReachIsExact { get; set; }

    /// <summary>With one character more, none does.</summary>
    public bool PlainEnds { get; set; }

    /// <summary>Forgets the steps, so that what they lead to can be freed.</summary>
    public void Forget()
    {
        Next = null;
        Mask = null;
    }
}
