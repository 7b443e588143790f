using System.Buffers;
using System.Text;

namespace Engine.Tokenization.Text;

/// <summary>
/// Text as code points: the unit of character classes and of offsets. A UTF-16 unit is neither.
/// </summary>
internal static class CodePoints
{
    public const int Replacement = 0xFFFD;
    public const int Limit = 0x110000;

    /// <summary>
    /// Writes the code points of a text (at most text.Length) and returns how many they are; lone
    /// surrogates become U+FFFD.
    /// </summary>
    public static int FromUtf16(ReadOnlySpan<char> text, Span<int> destination)
    {
        int count = 0;
        for (int i = 0; i < text.Length; i++)
        {
            int c = text[i];
            if ((c & 0xF800) == 0xD800)
            {
                bool pair = c < 0xDC00 && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
                c = pair ? char.ConvertToUtf32((char)c, text[++i]) : Replacement;
            }

            destination[count++] = c;
        }

        return count;
    }

    public static int[] FromUtf16(string text)
    {
        int[] buffer = new int[text.Length];
        int count = FromUtf16(text, buffer);
        return count == buffer.Length ? buffer : buffer[..count];
    }

    public static string ToUtf16(ReadOnlySpan<int> codes)
    {
        char[] rented = ArrayPool<char>.Shared.Rent(codes.Length * 2);
        int count = ToUtf16(codes, rented);
        string text = new(rented, 0, count);
        ArrayPool<char>.Shared.Return(rented);
        return text;
    }

    /// <summary>Writes at most two units per code and returns how many.</summary>
    public static int ToUtf16(ReadOnlySpan<int> codes, Span<char> destination)
    {
        int count = 0;
        foreach (int c in codes)
        {
            if (c < 0x10000)
            {
                destination[count++] = (char)c;
            }
            else
            {
                destination[count++] = (char)(0xD7C0 + (c >> 10));
                destination[count++] = (char)(0xDC00 + (c & 0x3FF));
            }
        }

        return count;
    }

    /// <summary>Bytes of a code point in UTF-8.</summary>
    public static int Utf8Length(int c) => c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    /// <summary>Writes a code point in UTF-8 and returns the number of bytes.</summary>
    public static int EncodeUtf8(int c, Span<byte> destination)
    {
        if (c < 0x80)
        {
            destination[0] = (byte)c;
            return 1;
        }

        if (c < 0x800)
        {
            destination[0] = (byte)(0xC0 | (c >> 6));
            destination[1] = (byte)(0x80 | (c & 0x3F));
            return 2;
        }

        if (c < 0x10000)
        {
            destination[0] = (byte)(0xE0 | (c >> 12));
            destination[1] = (byte)(0x80 | ((c >> 6) & 0x3F));
            destination[2] = (byte)(0x80 | (c & 0x3F));
            return 3;
        }

        destination[0] = (byte)(0xF0 | (c >> 18));
        destination[1] = (byte)(0x80 | ((c >> 12) & 0x3F));
        destination[2] = (byte)(0x80 | ((c >> 6) & 0x3F));
        destination[3] = (byte)(0x80 | (c & 0x3F));
        return 4;
    }

    /// <summary>The text of UTF-8 bytes; each maximal bad part becomes one U+FFFD.</summary>
    public static string DecodeLossy(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
