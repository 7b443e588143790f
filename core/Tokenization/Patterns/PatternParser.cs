using System.Globalization;
using Engine.Tokenization.Text;

namespace Engine.Tokenization.Patterns;

/// <summary>
/// Parses the regular expressions of tokenizer files: the common ground of Oniguruma (Ruby syntax)
/// and of Rust's and Python's regex, without captures and back references.
/// </summary>
internal sealed partial class PatternParser
{
    public const int MaxLength = 1 << 16;
    private const int MaxDepth = 100;
    private const int MaxRepeat = 1000;

    private readonly int[] _text;
    private readonly string _pattern;
    private readonly bool _dollarIsLineEnd;
    private int _at;
    private int _depth;
    private bool _ignoreCase;
    private bool _dotAll;
    private bool _multiLine;
    private bool _extended;

    private PatternParser(string pattern, bool dollarIsLineEnd)
    {
        _pattern = pattern;
        _text = CodePoints.FromUtf16(pattern);
        _dollarIsLineEnd = dollarIsLineEnd;
    }

    /// <param name="pattern">The expression.</param>
    /// <param name="dollarIsLineEnd">^ and $ match at every line, as in Oniguruma.</param>
    public static PatternNode Parse(string pattern, bool dollarIsLineEnd)
    {
        if (pattern.Length > MaxLength)
        {
            throw new EngineException(
                EngineStatus.CorruptData, $"A pattern has {pattern.Length} characters; at most "
                + $"{MaxLength} are allowed.");
        }

        PatternParser parser = new(pattern, dollarIsLineEnd);
        PatternNode node = parser.ParseAlternation();
        return parser._at == parser._text.Length ? node : throw parser.Error("unmatched ')'");
    }

    private EngineException Error(string message) => new(
        EngineStatus.CorruptData, $"Pattern \"{_pattern}\", position {_at}: {message}.");

    private EngineException Unsupported(string message) => new(
        EngineStatus.Unsupported, $"Pattern \"{_pattern}\", position {_at}: {message}.");

    private int Peek(int ahead = 0) => _at + ahead < _text.Length ? _text[_at + ahead] : -1;

