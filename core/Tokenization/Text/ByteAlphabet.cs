using System.Buffers;
using System.Text;

namespace Engine.Tokenization.Text;

/// <summary>
/// The printable stand-ins of the 256 bytes that byte-level vocabularies are written in (GPT-2):
/// printable Latin-1 stands for itself, the other 68 bytes for U+0100 and up.
/// </summary>
internal static class ByteAlphabet
{
    /// <summary>One past the largest stand-in.</summary>
    public const int CharLimit = 0x144;

    private static readonly char[] Chars = MakeChars();
    private static readonly short[] Bytes = MakeBytes(Chars);

    public static char ToChar(byte value) => Chars[value];

    /// <summary>The byte that a character stands for, or -1.</summary>
    public static int ToByte(int c) => (uint)c < CharLimit ? Bytes[c] : -1;

    /// <summary>
    /// The bytes behind a token: through the alphabet, or the token's own UTF-8 when any character
    /// is outside it.
    /// </summary>
    public static byte[] TokenBytes(string token)
    {
        byte[] bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            int value = ToByte(token[i]);
            if (value < 0)
            {
                return Encoding.UTF8.GetBytes(token);
            }

            bytes[i] = (byte)value;
        }

        return bytes;
    }

    /// <summary>Bytes written in the alphabet.</summary>
    public static string FromBytes(ReadOnlySpan<byte> bytes)
    {
        char[] rented = ArrayPool<char>.Shared.Rent(bytes.Length);
        for (int i = 0; i < bytes.Length; i++)
        {
            rented[i] = Chars[bytes[i]];
        }

        string text = new(rented, 0, bytes.Length);
        ArrayPool<char>.Shared.Return(rented);
        return text;
    }

    private static char[] MakeChars()
    {
        char[] chars = new char[256];
        int next = 256;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= 33 and <= 126) or (>= 161 and <= 172) or (>= 174 and <= 255);
            chars[b] = (char)(printable ? b : next++);
        }

        return chars;
    }

    private static short[] MakeBytes(char[] chars)
    {
        short[] bytes = new short[CharLimit];
        Array.Fill(bytes, (short)-1);
        for (int b = 0; b < 256; b++)
        {
            bytes[chars[b]] = (short)b;
        }

        return bytes;
    }
}
