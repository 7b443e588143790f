using System.Numerics;

namespace Engine.Grammar;

/// <summary>A set of tokens: a few ids, or one bit for each.</summary>
internal sealed class TokenMask
{
    /// <summary>More are kept as bits.</summary>
    public const int MaxFew = 256;

    private TokenMask(int[]? few, uint[]? bits)
    {
        Few = few;
        Bits = bits;
    }

    /// <summary>Ascending; null if there are too many to list.</summary>
    public int[]? Few { get; }

    /// <summary>One bit per token; null if the ids are listed.</summary>
    public uint[]? Bits { get; }

    /// <summary>Memory it takes.</summary>
    public int SizeBytes => 64 + (4 * ((Few?.Length ?? 0) + (Bits?.Length ?? 0)));

    /// <summary>The set of the bits that are on.</summary>
    public static TokenMask Of(ReadOnlySpan<uint> bits)
    {
        int count = 0;
        foreach (uint word in bits)
        {
            count += BitOperations.PopCount(word);
        }

        if (count > MaxFew)
        {
            return new TokenMask(null, bits.ToArray());
        }

        var few = new int[count];
        for (int word = 0, at = 0; word < bits.Length; word++)
        {
            for (uint rest = bits[word]; rest != 0; rest &= rest - 1)
            {
                few[at++] = (32 * word) + BitOperations.TrailingZeroCount(rest);
            }
        }

        return new TokenMask(few, null);
    }

    /// <summary>True if it is the set of these bits.</summary>
    public bool Same(ReadOnlySpan<uint> bits)
    {
        if (Bits is not null)
        {
            return bits.SequenceEqual(Bits);
        }

        int count = 0;
        foreach (uint word in bits)
        {
            count += BitOperations.PopCount(word);
        }

        foreach (int id in Few!)
        {
            if ((bits[id >> 5] >> (id & 31) & 1) == 0)
            {
                return false;
            }
        }

        return count == Few.Length;
    }

    /// <summary>Writes the set as bits.</summary>
    public void CopyTo(Span<uint> bits)
    {
        if (Bits is not null)
        {
            Bits.CopyTo(bits);
            return;
        }

        bits.Clear();
        foreach (int id in Few!)
        {
            bits[id >> 5] |= 1u << (id & 31);
        }
    }

    public bool Contains(int id) => Bits is not null
        ? (uint)id < 32u * (uint)Bits.Length && (Bits[id >> 5] >> (id & 31) & 1) != 0
        : Array.BinarySearch(Few!, id) >= 0;
}
