namespace Engine.Tokenization.PostProcessors;

/// <summary>
/// One element of a template: the first or second text (Sequence 0 or 1), or fixed ids (-1).
/// </summary>
internal readonly record struct TemplatePiece(int Sequence, int[] Ids, string[] Tokens, int TypeId);

/// <summary>What goes around the texts (post_processor of tokenizer.json).</summary>
internal sealed class PostProcessor
{
    private static readonly TemplatePiece[] PlainSingle = [new(0, [], [], 0)];
    private static readonly TemplatePiece[] PlainPair = [new(0, [], [], 0), new(1, [], [], 1)];

    public static PostProcessor None { get; } = new();

    public TemplatePiece[] Single { get; init; } = PlainSingle;

    public TemplatePiece[] Pair { get; init; } = PlainPair;

    /// <summary>Leaves the white space of byte-level tokens out of the offsets.</summary>
    public bool TrimOffsets { get; init; }

    /// <summary>With TrimOffsets: the first token's space may be one that was put there.</summary>
    public bool AddPrefixSpace { get; init; }

    /// <summary>How many fixed ids the template adds.</summary>
    public static int CountAdded(TemplatePiece[] template)
    {
        int count = 0;
        foreach (TemplatePiece piece in template)
        {
            count += piece.Ids.Length;
        }

        return count;
    }

    /// <summary>The template around one text, and around two.</summary>
    public static TemplatePiece[] Plain(bool pair) => pair ? PlainPair : PlainSingle;

    /// <summary>Takes the white space at a token's ends off its offsets.</summary>
    public (int Start, int End) Trim(string token, int index, (int Start, int End) offsets)
    {
        int leading = 0;
        while (leading < token.Length && IsSpace(token[leading]))
        {
            leading++;
        }

        int trailing = 0;
        while (trailing < token.Length && IsSpace(token[token.Length - 1 - trailing]))
        {
            trailing++;
        }

        (int start, int end) = offsets;
        if (leading > 0)
        {
            bool added = AddPrefixSpace && (index == 0 || start == 0);
            start = Math.Min(start + leading - (added ? 1 : 0), end);
        }

        if (trailing > 0 && end >= trailing)
        {
            end = Math.Max(end - trailing, start);
        }

        return (start, end);
    }

    private static bool IsSpace(char c) =>
        c == Text.ByteAlphabet.ToChar((byte)' ') || Text.UnicodeClasses.IsWhiteSpace(c);
}
