namespace Engine.Grammar;

/// <summary>How an item's text begins: 32 bytes without white space, escapes resolved, compared byte by byte.</summary>
internal readonly record struct ItemPrefix(ulong A, ulong B, ulong C, ulong D) : IComparable<ItemPrefix>
{
    public const int MaxLength = 32;

    public byte this[int index] => (byte)((index >> 3) switch
    {
        0 => A,
        1 => B,
        2 => C,
        _ => D,
    } >> (56 - (8 * (index & 7))));

    public ItemPrefix With(int index, byte value)
    {
        ulong bits = (ulong)value << (56 - (8 * (index & 7)));
        return (index >> 3) switch
        {
            0 => this with { A = A | bits },
            1 => this with { B = B | bits },
            2 => this with { C = C | bits },
            _ => this with { D = D | bits },
        };
    }

    public int CompareTo(ItemPrefix other) =>
        A != other.A ? A.CompareTo(other.A)
        : B != other.B ? B.CompareTo(other.B)
        : C != other.C ? C.CompareTo(other.C)
        : D.CompareTo(other.D);

    /// <summary>Of sorted prefixes that agree before an index, those with a value there.</summary>
    public static (int Low, int High) Narrow(ItemPrefix[] sorted, int low, int high, int index, byte value)
    {
        int begin = First(sorted, low, high, index, value);
        return (begin, First(sorted, begin, high, index, value + 1));
    }

    private static int First(ItemPrefix[] sorted, int low, int high, int index, int value)
    {
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = sorted[middle][index] < value ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
