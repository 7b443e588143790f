using System.Globalization;
using System.Text;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Normalizers;

/// <summary>
/// SentencePiece's compiled rules as the tokenizers library applies them: to a grapheme cluster of
/// under six bytes as a whole, else to each character; the shortest rule that matches wins.
/// </summary>
internal sealed class PrecompiledNormalizer(CharsMap map) : Normalizer
{
    private const int ClusterLimit = 6;

    public override void Apply(NormalizedText text)
    {
        string utf16 = CodePoints.ToUtf16(text.Codes);
        List<(int Code, int Change)> items = new(text.Length + 16);
        Span<byte> utf8 = stackalloc byte[8];
        int unit = 0;
        for (int at = 0; at < text.Length;)
        {
            int units = StringInfo.GetNextTextElementLength(utf16.AsSpan(unit));
            ReadOnlySpan<char> cluster = utf16.AsSpan(unit, units);
            int count = CountCodes(cluster);
            unit += units;
            int bytes = units <= ClusterLimit ? Encoding.UTF8.GetByteCount(cluster) : ClusterLimit;
            if (bytes < ClusterLimit)
            {
                Encoding.UTF8.GetBytes(cluster, utf8);
                if (map.Shortest(utf8[..bytes]) is int[] whole)
                {
                    Emit(items, whole, count);
                    at += count;
                    continue;
                }
            }

            for (int end = at + count; at < end; at++)
            {
                int c = text.Codes[at];
                int n = CodePoints.EncodeUtf8(c, utf8);
                if (map.Shortest(utf8[..n]) is int[] one)
                {
                    Emit(items, one, 1);
                }
                else
                {
                    items.Add((c, 0));
                }
            }
        }

        text.Transform(items);
    }

    private static int CountCodes(ReadOnlySpan<char> text)
    {
        int count = 0;
        foreach (char c in text)
        {
            count += char.IsLowSurrogate(c) ? 0 : 1;
        }

        return count;
    }

    // Surplus characters are inserted after the last old one; missing ones count as dropped after
    // the last character written, even if an earlier rule wrote it (as the reference does).
    private static void Emit(List<(int Code, int Change)> items, int[] replacement, int count)
    {
        for (int i = 0; i < replacement.Length; i++)
        {
            items.Add((replacement[i], i < count ? 0 : 1));
        }

        if (replacement.Length < count && items.Count > 0)
        {
            (int code, int change) = items[^1];
            items[^1] = (code, change + replacement.Length - count);
        }
    }
}
