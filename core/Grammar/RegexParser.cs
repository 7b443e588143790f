using System.Globalization;

namespace Engine.Grammar;

/// <summary>
/// Reads regular expressions: what ECMAScript, Python and Rust write alike, without look-around and back
/// references. The whole text has to match. Classes such as \d are ASCII; a dot is all but a line feed.
/// </summary>
internal sealed class RegexParser
{
    private readonly string _text;
    private readonly string _field;
    private readonly GrammarLimits _limits;
    private readonly HashSet<string> _groups = [];
    private bool _ignoreCase;
    private bool _dotIsAll;
    private int _at;

    private RegexParser(string text, string field, GrammarLimits limits)
    {
        _text = text;
        _field = field;
        _limits = limits;
    }

    /// <summary>The expression as a node.</summary>
    /// <param name="text">The expression.</param>
    /// <param name="field">Named by errors.</param>
    /// <param name="limits">Length and depth.</param>
    /// <param name="search">True: the expression may match anywhere in the text, as in JSON Schema.</param>
    public static Node Parse(string text, string field, GrammarLimits limits, bool search = false)
    {
        if (text.Length > limits.MaxLength)
        {
            throw EngineException.Invalid(
                field, $"is {text.Length} characters long, at most {limits.MaxLength} are allowed");
        }

        if (text.Contains('\0'))
        {
            throw EngineException.Invalid(field, "contains a NUL character");
        }

        var parser = new RegexParser(text, field, limits);
        RegexNode tree = parser.ParseChoice(0);
        if (parser._at < text.Length)
        {
            throw parser.Error("unexpected )");
        }

        return RegexAnchors.Resolve(tree, field, search);
    }

    private RegexNode ParseChoice(int depth)
    {
        if (depth > _limits.MaxDepth)
        {
            throw Error($"groups are nested more than {_limits.MaxDepth} deep");
        }

        var options = new List<RegexNode> { ParseSequence(depth) };
        while (Peek() == '|')
        {
            _at++;
            options.Add(ParseSequence(depth));
        }

        return options.Count == 1 ? options[0] : new RegexNode.Choice([.. options]);
    }

    private RegexNode.Sequence ParseSequence(int depth)
    {
        var parts = new List<RegexNode>();
        while (_at < _text.Length && _text[_at] is not ('|' or ')'))
        {
            RegexNode? part = ParseAtom(depth);
            if (part is not null)
            {
                parts.Add(ParseRepeat(part));
            }
        }

        return new RegexNode.Sequence([.. parts]);
    }

    private RegexNode? ParseAtom(int depth)
    {
        char c = _text[_at];
        switch (c)
        {
            case '(':
                return ParseGroup(depth);
            case '[':
                _at++;
                return Chars(ParseClass());
            case '.':
                _at++;
                return Leaf(_dotIsAll ? CharSet.All : CharSet.Of(('\n', '\n')).Negate());
            case '^':
                _at++;
                return RegexNode.Begin;
            case '$':
                _at++;
                return RegexNode.End;
            case '\\':
                _at++;
                return Chars(ParseEscape(inClass: false));
            case '*' or '+' or '?':
                throw Error($"nothing to repeat before {c}");
            case '{' when TryCounts(out _, out _):
                throw Error("nothing to repeat before {");
            default:
                int point = GrammarText.CodePoint(_text, ref _at, _field);
                return Chars(CharSet.Of((point, point)));
        }
    }

    private RegexNode? ParseGroup(int depth)
    {
        _at++;
        (bool ignoreCase, bool dotIsAll) = (_ignoreCase, _dotIsAll);
        if (Peek() == '?')
        {
            _at++;
            if (Peek() == '#')
            {
                int end = _text.IndexOf(')', _at);
                _at = end < 0 ? throw Error("a comment is not closed") : end + 1;
                return null;
            }

            ParseGroupKind();
        }

        RegexNode body = ParseChoice(depth + 1);
        if (Peek() != ')')
        {
            throw Error("expected )");
        }

        _at++;
        (_ignoreCase, _dotIsAll) = (ignoreCase, dotIsAll);
        return body;
    }

    /// <summary>What follows (?: a name, flags, or nothing.</summary>
    private void ParseGroupKind()
    {
        char c = Peek();
        if (c == 'P' && _at + 1 < _text.Length && _text[_at + 1] == '<')
        {
            _at++;
            c = '<';
        }

        if (c == '<' && _at + 1 < _text.Length && _text[_at + 1] is not ('=' or '!'))
        {
            int end = _text.IndexOf('>', _at);
            string name = end < 0 ? throw Error("a group's name is not closed") : _text[(_at + 1)..end];
            if (name.Length == 0 || !name.All(n => char.IsLetterOrDigit(n) || n == '_') || !_groups.Add(name))
            {
                throw Error($"bad or repeated group name \"{name}\"");
            }

            _at = end + 1;
            return;
        }

        if (c is '=' or '!' or '<')
        {
            throw Error("look-around is not supported");
        }

        while (Peek() is 'i' or 's')
        {
            _ignoreCase |= Peek() == 'i';
            _dotIsAll |= Peek() == 's';
            _at++;
        }

        if (Peek() != ':')
        {
            throw Error("unknown kind of group");
        }

        _at++;
    }

