using System.Buffers;
using System.Text;

namespace Engine.Tokenization.Decoders;

/// <summary>
/// Decoding as the sentencepiece library does it: bytes that are not UTF-8 become U+FFFD one by
/// one, and the space put in front of the text is taken off again.
/// </summary>
internal sealed class SentencePieceDecoder(
    bool hasBytes, bool dropsFirstSpace, bool dropsAllLeading, string? unknown, string unknownSurface)
    : Decoder
{
    private const char SpaceSign = '\u2581';

    public override List<string> Apply(List<string> tokens)
    {
        StringBuilder text = new();
        List<byte> run = [];
        bool atStart = true;
        bool sawSpace = false;
        foreach (string token in tokens)
        {
            int value = ByteOf(token);
            if (value >= 0)
            {
                run.Add((byte)value);
                continue;
            }

            Flush(run, text);
            atStart &= !sawSpace && text.Length == 0;
            text.Append(Decode(token, atStart, out sawSpace));
        }

        Flush(run, text);
        return [text.ToString()];
    }

    /// <summary>The byte that a piece stands for, or -1.</summary>
    public int ByteOf(string token) => hasBytes ? ByteFallbackDecoder.ByteOf(token) : -1;

    /// <summary>The text of a piece that is not a byte.</summary>
    public string Decode(string token, bool atStart, out bool sawSpace)
    {
        sawSpace = false;
        if (token == unknown)
        {
            return unknownSurface;
        }

        if (atStart && dropsFirstSpace && token.StartsWith(SpaceSign))
        {
            token = token[1..];
            sawSpace = !dropsAllLeading;
        }

        return token.Replace(SpaceSign, ' ');
    }

    private static void Flush(List<byte> run, StringBuilder text)
    {
        ReadOnlySpan<byte> rest = run.ToArray();
        run.Clear();
        while (!rest.IsEmpty)
        {
            bool valid = Rune.DecodeFromUtf8(rest, out Rune rune, out int used)
                == OperationStatus.Done;
            text.Append(valid ? rune.ToString() : "\uFFFD");
            rest = rest[(valid ? used : 1)..];
        }
    }
}
