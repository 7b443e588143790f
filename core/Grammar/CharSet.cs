using System.Text;

namespace Engine.Grammar;

/// <summary>A set of code points as sorted ranges that do not touch; surrogates are never in it.</summary>
internal sealed class CharSet
{
    private const int MaxCodePoint = 0x10FFFF;

    private readonly (int Low, int High)[] _ranges;

    private CharSet((int Low, int High)[] ranges) => _ranges = ranges;

    /// <summary>Every code point.</summary>
    public static CharSet All { get; } = Of((0, MaxCodePoint));

    public static CharSet Digits { get; } = Of(('0', '9'));

    public static CharSet Word { get; } = Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));

    public static CharSet Space { get; } = Of(('\t', '\r'), (' ', ' '));

    public IReadOnlyList<(int Low, int High)> Ranges => _ranges;

    public bool IsEmpty => _ranges.Length == 0;

    public static CharSet Of(params IEnumerable<(int Low, int High)> ranges)
    {
        var merged = new List<(int Low, int High)>();
        foreach ((int low, int high) in ranges.Order())
        {
            if (merged.Count > 0 && low <= merged[^1].High + 1)
            {
                merged[^1] = (merged[^1].Low, Math.Max(merged[^1].High, high));
            }
            else
            {
                merged.Add((low, high));
            }
        }

        return new CharSet([.. merged]);
    }

    public CharSet Negate()
    {
        var inverse = new List<(int, int)>();
        int next = 0;
        foreach ((int low, int high) in _ranges)
        {
            if (low > next)
            {
                inverse.Add((next, low - 1));
            }

            next = high + 1;
        }

        if (next <= MaxCodePoint)
        {
            inverse.Add((next, MaxCodePoint));
        }

        return new CharSet([.. inverse]);
    }

    public CharSet Union(CharSet other) => Of(_ranges.Concat(other._ranges));

    public CharSet Except(CharSet other) => Negate().Union(other).Negate();

    /// <summary>With the other case of every letter of the basic plane.</summary>
    public CharSet IgnoringCase()
    {
        var ranges = new List<(int, int)>(_ranges);
        foreach ((int low, int high) in _ranges)
        {
            for (int c = low; c <= Math.Min(high, char.MaxValue); c++)
            {
                char upper = char.ToUpperInvariant((char)c);
                char lower = char.ToLowerInvariant((char)c);
                ranges.Add((upper, upper));
                ranges.Add((lower, lower));
            }
        }

        return Of(ranges);
    }

    /// <summary>Sequences of byte ranges that together are the UTF-8 of the set.</summary>
    public List<(byte Low, byte High)[]> Utf8()
    {
        var sequences = new List<(byte, byte)[]>();
        foreach ((int low, int high) in _ranges)
        {
            Split(low, high, sequences);
        }

        return sequences;
    }

    private static void Split(int low, int high, List<(byte, byte)[]> sequences)
    {
        if (low > high)
        {
            return;
        }

        if (low <= 0xDFFF && high >= 0xD800)
        {
            Split(low, 0xD7FF, sequences);
            Split(0xE000, high, sequences);
            return;
        }

        foreach (int edge in (ReadOnlySpan<int>)[0x7F, 0x7FF, 0xFFFF])
        {
            if (low <= edge && edge < high)
            {
                Split(low, edge, sequences);
                Split(edge + 1, high, sequences);
                return;
            }
        }

        Span<byte> first = stackalloc byte[4];
        Span<byte> last = stackalloc byte[4];
        int length = new Rune(low).EncodeToUtf8(first);
        new Rune(high).EncodeToUtf8(last);
        for (int i = 1; i < length; i++)
        {
            // Below a byte that varies, the bytes after it must run over their whole range.
            int mask = (1 << (6 * i)) - 1;
            if ((low & ~mask) == (high & ~mask))
            {
                continue;
            }

            if ((low & mask) != 0)
            {
                Split(low, low | mask, sequences);
                Split((low | mask) + 1, high, sequences);
                return;
            }

            if ((high & mask) != mask)
            {
                Split(low, (high & ~mask) - 1, sequences);
                Split(high & ~mask, high, sequences);
                return;
            }
        }

        var sequence = new (byte, byte)[length];
        for (int i = 0; i < length; i++)
        {
            sequence[i] = (first[i], last[i]);
        }

        sequences.Add(sequence);
    }
}
