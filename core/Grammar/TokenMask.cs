using System.Numerics;

namespace Engine.Grammar;

/// <summary>A set of tokens: a few ids, or one bit for each.</summary>
internal sealed class TokenMask
{
    /// <summary>More are kept as bits.</summary>
    public const int MaxFew = 256;

    private TokenMask(int[]? few, uint[]? bits, int[]? without = null)
    {
        Few = few;
        Bits = bits;
        Without = without ?? [];
    }

    /// <summary>Ascending; null if there are too many to list.</summary>
    public int[]? Few { get; }

    /// <summary>One bit per token, on for those of <see cref="Without"/> too; null if the ids are listed.</summary>
    public uint[]? Bits { get; }

    /// <summary>Ids whose bit is on and that are not in the set.</summary>
    public int[] Without { get; }

    /// <summary>Memory it takes.</summary>
    public int SizeBytes => 64 + (4 * ((Few?.Length ?? 0) + (Bits?.Length ?? 0) + Without.Length));

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
            // Masks live long: a collection that falls into a step would copy them, twice.
            uint[] kept = GC.AllocateUninitializedArray<uint>(bits.Length, pinned: true);
            bits.CopyTo(kept);
            return new TokenMask(null, kept);
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

    /// <summary>The set of the bits that are on, all of which are on in a set that may share its bits.</summary>
    public static TokenMask Within(TokenMask larger, ReadOnlySpan<uint> bits)
    {
        if (larger.Bits is not { } all || larger.Without.Length > 0)
        {
            return Of(bits);
        }

        int count = 0;
        for (int word = 0; word < bits.Length; word++)
        {
            count += BitOperations.PopCount(all[word] ^ bits[word]);
        }

        if (count > MaxFew)
        {
            return Of(bits);
        }

        var without = new int[count];
        for (int word = 0, at = 0; word < bits.Length; word++)
        {
            for (uint rest = all[word] ^ bits[word]; rest != 0; rest &= rest - 1)
            {
                without[at++] = (32 * word) + BitOperations.TrailingZeroCount(rest);
            }
        }

        return new TokenMask(null, all, without);
    }

    /// <summary>True if it is the set of these bits, and has bits of its own or a list.</summary>
    public bool Same(ReadOnlySpan<uint> bits)
    {
        if (Without.Length > 0)
        {
            return false;
        }

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

    /// <summary>Writes the set as bits; ids beyond them are left out.</summary>
    public void CopyTo(Span<uint> bits)
    {
        bits.Clear();
        if (Bits is not null)
        {
            Bits.AsSpan(0, Math.Min(Bits.Length, bits.Length)).CopyTo(bits);
        }

        foreach (int id in Few ?? [])
        {
            Set(bits, id, true);
        }

        foreach (int id in Without)
        {
            Set(bits, id, false);
        }
    }

    /// <summary>Turns a bit on or off, if there is one.</summary>
    public static void Set(Span<uint> bits, int id, bool isOn)
    {
        if ((uint)id >> 5 < bits.Length)
        {
            uint bit = 1u << (id & 31);
            bits[id >> 5] = isOn ? bits[id >> 5] | bit : bits[id >> 5] & ~bit;
        }
    }

    public bool Contains(int id) => Bits is not null
        ? (uint)id < 32u * (uint)Bits.Length && (Bits[id >> 5] >> (id & 31) & 1) != 0
            && Array.BinarySearch(Without, id) < 0
        : Array.BinarySearch(Few!, id) >= 0;
}
