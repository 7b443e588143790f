using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace Engine.Grammar;

/// <summary>
/// An item's text so far, without white space and with escapes resolved. A value: pieces that are full are shared.
/// </summary>
internal struct ItemText
{
    private Piece? _full;
    private Bytes _bytes;

    public int Length { get; private set; }

    /// <summary>The order of bytes, in which items are kept.</summary>
    public static IComparer<byte[]> Order { get; } =
        Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b));

    public void Add(byte value)
    {
        int at = Length++ % Bytes.Count;
        _bytes[at] = value;
        if (at == Bytes.Count - 1)
        {
            _full = new Piece(_full, _bytes);
        }
    }

    public readonly byte[] ToArray()
    {
        var text = new byte[Length];
        int rest = Length % Bytes.Count;
        ((ReadOnlySpan<byte>)_bytes)[..rest].CopyTo(text.AsSpan(Length - rest));
        int end = Length - rest;
        for (Piece? piece = _full; piece is not null; piece = piece.Before)
        {
            Bytes bytes = piece.Text;
            end -= Bytes.Count;
            ((ReadOnlySpan<byte>)bytes).CopyTo(text.AsSpan(end));
        }

        return text;
    }

    /// <summary>Of sorted texts that agree before an index, those with a value there.</summary>
    public static (int Low, int High) Narrow(
        ImmutableSortedSet<byte[]> sorted, int low, int high, int index, byte value)
    {
        int begin = First(sorted, low, high, index, value);
        return (begin, First(sorted, begin, high, index, value + 1));
    }

    /// <summary>The values that they have there, as bits.</summary>
    public static void Values(ImmutableSortedSet<byte[]> sorted, int low, int high, int index, Span<ulong> bits)
    {
        bits.Clear();
        for (int i = low; i < high;)
        {
            int value = At(sorted[i], index);
            if (value >= 0)
            {
                bits[value >> 6] |= 1ul << (value & 63);
            }

            i = First(sorted, i, high, index, value + 1);
        }
    }

    private static int At(byte[] text, int index) => index < text.Length ? text[index] : -1;

    private static int First(ImmutableSortedSet<byte[]> sorted, int low, int high, int index, int value)
    {
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = At(sorted[middle], index) < value ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    [InlineArray(Count)]
    private struct Bytes
    {
        public const int Count = 32;

        private byte _first;
    }

    private sealed record Piece(Piece? Before, Bytes Text);
}