    private bool Accept(string expected)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (Peek(i) != expected[i])
            {
                return false;
            }
        }

        _at += expected.Length;
        return true;
    }

    private PatternNode ParseAlternation()
    {
        if (++_depth > MaxDepth)
        {
            throw Error($"groups are nested more than {MaxDepth} deep");
        }

        // Inline flags hold up to the end of their group.
        (bool Case, bool Dot, bool Multi, bool Ext) flags =
            (_ignoreCase, _dotAll, _multiLine, _extended);
        List<PatternNode> branches = [ParseSequence()];
        while (Accept("|"))
        {
            branches.Add(ParseSequence());
        }

        (_ignoreCase, _dotAll, _multiLine, _extended) = flags;
        _depth--;
        return PatternNode.Alternation(branches);
    }

    private PatternNode ParseSequence()
    {
        List<PatternNode> items = [];
        while (_at < _text.Length && Peek() is not ('|' or ')'))
        {
            if (_extended && SkipFreeSpacing())
            {
                continue;
            }

            if (ParseAtom() is PatternNode atom)
            {
                items.Add(ParseQuantifiers(atom));
            }
        }

        return PatternNode.Sequence(items);
    }

    private bool SkipFreeSpacing()
    {
        if (Peek() == '#')
        {
            while (_at < _text.Length && Peek() != '\n')
            {
                _at++;
            }

            return true;
        }

        if (UnicodeClasses.IsWhiteSpace(Peek()))
        {
            _at++;
            return true;
        }

        return false;
    }

    private PatternNode? ParseAtom()
    {
        int c = _text[_at++];
        switch (c)
        {
            case '(':
                return ParseGroup();
            case '[':
                return PatternNode.OfSet(ParseClass());
            case '.':
                return PatternNode.OfSet(_dotAll ? CharSet.All : CharSet.AnyButNewLine);
            case '^':
                return Assert(_dollarIsLineEnd || _multiLine
                    ? AssertionKind.LineStart : AssertionKind.TextStart);
            case '$':
                return Assert(_dollarIsLineEnd || _multiLine
                    ? AssertionKind.LineEnd : AssertionKind.TextEnd);
            case '\\':
                return ParseEscape();
            case '*' or '+' or '?':
                throw Error("nothing to repeat");
            default:
                return Literal(c);
        }
    }

    private static PatternNode Assert(AssertionKind kind) =>
        new(PatternNodeKind.Assertion) { Assertion = kind };

    private PatternNode Literal(int c) => PatternNode.OfSet(Fold(CharSet.Range(c, c)));

    private CharSet Fold(CharSet set) => _ignoreCase ? set.IgnoreCase() : set;

    private PatternNode ParseQuantifiers(PatternNode atom)
    {
        for (int nested = 0; ; nested++)
        {
            int from = _at;
            (int min, int max) = (0, 0);
            bool counted = false;
            if (Accept("*"))
            {
                max = -1;
            }
            else if (Accept("+"))
            {
                (min, max) = (1, -1);
            }
            else if (Accept("?"))
            {
                max = 1;
            }
            else if (Peek() == '{' && TryParseCount(out min, out max))
            {
                counted = true;
            }
            else
            {
                _at = from;
                return atom;
            }

            RepeatKind kind = Accept("?") ? RepeatKind.Lazy
                : !(counted && _dollarIsLineEnd) && Accept("+") ? RepeatKind.Possessive
                : RepeatKind.Greedy;
            if (atom.Kind is PatternNodeKind.Look or PatternNodeKind.Assertion
                or PatternNodeKind.Empty || (max != 1 && atom.Width().Min == 0))
            {
                throw Unsupported("repeating what can match nothing");
            }

            atom = new PatternNode(PatternNodeKind.Repeat)
            {
                Items = [atom],
                Min = min,
                Max = max,
                Repeat = kind,
            };
            if (nested > 3)
            {
                throw Error("too many quantifiers in a row");
            }
        }
    }

    private bool TryParseCount(out int min, out int max)
    {
        int from = _at++;
        min = ParseNumber();
        max = min;
        if (Accept(","))
        {
            max = Peek() == '}' ? -1 : ParseNumber();
            min = min < 0 ? 0 : min;
        }

        if (min < 0 || max < -1 || !Accept("}"))
        {
            _at = from;
            return false;
        }

        if (min > MaxRepeat || max > MaxRepeat || (max >= 0 && max < min))
        {
            throw Unsupported($"a repeat count must be ordered and at most {MaxRepeat}");
        }

        return true;
    }

    /// <summary>A decimal number, or -2 if there is none.</summary>
    private int ParseNumber()
    {
        int from = _at;
        int value = 0;
        while (Peek() is >= '0' and <= '9')
        {
            value = Math.Min((value * 10) + (_text[_at++] - '0'), 100_000);
        }

        return _at == from ? -2 : value;
    }

    private PatternNode? ParseGroup()
    {
        PatternNodeKind kind = PatternNodeKind.Sequence;
        bool negative = false;
        bool behind = false;
        if (Accept("?"))
        {
            if (Accept("#"))
            {
                while (Peek() is not (-1 or ')'))
                {
                    _at++;
                }

                return Accept(")") ? null : throw Error("missing ')'");
            }

            behind = Peek() == '<' && Peek(1) is '=' or '!' && Accept("<");
            if (Peek() is '=' or '!')
            {
                kind = PatternNodeKind.Look;
                negative = _text[_at++] == '!';
            }
            else if (Accept(">"))
            {
                kind = PatternNodeKind.Atomic;
            }
            else if (Accept("P<") || Accept("<"))
            {
                SkipName();
            }
            else if (!Accept(":"))
            {
                return ParseFlags();
            }
        }

        PatternNode body = ParseAlternation();
        if (!Accept(")"))
        {
            throw Error("missing ')'");
        }

        return kind == PatternNodeKind.Sequence ? body
            : new PatternNode(kind) { Items = [body], Negative = negative, Behind = behind };
    }

    private void SkipName()
    {
        while (Peek() is not (-1 or '>'))
        {
            _at++;
        }

        _ = Accept(">") ? true : throw Error("missing '>'");
    }

    /// <summary>(?i) up to the end of the group, or (?i:...).</summary>
    private PatternNode? ParseFlags()
    {
        (bool Case, bool Dot, bool Multi, bool Ext) before =
            (_ignoreCase, _dotAll, _multiLine, _extended);
        bool on = true;
        while (Peek() is not (-1 or ')' or ':'))
        {
            switch (_text[_at++])
            {
                case '-': on = false; break;
                case 'i': _ignoreCase = on; break;
                case 's': _dotAll = on; break;
                case 'x': _extended = on; break;
                case 'u': break;
                case 'm':
                    // Ruby's m is what the others call s.
                    _dotAll = _dollarIsLineEnd ? on : _dotAll;
                    _multiLine = !_dollarIsLineEnd && on;
                    break;
                default: throw Unsupported("unknown group");
            }
        }

        if (Accept(")"))
        {
            // Branches that follow belong to the flags too, so the rest of the group is one node.
            return ParseAlternation();
        }

        _ = Accept(":") ? true : throw Error("missing ')'");
        PatternNode body = ParseAlternation();
        (_ignoreCase, _dotAll, _multiLine, _extended) = before;
        return Accept(")") ? body : throw Error("missing ')'");
    }

    private static int HexDigit(int c) =>
        c is >= 0 and < 128 && int.TryParse(
            [(char)c], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int v)
            ? v : -1;
}
