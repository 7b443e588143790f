namespace Engine.Grammar;

/// <summary>A regular expression with its anchors.</summary>
internal abstract record RegexNode
{
    /// <summary>^</summary>
    public static RegexNode Begin { get; } = new Anchor(true);

    /// <summary>$</summary>
    public static RegexNode End { get; } = new Anchor(false);

    internal sealed record Chars(CharSet Set) : RegexNode;

    internal sealed record Anchor(bool IsBegin) : RegexNode;

    internal sealed record Sequence(RegexNode[] Parts) : RegexNode;

    internal sealed record Choice(RegexNode[] Options) : RegexNode;

    internal sealed record Repeat(RegexNode Body, int Min, int Max) : RegexNode;
}

/// <summary>
/// Decides anchors by where they stand: at an end of the text they are empty, where text must precede or
/// follow they match nothing, and where it depends on the text the expression is refused.
/// </summary>
internal static class RegexAnchors
{
    private enum Where
    {
        AtEdge,
        Inside,
        Unknown,
    }

    /// <summary>The node; with search, anything may stand before and after what is not anchored.</summary>
    public static Node Resolve(RegexNode tree, string field, bool search)
    {
        if (!search)
        {
            return Resolve(tree, Where.AtEdge, Where.AtEdge, field);
        }

        RegexNode[] options = tree is RegexNode.Choice choice ? choice.Options : [tree];
        return Node.Any(options.Select(option =>
        {
            bool begins = EdgeIsAnchored(option, atBegin: true, field);
            bool ends = EdgeIsAnchored(option, atBegin: false, field);
            Node anything = Node.Star(Node.Chars(CharSet.All));
            return Node.Seq(
                begins ? Node.Empty : anything,
                Resolve(option, Where.AtEdge, Where.AtEdge, field),
                ends ? Node.Empty : anything);
        }));
    }

    private static Node Resolve(RegexNode node, Where begin, Where end, string field)
    {
        switch (node)
        {
            case RegexNode.Chars chars:
                return Node.Chars(chars.Set);
            case RegexNode.Anchor anchor:
                return (anchor.IsBegin ? begin : end) switch
                {
                    Where.AtEdge => Node.Empty,
                    Where.Inside => Node.Never,
                    _ => throw EngineException.Invalid(field, "has an anchor inside of a repetition or after optional text"),
                };
            case RegexNode.Choice choice:
                return Node.Any(choice.Options.Select(option => Resolve(option, begin, end, field)));
            case RegexNode.Repeat repeat:
                Where once = repeat.Max == 1 ? Where.AtEdge : Where.Unknown;
                return Node.Times(
                    Resolve(repeat.Body, Weaker(begin, once), Weaker(end, once), field), repeat.Min, repeat.Max);
            default:
                RegexNode[] parts = ((RegexNode.Sequence)node).Parts;
                return Node.Seq(parts.Select((part, i) => Resolve(
                    part, After(begin, parts.AsSpan(0, i)), After(end, parts.AsSpan(i + 1)), field)));
        }
    }

    private static Where Weaker(Where outer, Where once) =>
        once == Where.AtEdge || outer == Where.Inside ? outer : Where.Unknown;

    /// <summary>Where a part stands, seen over its neighbours towards an edge.</summary>
    private static Where After(Where edge, ReadOnlySpan<RegexNode> between)
    {
        bool mayHaveText = false;
        foreach (RegexNode part in between)
        {
            if (MinLength(part) > 0)
            {
                return Where.Inside;
            }

            mayHaveText |= MayHaveText(part);
        }

        return edge == Where.Inside || !mayHaveText ? edge : Where.Unknown;
    }

    private static int MinLength(RegexNode node) => node switch
    {
        RegexNode.Chars => 1,
        RegexNode.Sequence sequence => sequence.Parts.Any(part => MinLength(part) > 0) ? 1 : 0,
        RegexNode.Choice choice => choice.Options.All(option => MinLength(option) > 0) ? 1 : 0,
        RegexNode.Repeat repeat => repeat.Min > 0 ? MinLength(repeat.Body) : 0,
        _ => 0,
    };

    private static bool MayHaveText(RegexNode node) => node switch
    {
        RegexNode.Chars => true,
        RegexNode.Sequence sequence => sequence.Parts.Any(MayHaveText),
        RegexNode.Choice choice => choice.Options.Any(MayHaveText),
        RegexNode.Repeat repeat => repeat.Max != 0 && MayHaveText(repeat.Body),
        _ => false,
    };

    /// <summary>Whether an option begins (ends) with an anchor; refused if only some of its texts do.</summary>
    private static bool EdgeIsAnchored(RegexNode node, bool atBegin, string field)
    {
        switch (node)
        {
            case RegexNode.Anchor anchor:
                return anchor.IsBegin == atBegin;
            case RegexNode.Choice choice:
                bool[] each = [.. choice.Options.Select(option => EdgeIsAnchored(option, atBegin, field))];
                return each.Distinct().Count() == 1
                    ? each[0]
                    : throw EngineException.Invalid(field, "anchors only some of its alternatives");
            case RegexNode.Sequence { Parts.Length: > 0 } sequence:
                return EdgeIsAnchored(sequence.Parts[atBegin ? 0 : ^1], atBegin, field);
            case RegexNode.Repeat repeat when repeat.Min > 0:
                return EdgeIsAnchored(repeat.Body, atBegin, field);
            default:
                return false;
        }
    }
}
