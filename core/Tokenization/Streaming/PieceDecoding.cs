using Engine.Tokenization.Decoders;

namespace Engine.Tokenization;

/// <summary>How a decoder treats one token after another, where it can be said that simply.</summary>
internal sealed class PieceDecoding
{
    /// <summary>The text of a token; the flag says that nothing precedes it.</summary>
    public required Func<string, bool, string> Convert { get; init; }

    /// <summary>The byte that a token stands for, or -1.</summary>
    public Func<string, int> ByteOf { get; init; } = _ => -1;

    /// <summary>A run of byte tokens with anything invalid is U+FFFD throughout.</summary>
    public bool WholeRuns { get; init; }

    /// <summary>A character taken off the start of the output, and how often at most.</summary>
    public char Stripped { get; init; }

    public int StripCount { get; init; }

    /// <summary>
    /// SentencePiece: also a token that adds no text, or only the first space, leaves the start.
    /// </summary>
    public SentencePieceDecoder? SentencePiece { get; init; }

    /// <summary>The end of a token that becomes a space once another token follows.</summary>
    public string? SpaceSuffix { get; init; }

    /// <summary>The description of a decoder, or null if it is not of this kind.</summary>
    public static PieceDecoding? Find(Decoder? decoder, string?[] tokens) => decoder switch
    {
        null => new PieceDecoding { Convert = (token, first) => first ? token : " " + token },
        MetaspaceDecoder m => new PieceDecoding { Convert = (t, first) => m.Convert(t, first ? 0 : 1) },
        WordPieceDecoder w => new PieceDecoding { Convert = (t, first) => w.Convert(t, first ? 0 : 1) },
        BpeDecoder b => FindSuffix(b.Suffix, tokens),
        SentencePieceDecoder s => new PieceDecoding
        {
            Convert = (token, first) => s.Decode(token, first, out _),
            ByteOf = s.ByteOf,
            SentencePiece = s,
        },
        DecoderSequence { Items: [Decoder one] } => Find(one, tokens),
        DecoderSequence { Items: [ReplaceDecoder r, ByteFallbackDecoder, FuseDecoder] } =>
            FindFallback(r, '\0', 0),
        DecoderSequence
        {
            Items: [ReplaceDecoder r, ByteFallbackDecoder, FuseDecoder,
                StripDecoder { Stop: 0, Content: < 0xD800 } s],
        } => FindFallback(r, (char)s.Content, s.Start),
        _ => null,
    };

    private static PieceDecoding FindFallback(ReplaceDecoder replace, char stripped, int count) => new()
    {
        Convert = (token, _) => replace.Replace(token),
        ByteOf = token => ByteFallbackDecoder.ByteOf(replace.Replace(token)),
        WholeRuns = true,
        Stripped = stripped,
        StripCount = count,
    };

    // Inside a token the suffix would change text that is out already.
    private static PieceDecoding? FindSuffix(string suffix, string?[] tokens)
    {
        foreach (string? token in tokens)
        {
            int at = suffix.Length == 0 ? -1 : token?.IndexOf(suffix, StringComparison.Ordinal) ?? -1;
            if (at >= 0 && at != token!.Length - suffix.Length)
            {
                return null;
            }
        }

        return new PieceDecoding
        {
            Convert = (token, _) => suffix.Length == 0 ? token
                : token.Replace(suffix, "", StringComparison.Ordinal),
            SpaceSuffix = suffix.Length == 0 ? null : suffix,
        };
    }
}
