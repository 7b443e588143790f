namespace Engine.Grammar;

/// <summary>
/// Everything that may come next after some text. Equal sets are one object, until the network forgets.
/// </summary>
internal sealed class PositionSet
{
    public PositionSet(long[] items, bool mayEnd, object tables, int id)
    {
        Items = items;
        MayEnd = mayEnd;
        Id = id;
        Tables = tables;
    }

    /// <param name="other">The same positions.</param>
    /// <param name="scan">The items of the arrays around.</param>
    public PositionSet(PositionSet other, in JsonScan scan)
        : this(other.Items, other.MayEnd, other.Tables, other.Id)
    {
        Scan = scan;
    }

    /// <summary>
    /// Inside of an array whose items have to differ: what there has been. Then it is an object of its own.
    /// </summary>
    public JsonScan Scan { get; }

    /// <summary>Positions that read a byte: state and stack.</summary>
    public long[] Items { get; }

    /// <summary>The text may end here.</summary>
    public bool MayEnd { get; }

    /// <summary>Its number in its tables.</summary>
    public int Id { get; }

    /// <summary>The identity of the tables, which are not kept alive by those who come back to a place.</summary>
    public object Tables { get; }

    /// <summary>Which tokens may come next, once asked for.</summary>
    public TokenMask? Mask { get; set; }

    /// <summary>The likely token where one text alone may come next; -1 without, null if not asked for.</summary>
    public int? Likely { get; set; }
}