    private RegexNode ParseRepeat(RegexNode node)
    {
        (int Min, int Max) counts;
        switch (Peek())
        {
            case '*':
                counts = (0, -1);
                _at++;
                break;
            case '+':
                counts = (1, -1);
                _at++;
                break;
            case '?':
                counts = (0, 1);
                _at++;
                break;
            case '{' when TryCounts(out counts, out int end):
                _at = end;
                break;
            default:
                return node;
        }

        // Lazy or not, the same texts match.
        _at += Peek() == '?' ? 1 : 0;
        if (Peek() is '*' or '+' or '?' || (Peek() == '{' && TryCounts(out _, out _)))
        {
            throw Error("a repetition is repeated");
        }

        return counts.Max >= 0 && counts.Max < counts.Min
            ? throw Error("a repetition's bounds are reversed")
            : new RegexNode.Repeat(node, counts.Min, counts.Max);
    }

    /// <summary>{n}, {n,} or {n,m} at this place; anything else is text.</summary>
    private bool TryCounts(out (int Min, int Max) counts, out int end)
    {
        counts = default;
        end = _text.IndexOf('}', _at) + 1;
        if (end == 0)
        {
            return false;
        }

        string[] parts = _text[(_at + 1)..(end - 1)].Split(',');
        if (parts.Length > 2
            || !IsNumber(parts[0])
            || (parts.Length == 2 && parts[1].Length > 0 && !IsNumber(parts[1])))
        {
            return false;
        }

        counts = (Count(parts[0]), parts.Length == 1 ? Count(parts[0]) : parts[1].Length == 0 ? -1 : Count(parts[1]));
        return true;

        static bool IsNumber(string text) => text.Length > 0 && text.All(char.IsAsciiDigit);
        int Count(string text) =>
            int.TryParse(text, CultureInfo.InvariantCulture, out int n) && n <= _limits.MaxStates
                ? n
                : throw Error("a repetition count is too large");
    }

    private CharSet ParseClass()
    {
        bool negated = Peek() == '^';
        _at += negated ? 1 : 0;
        CharSet set = CharSet.Of();
        for (bool first = true; first || Peek() != ']'; first = false)
        {
            if (_at >= _text.Length)
            {
                throw Error("a class is not closed");
            }

            if (first && Peek() == ']')
            {
                // An empty class in ECMAScript, a bracket elsewhere; who means a bracket escapes it.
                throw Error("a class begins with ]; escape it");
            }

            CharSet low = ParseClassItem(out int from);
            if (from >= 0 && Peek() == '-' && _at + 1 < _text.Length && _text[_at + 1] != ']')
            {
                _at++;
                ParseClassItem(out int to);
                low = to < from ? throw Error("a range is reversed") : CharSet.Of((from, to));
            }

            set = set.Union(low);
        }

        _at++;
        set = _ignoreCase ? set.IgnoringCase() : set;
        return negated ? set.Negate() : set;
    }

    /// <summary>A character of a class (and its number), or a class such as \d (and -1).</summary>
    private CharSet ParseClassItem(out int single)
    {
        if (_at >= _text.Length)
        {
            throw Error("a class is not closed");
        }

        CharSet set;
        if (_text[_at] == '\\')
        {
            _at++;
            set = ParseEscape(inClass: true);
        }
        else
        {
            int point = GrammarText.CodePoint(_text, ref _at, _field);
            set = CharSet.Of((point, point));
        }

        single = set.Ranges.Count == 1 && set.Ranges[0].Low == set.Ranges[0].High ? set.Ranges[0].Low : -1;
        return set;
    }

    private CharSet ParseEscape(bool inClass)
    {
        char c = _at < _text.Length ? _text[_at++] : throw Error("ends in a backslash");
        int point = c switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'a' => '\a',
            'b' when inClass => '\b',
            'x' => GrammarText.Hex(_text, ref _at, 2, _field),
            'u' => ParseUnicode(),
            _ when char.IsAsciiLetterOrDigit(c) => -1,
            _ when char.IsSurrogate(c) => throw Error("a backslash before a letter"),
            _ => c,
        };
        return point >= 0 ? CharSet.Of((point, point)) : c switch
        {
            'd' => CharSet.Digits,
            'D' => CharSet.Digits.Negate(),
            'w' => CharSet.Word,
            'W' => CharSet.Word.Negate(),
            's' => CharSet.Space,
            'S' => CharSet.Space.Negate(),
            'p' => ParseCategory(),
            'P' => ParseCategory().Negate(),
            _ => throw Error($"\\{c} is not supported"),
        };
    }

    /// <summary>The category in \p{Lu}, \p{Letter} or \pL.</summary>
    private CharSet ParseCategory()
    {
        int end = Peek() == '{' ? _text.IndexOf('}', _at) : _at + 1;
        string name = end < 0 || end > _text.Length ? "" : _text[_at..end].TrimStart('{');
        _at = end + (Peek() == '{' ? 1 : 0);
        return UnicodeCategories.Find(name) ?? throw Error($"\\p{{{name}}} is not supported");
    }

    private int ParseUnicode()
    {
        if (Peek() != '{')
        {
            return GrammarText.Hex(_text, ref _at, 4, _field);
        }

        int end = _text.IndexOf('}', _at);
        if (end < 0)
        {
            throw Error("\\u{ is not closed");
        }

        _at++;
        int point = GrammarText.Hex(_text, ref _at, end - _at, _field);
        _at = end + 1;
        return point;
    }

    private char Peek() => _at < _text.Length ? _text[_at] : '\0';

    private RegexNode.Chars Chars(CharSet set) => Leaf(_ignoreCase ? set.IgnoringCase() : set);

    private static RegexNode.Chars Leaf(CharSet set) => new(set);

    private EngineException Error(string message) =>
        EngineException.Invalid(_field, $"{message} (at character {_at})");
}
