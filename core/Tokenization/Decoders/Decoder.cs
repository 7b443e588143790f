using System.Text;
using Engine.Tokenization.Patterns;
using Engine.Tokenization.PreTokenizers;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Decoders;

/// <summary>One step from tokens to text (decoder of tokenizer.json); the rest is joining.</summary>
internal abstract class Decoder
{
    /// <summary>Rewrites the list of tokens.</summary>
    public abstract List<string> Apply(List<string> tokens);

    protected static List<string> Map(List<string> tokens, Func<string, int, string> map)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            tokens[i] = map(tokens[i], i);
        }

        return tokens;
    }
}

/// <summary>The byte alphabet back to bytes, and those to text.</summary>
internal sealed class ByteLevelDecoder : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        List<byte> bytes = [];
        foreach (string token in tokens)
        {
            bytes.AddRange(ByteAlphabet.TokenBytes(token));
        }

        return [CodePoints.DecodeLossy([.. bytes])];
    }
}

/// <summary>Tokens of single bytes to text; a run that is not UTF-8 becomes U+FFFD each.</summary>
internal sealed class ByteFallbackDecoder : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        List<string> result = new(tokens.Count);
        List<byte> run = [];
        foreach (string token in tokens)
        {
            int value = ByteOf(token);
            if (value >= 0)
            {
                run.Add((byte)value);
                continue;
            }

            Flush(run, result);
            result.Add(token);
        }

        Flush(run, result);
        return result;
    }

    /// <summary>The byte that "&lt;0xAB&gt;" stands for, or -1.</summary>
    public static int ByteOf(string token)
    {
        if (token.Length != 6 || !token.StartsWith("<0x", StringComparison.Ordinal)
            || token[5] != '>')
        {
            return -1;
        }

        int high = token[3] == '+' ? 0 : HexValue(token[3]);
        int low = HexValue(token[4]);
        return high < 0 || low < 0 ? -1 : (high << 4) | low;
    }

    private static int HexValue(char c) =>
        char.IsAsciiHexDigit(c) ? (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10) : -1;

    private static void Flush(List<byte> run, List<string> result)
    {
        if (run.Count == 0)
        {
            return;
        }

        byte[] bytes = [.. run];
        run.Clear();
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            result.Add(Encoding.UTF8.GetString(bytes));
            return;
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            result.Add("\uFFFD");
        }
    }
}

/// <summary>Joins all tokens to one.</summary>
internal sealed class FuseDecoder : Decoder
{
    public override List<string> Apply(List<string> tokens) => [string.Concat(tokens)];
}

/// <summary>Takes a character off the ends of each token, at most so many times.</summary>
internal sealed class StripDecoder(int content, int start, int stop) : Decoder
{
    public int Content => content;

    public int Start => start;

    public int Stop => stop;

    public override List<string> Apply(List<string> tokens) => Map(tokens, (token, _) => Strip(token));

    private string Strip(string token)
    {
        int width = content > 0xFFFF ? 2 : 1;
        int from = 0;
        int to = token.Length;
        for (int i = 0; i < start && from < to && CodeAt(token, from) == content; i++)
        {
            from += width;
        }

        for (int i = 0; i < stop && to - width >= from && CodeAt(token, to - width) == content; i++)
        {
            to -= width;
        }

        return from == 0 && to == token.Length ? token : token[from..to];
    }

    private static int CodeAt(string text, int at) =>
        char.IsSurrogatePair(text, at) ? char.ConvertToUtf32(text, at) : text[at];
}

/// <summary>Replaces what a pattern finds in each token.</summary>
internal sealed class ReplaceDecoder(Pattern pattern, string? literal, string content) : Decoder
{
    /// <summary>The string searched for, or null if it is a regular expression.</summary>
    public string? Literal => literal;

    public string Content => content;

    public override List<string> Apply(List<string> tokens) => Map(tokens, (token, _) => Replace(token));

    public string Replace(string token)
    {
        if (literal is not null)
        {
            return literal.Length == 0 ? token
                : token.Replace(literal, content, StringComparison.Ordinal);
        }

        NormalizedText text = new();
        text.Load(CodePoints.FromUtf16(token), 0, tracked: false);
        new Normalizers.ReplaceNormalizer(pattern, content).Apply(text);
        return CodePoints.ToUtf16(text.Codes);
    }
}

/// <summary>The visible space sign back to spaces, but for the one before the first word.</summary>
internal sealed class MetaspaceDecoder(int replacement, PrependScheme scheme) : Decoder
{
    public override List<string> Apply(List<string> tokens) => Map(tokens, Convert);

    public string Convert(string token, int index)
    {
        string sign = char.ConvertFromUtf32(replacement);
        string space = index == 0 && scheme != PrependScheme.Never ? "" : " ";
        return token.Replace(sign, space, StringComparison.Ordinal);
    }
}

/// <summary>Joins pieces of words and puts spaces between words.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanup) : Decoder
{
    public override List<string> Apply(List<string> tokens) => Map(tokens, Convert);

    public string Convert(string token, int index)
    {
        string text = index == 0 ? token
            : token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..]
            : " " + token;
        return cleanup ? Cleanup(text) : text;
    }

    /// <summary>English habits of spacing, as the reference has them.</summary>
    public static string Cleanup(string text) => !text.Contains(' ') ? text : new StringBuilder(text)
        .Replace(" .", ".").Replace(" ?", "?").Replace(" !", "!").Replace(" ,", ",")
        .Replace(" ' ", "'").Replace(" n't", "n't").Replace(" 'm", "'m")
        .Replace(" do not", " don't").Replace(" 's", "'s").Replace(" 've", "'ve")
        .Replace(" 're", "'re").ToString();
}

/// <summary>The suffix of a word's last piece to a space, to nothing at the end.</summary>
internal sealed class BpeDecoder(string suffix) : Decoder
{
    public string Suffix => suffix;

    public override List<string> Apply(List<string> tokens)
    {
        int last = tokens.Count - 1;
        return Map(tokens, (token, i) => suffix.Length == 0 ? token
            : token.Replace(suffix, i == last ? "" : " ", StringComparison.Ordinal));
    }
}

/// <summary>Connectionist temporal classification: repeated tokens are one, pads are none.</summary>
internal sealed class CtcDecoder(string pad, string wordDelimiter, bool cleanup) : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        List<string> result = [];
        string? previous = null;
        foreach (string token in tokens)
        {
            if (token == previous)
            {
                continue;
            }

            previous = token;
            string text = pad.Length == 0 ? token
                : token.Replace(pad, "", StringComparison.Ordinal);
            if (cleanup)
            {
                text = WordPieceDecoder.Cleanup(text);
                text = wordDelimiter.Length == 0 ? text
                    : text.Replace(wordDelimiter, " ", StringComparison.Ordinal);
            }

            if (text.Length > 0)
            {
                result.Add(text);
            }
        }

        return result;
    }
}

/// <summary>Steps one after another.</summary>
internal sealed class DecoderSequence(Decoder[] items) : Decoder
{
    public Decoder[] Items => items;

    public override List<string> Apply(List<string> tokens)
    {
        foreach (Decoder item in items)
        {
            tokens = item.Apply(tokens);
        }

        return tokens;
    }
}
