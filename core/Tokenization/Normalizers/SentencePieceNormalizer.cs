using Engine.Tokenization.Text;

namespace Engine.Tokenization.Normalizers;

/// <summary>
/// The normalizer of the sentencepiece library: the longest compiled rule at each position, runs of
/// spaces made one, a space put in front, spaces made visible. User-defined pieces stay as they are.
/// </summary>
internal sealed class SentencePieceNormalizer : Normalizer
{
    private const int SpaceSign = 0x2581;
    private readonly StringTrie _kept = new();

    public CharsMap? Rules { get; init; }

    public bool AddDummyPrefix { get; init; } = true;

    public bool RemoveExtraWhitespaces { get; init; } = true;

    public bool EscapeWhitespaces { get; init; } = true;

    public bool WhitespaceAsSuffix { get; init; }

    /// <summary>A piece that rules do not touch.</summary>
    public void Keep(string piece)
    {
        if (piece.Length > 0)
        {
            _kept.Add(CodePoints.FromUtf16(piece), 0);
        }
    }

    public override void Apply(NormalizedText text)
    {
        Utf8View view = new(text.Codes, Rules is not null);
        int at = 0;
        while (RemoveExtraWhitespaces && at < text.Length)
        {
            int used = Prefix(text, view, at, out int[]? rule);
            if (!(rule is null ? used == 1 && text.Codes[at] == ' ' : rule is [' ']))
            {
                break;
            }

            at += used;
        }

        text.Begin();
        if (at < text.Length)
        {
            int space = EscapeWhitespaces ? SpaceSign : ' ';
            if (AddDummyPrefix && !WhitespaceAsSuffix)
            {
                text.Emit(space, at);
            }

            int trailing = Rewrite(text, view, at, space);
            if (AddDummyPrefix && WhitespaceAsSuffix)
            {
                text.Emit(space, trailing);
            }
        }

        text.Commit();
    }

    /// <summary>Writes everything from a position on; returns the last old index.</summary>
    private int Rewrite(NormalizedText text, Utf8View view, int at, int space)
    {
        bool previousIsSpace = RemoveExtraWhitespaces;
        while (at < text.Length)
        {
            int used = Prefix(text, view, at, out int[]? rule);
            ReadOnlySpan<int> written = rule is null ? text.Codes.Slice(at, used) : rule;
            int skip = 0;
            while (previousIsSpace && skip < written.Length && written[skip] == ' ')
            {
                skip++;
            }

            for (int i = skip; i < written.Length; i++)
            {
                text.Emit(written[i] == ' ' ? space : written[i], at + Math.Min(i, used - 1));
            }

            previousIsSpace = skip < written.Length ? written[^1] == ' ' : previousIsSpace;
            previousIsSpace &= RemoveExtraWhitespaces;
            at += used;
        }

        if (RemoveExtraWhitespaces)
        {
            text.TrimNew(space);
        }

        return text.Length - 1;
    }

    /// <summary>How many code points the next step takes, and what a rule makes of them.</summary>
    private int Prefix(NormalizedText text, Utf8View view, int at, out int[]? rule)
    {
        rule = null;
        int node = 0;
        int kept = 0;
        int last = _kept.Count == 0 ? at : text.Length;
        for (int i = at; i < last && (node = _kept.Next(node, text.Codes[i])) >= 0; i++)
        {
            kept = _kept.Value(node) >= 0 ? i + 1 - at : kept;
        }

        if (kept > 0)
        {
            return kept;
        }

        if (Rules is null)
        {
            return 1;
        }

        rule = Rules.Longest(view.From(at), out int bytes);
        return rule is null ? 1 : view.CodesIn(at, bytes);
    }
}
