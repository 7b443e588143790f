using Engine.Tokenization.Text;

namespace Engine.Tokenization.Patterns;

/// <summary>
/// An immutable set of code points: an inversion list (sorted boundaries; members lie between an
/// even and the following odd one) and a bitmap for the basic plane.
/// </summary>
internal sealed class CharSet
{
    public static readonly CharSet Empty = new([]);
    public static readonly CharSet All = new([0, CodePoints.Limit]);
    public static readonly CharSet NewLine = Range('\n', '\n');
    public static readonly CharSet AnyButNewLine = NewLine.Negate();
    public static readonly CharSet WhiteSpace = FromPredicate(UnicodeClasses.IsWhiteSpace);
    public static readonly CharSet Digit = FromPredicate(c => UnicodeClasses.IsAny(c, 1 << 8));
    public static readonly CharSet Word = FromPredicate(
        c => UnicodeClasses.IsWord(c) && c is not (0x200C or 0x200D));

    private readonly int[] _bounds;
    private readonly ulong[] _basic = new ulong[0x10000 / 64];

    private CharSet(int[] bounds)
    {
        _bounds = bounds;
        for (int i = 0; i < bounds.Length; i += 2)
        {
            int end = Math.Min(bounds[i + 1], 0x10000);
            for (int c = bounds[i]; c < end; c++)
            {
                if ((c & 63) == 0 && c + 64 <= end)
                {
                    _basic[c >> 6] = ulong.MaxValue;
                    c += 63;
                    continue;
                }

                _basic[c >> 6] |= 1UL << (c & 63);
            }
        }
    }

    public bool IsEmpty => _bounds.Length == 0;

    /// <summary>The only member, or -1 if there are none or several.</summary>
    public int Single => _bounds.Length == 2 && _bounds[1] == _bounds[0] + 1 ? _bounds[0] : -1;

    public static CharSet Range(int first, int last) => new([first, last + 1]);

    /// <param name="bounds">Sorted; members lie between an even and the next odd one.</param>
    public static CharSet FromBounds(int[] bounds) => new(bounds);

    public static CharSet FromPredicate(Func<int, bool> predicate)
    {
        List<int> bounds = [];
        bool inside = false;
        for (int c = 0; c < CodePoints.Limit; c++)
        {
            if (predicate(c) != inside)
            {
                inside = !inside;
                bounds.Add(c);
            }
        }

        if (inside)
        {
            bounds.Add(CodePoints.Limit);
        }

        return new CharSet([.. bounds]);
    }

    public bool Contains(int c) => c < 0x10000
        ? (_basic[c >> 6] & (1UL << (c & 63))) != 0
        : ContainsSupplementary(c);

    public CharSet Negate()
    {
        if (_bounds.Length == 0)
        {
            return All;
        }

        List<int> bounds = [.. _bounds];
        Toggle(bounds, 0, 0);
        Toggle(bounds, bounds.Count, CodePoints.Limit);
        return new CharSet([.. bounds]);
    }

    public CharSet Union(CharSet other) => Combine(other, needed: 1);

    public CharSet Intersect(CharSet other) => Combine(other, needed: 2);

    /// <summary>Adds everything that is equal under simple case folding.</summary>
    public CharSet IgnoreCase()
    {
        List<int> members = CaseFolding.Equivalents(this);
        if (members.Count == 0)
        {
            return this;
        }

        members.Sort();
        List<int> bounds = [];
        foreach (int c in members)
        {
            if (bounds.Count > 0 && bounds[^1] == c)
            {
                bounds[^1] = c + 1;
            }
            else if (bounds.Count == 0 || bounds[^1] < c)
            {
                bounds.Add(c);
                bounds.Add(c + 1);
            }
        }

        return Union(new CharSet([.. bounds]));
    }

    private static void Toggle(List<int> bounds, int at, int value)
    {
        int existing = at == 0 ? 0 : bounds.Count - 1;
        if (bounds.Count > 0 && bounds[existing] == value)
        {
            bounds.RemoveAt(existing);
        }
        else
        {
            bounds.Insert(at == 0 ? 0 : bounds.Count, value);
        }
    }

    private CharSet Combine(CharSet other, int needed)
    {
        List<int> bounds = [];
        int i = 0, j = 0;
        bool inside = false;
        while (i < _bounds.Length || j < other._bounds.Length)
        {
            int a = i < _bounds.Length ? _bounds[i] : int.MaxValue;
            int b = j < other._bounds.Length ? other._bounds[j] : int.MaxValue;
            int at = Math.Min(a, b);
            i += a == at ? 1 : 0;
            j += b == at ? 1 : 0;
            if ((i & 1) + (j & 1) >= needed != inside)
            {
                inside = !inside;
                bounds.Add(at);
            }
        }

        return new CharSet([.. bounds]);
    }

    private bool ContainsSupplementary(int c)
    {
        int at = Array.BinarySearch(_bounds, c);
        return ((at >= 0 ? at + 1 : ~at) & 1) != 0;
    }
}
