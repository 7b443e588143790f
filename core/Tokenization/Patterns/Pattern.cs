using System.Collections.Concurrent;

namespace Engine.Tokenization.Patterns;

/// <summary>Finds the matches of one rule in a text, one after another from the left.</summary>
internal abstract class Pattern
{
    private static readonly ConcurrentDictionary<(string, bool), Pattern> Compiled = new();

    /// <summary>A pattern of a tokenizer.json, in Oniguruma's syntax.</summary>
    public static Pattern FromRegex(string regex) => Compile(regex, dollarIsLineEnd: true);

    /// <summary>A pattern of a .tiktoken configuration, in Rust's and Python's syntax.</summary>
    public static Pattern FromTiktoken(string regex) => Compile(regex, dollarIsLineEnd: false);

    /// <summary>A string found as it is.</summary>
    public static Pattern FromLiteral(string literal) => new LiteralPattern(literal);

    /// <summary>A new cursor over a text; not shared between threads.</summary>
    /// <param name="text">Stays unchanged while the cursor is used.</param>
    public abstract PatternCursor Open(ReadOnlyMemory<int> text);

    private static Pattern Compile(string regex, bool dollarIsLineEnd)
    {
        if (Compiled.TryGetValue((regex, dollarIsLineEnd), out Pattern? known))
        {
            return known;
        }

        Pattern made = new RegexPattern(regex, dollarIsLineEnd);

        // Bounded, so that loading many odd files cannot fill memory.
        return Compiled.Count < 64 ? Compiled.GetOrAdd((regex, dollarIsLineEnd), made) : made;
    }
}

/// <summary>The state of one search.</summary>
internal abstract class PatternCursor
{
    /// <summary>
    /// The next match at or after a position, which is never before the end of the last match.
    /// </summary>
    public abstract bool Find(int from, out int start, out int end);
}

/// <summary>Occurrences of a string.</summary>
internal sealed class LiteralPattern(string literal) : Pattern
{
    private readonly int[] _literal = Text.CodePoints.FromUtf16(literal);

    public override PatternCursor Open(ReadOnlyMemory<int> text) => new Cursor(text, _literal);

    private sealed class Cursor(ReadOnlyMemory<int> text, int[] literal) : PatternCursor
    {
        public override bool Find(int from, out int start, out int end)
        {
            int at = literal.Length == 0 || from > text.Length
                ? -1 : text.Span[from..].IndexOf(literal);
            start = from + at;
            end = start + literal.Length;
            return at >= 0;
        }
    }
}

/// <summary>A regular expression.</summary>
internal sealed class RegexPattern : Pattern
{
    private readonly PatternInstruction[] _code;
    private readonly CharSet? _first;

    public RegexPattern(string regex, bool dollarIsLineEnd)
    {
        PatternNode node = PatternParser.Parse(regex, dollarIsLineEnd);
        _code = PatternProgram.Compile(node);
        _first = PatternProgram.First(node);
    }

    public override PatternCursor Open(ReadOnlyMemory<int> text) =>
        new PatternMatcher(_code, _first, text);
}
