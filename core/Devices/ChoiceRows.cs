using System.Runtime.InteropServices;

namespace Engine.Devices;

/// <summary>
/// How a token is chosen: what min_p, top_k and top_p leave, in this order, by weight exp((logit - max) * scale). The
/// layout is EkcSampleRow's.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TokenChoice
{
    /// <summary>1 as a share.</summary>
    public const ulong Whole = 1UL << 53;

    /// <summary>The draw in units of 2^-53, as a share of what is left in ascending order of ids.</summary>
    public ulong Uniform;

    /// <summary>In units of 2^-53; Whole keeps all.</summary>
    public ulong TopP;

    /// <summary>Logits below the largest plus this go; above 0 none do.</summary>
    public double MinOffset;

    /// <summary>1 / temperature; 0 takes the first of the largest.</summary>
    public float Scale;

    /// <summary>0 keeps all.</summary>
    public int TopK;

    /// <summary>Ids from here on are never chosen; 0 leaves the row alone.</summary>
    public int NumIds;

    /// <summary>Not 0: of the row as an <see cref="EditRow"/> makes it.</summary>
    public int IsEdited;
}

/// <summary>What a request changes of its row before its token is chosen; the layout is EkcEditRow's.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct EditRow
{
    public int Row;
    public int NumIds;

    /// <summary>Place of the bits of ids that stay; -1: all stay.</summary>
    public int Allowed;

    /// <summary>Place of ids that are excluded.</summary>
    public int Masked;
    public int NumMasked;

    /// <summary>Place of entries of id, addend and count.</summary>
    public int Changed;
    public int NumChanged;

    /// <summary>Place, among chosen tokens, of one more token of the output; -1: none.</summary>
    public int Pending;

    /// <summary>The only id that stays, unless it is excluded already; -1: none.</summary>
    public int Only;
    public float Repetition;
    public float Frequency;
    public float Presence;
}

/// <summary>Whose log probabilities are wanted; the layout is EkcLogprobRow's.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LogprobRow
{
    public int Row;
    public int NumIds;

    /// <summary>The best so many.</summary>
    public int Top;

    /// <summary>-1: the one that is chosen.</summary>
    public int Token;

    /// <summary>Not 0: logits and ranks are the edited row's, the total is not.</summary>
    public int IsEdited;
    public int Place;
}

/// <summary>What log probabilities are made of; the layout is EkcLogprobRecord's.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LogprobRecord
{
    /// <summary>Of exp(logit - Max) over the row, in units of 2^-44.</summary>
    public ulong Total;
    public float Max;
    public float Logit;

    /// <summary>-1: there is none, or a logit is NaN or +infinity.</summary>
    public int Token;
    public int Rank;
}

/// <summary>One of the best, in ascending order of ids.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ScoredToken
{
    public int Id;
    public float Logit;
}
