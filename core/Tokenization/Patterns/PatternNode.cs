namespace Engine.Tokenization.Patterns;

internal enum PatternNodeKind
{
    Empty,
    Set,
    Sequence,
    Alternation,
    Repeat,
    Look,
    Atomic,
    Assertion,
}

internal enum RepeatKind
{
    Greedy,
    Lazy,
    Possessive,
}

internal enum AssertionKind
{
    TextStart,
    TextEnd,
    TextEndOrLastNewLine,
    LineStart,
    LineEnd,
    WordBoundary,
    NotWordBoundary,
}

/// <summary>One node of a parsed pattern.</summary>
internal sealed class PatternNode(PatternNodeKind kind)
{
    public static readonly PatternNode Nothing = new(PatternNodeKind.Empty);

    public PatternNodeKind Kind { get; } = kind;

    public CharSet? Set { get; init; }

    public List<PatternNode> Items { get; init; } = [];

    /// <summary>Repeat: bounds of the count; Max -1 is no bound.</summary>
    public int Min { get; init; }

    public int Max { get; init; }

    public RepeatKind Repeat { get; init; }

    /// <summary>Look: (?! or (?&lt;!.</summary>
    public bool Negative { get; init; }

    /// <summary>Look: (?&lt;= or (?&lt;!.</summary>
    public bool Behind { get; init; }

    public AssertionKind Assertion { get; init; }

    public PatternNode Body => Items[0];

    public static PatternNode OfSet(CharSet set) => new(PatternNodeKind.Set) { Set = set };

    public static PatternNode Sequence(List<PatternNode> items) => items.Count switch
    {
        0 => Nothing,
        1 => items[0],
        _ => new PatternNode(PatternNodeKind.Sequence) { Items = items },
    };

    public static PatternNode Alternation(List<PatternNode> items) =>
        items.Count == 1 ? items[0] : new(PatternNodeKind.Alternation) { Items = items };

    /// <summary>Shortest and longest match in code points; longest -1 is no bound.</summary>
    public (int Min, int Max) Width()
    {
        switch (Kind)
        {
            case PatternNodeKind.Set:
                return (1, 1);
            case PatternNodeKind.Sequence:
                (int Min, int Max) sum = (0, 0);
                foreach (PatternNode item in Items)
                {
                    (int min, int max) = item.Width();
                    sum = (Cap(sum.Min + (long)min), Add(sum.Max, max));
                }

                return sum;
            case PatternNodeKind.Alternation:
                (int Min, int Max) either = Items[0].Width();
                foreach (PatternNode item in Items)
                {
                    (int min, int max) = item.Width();
                    either = (Math.Min(either.Min, min),
                              either.Max < 0 || max < 0 ? -1 : Math.Max(either.Max, max));
                }

                return either;
            case PatternNodeKind.Repeat:
                (int low, int high) = Body.Width();
                bool bounded = high == 0 || (high > 0 && Max >= 0);
                return (Cap((long)low * Min), bounded ? Cap((long)high * Max) : -1);
            case PatternNodeKind.Atomic:
                return Body.Width();
            default:
                return (0, 0);
        }
    }

    private static int Add(int a, int b) => a < 0 || b < 0 ? -1 : Cap((long)a + b);

    private static int Cap(long value) => (int)Math.Min(value, int.MaxValue / 2);
}
