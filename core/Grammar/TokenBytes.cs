using System.Globalization;
using System.Text;
using Engine.Tokenization;

namespace Engine.Grammar;

/// <summary>The bytes that each token adds to a text, found through the tokenizer's own decoder.</summary>
internal static class TokenBytes
{
    private static readonly Dictionary<char, byte> ByteAlphabet = MakeByteAlphabet();

    /// <summary>Bytes by id; null for special tokens and for those whose bytes cannot be told.</summary>
    public static byte[]?[] Of(ITokenizer tokenizer)
    {
        var texts = new byte[]?[tokenizer.VocabSize];
        int[] anchor = tokenizer.Encode("a", addSpecialTokens: false);
        string before = tokenizer.Decode(anchor);
        int[] ids = [.. anchor, 0];
        for (int id = 0; id < texts.Length; id++)
        {
            if (tokenizer.IdToToken(id) is not { } spelled || tokenizer.IsSpecial(id))
            {
                continue;
            }

            // After another token, so that a decoder which trims the start of a text leaves it alone.
            ids[^1] = id;
            string text = tokenizer.Decode(ids);
            texts[id] = SingleByte(spelled) is byte value ? [value]
                : text.StartsWith(before, StringComparison.Ordinal) && !text.Contains('\uFFFD')
                    ? Encoding.UTF8.GetBytes(text[before.Length..])
                : FromByteAlphabet(spelled);
        }

        return texts;
    }

    /// <summary>A byte-fallback token, such as &lt;0x0A&gt;.</summary>
    private static byte? SingleByte(string spelled) =>
        spelled.Length == 6 && spelled.StartsWith("<0x", StringComparison.Ordinal) && spelled[5] == '>'
            && byte.TryParse(
                spelled.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
            ? value
            : null;

    private static byte[]? FromByteAlphabet(string spelled)
    {
        var bytes = new byte[spelled.Length];
        for (int i = 0; i < spelled.Length; i++)
        {
            if (!ByteAlphabet.TryGetValue(spelled[i], out bytes[i]))
            {
                return null;
            }
        }

        return bytes;
    }

    /// <summary>GPT-2's letters for bytes: printable ones stand for themselves, the others follow from 256.</summary>
    private static Dictionary<char, byte> MakeByteAlphabet()
    {
        var alphabet = new Dictionary<char, byte>();
        int next = 256;
        for (int value = 0; value < 256; value++)
        {
            bool isPrintable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            alphabet[isPrintable ? (char)value : (char)next++] = (byte)value;
        }

        return alphabet;
    }
}
