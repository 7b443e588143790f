namespace Engine.Quantization;

/// <summary>Codes of a few bits in a dense little-endian stream of 32-bit words.</summary>
internal static class BitStream
{
    /// <summary>The code at an index when the words of the stream lie `stride` words apart.</summary>
    public static int Get(ReadOnlySpan<uint> words, int start, int stride, int index, int bits)
    {
        long bit = (long)index * bits;
        int word = start + ((int)(bit >> 5) * stride);
        int shift = (int)(bit & 31);
        ulong pair = words[word];
        // 3-bit codes straddle words.
        if (shift + bits > 32) pair |= (ulong)words[word + stride] << 32;
        return (int)(pair >> shift) & ((1 << bits) - 1);
    }

    /// <summary>Codes 0, 1, 2 and so on of a stream whose codes straddle no words.</summary>
    public static void GetRun(ReadOnlySpan<uint> words, int start, int stride, int bits, Span<byte> codes)
    {
        int perWord = 32 / bits;
        uint mask = (1u << bits) - 1;
        for (int i = 0; i < codes.Length; start += stride)
        {
            uint word = words[start];
            for (int end = Math.Min(i + perWord, codes.Length); i < end; i++, word >>= bits)
                codes[i] = (byte)(word & mask);
        }
    }
}
