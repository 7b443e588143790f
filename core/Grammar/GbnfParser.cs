using System.Globalization;

namespace Engine.Grammar;

/// <summary>Reads GBNF, llama.cpp's form of EBNF.</summary>
internal sealed class GbnfParser
{
    private readonly string _text;
    private readonly string _field;
    private readonly GrammarLimits _limits;
    private readonly NetworkBuilder _builder;
    private readonly Dictionary<string, int> _rules = [];
    private readonly HashSet<string> _defined = [];
    private int _at;

    private GbnfParser(string text, string field, GrammarLimits limits, NetworkBuilder builder)
    {
        _text = text;
        _field = field;
        _limits = limits;
        _builder = builder;
    }

    /// <summary>The network of the rule called root.</summary>
    public static Network Parse(string text, string field, GrammarLimits limits)
    {
        var builder = new NetworkBuilder(field, limits);
        return builder.Build(Parse(text, field, limits, builder));
    }

    /// <summary>The rule called root, as a part of a larger network.</summary>
    public static Node Parse(string text, string field, GrammarLimits limits, NetworkBuilder builder)
    {
        if (text.Length > limits.MaxLength)
        {
            throw EngineException.Invalid(
                field, $"is {text.Length} characters long, at most {limits.MaxLength} are allowed");
        }

        return new GbnfParser(text, field, limits, builder).ParseAll();
    }

    private Node.Rule ParseAll()
    {
        SkipSpace(newlines: true);
        while (_at < _text.Length)
        {
            ParseRule();
            SkipSpace(newlines: true);
        }

        if (!_defined.Contains("root"))
        {
            throw Error("there is no rule called root");
        }

        foreach (string name in _rules.Keys)
        {
            if (!_defined.Contains(name))
            {
                throw Error($"rule {name} is not defined");
            }
        }

        return new Node.Rule(_rules["root"]);
    }

    private void ParseRule()
    {
        string name = ParseName();
        if (!_defined.Add(name))
        {
            throw Error($"rule {name} is defined twice");
        }

        SkipSpace(newlines: false);
        if (!_text.AsSpan(_at).StartsWith("::="))
        {
            throw Error("expected ::=");
        }

        _at += 3;
        SkipSpace(newlines: true);
        _builder.Define(RuleOf(name), ParseChoice(0));
        if (_at < _text.Length && _text[_at] is not ('\r' or '\n'))
        {
            throw Error($"unexpected '{_text[_at]}'");
        }
    }

    private Node ParseChoice(int depth)
    {
        if (depth > _limits.MaxDepth)
        {
            throw Error($"groups are nested more than {_limits.MaxDepth} deep");
        }

        var options = new List<Node> { ParseSequence(depth) };
        while (_at < _text.Length && _text[_at] == '|')
        {
            _at++;
            SkipSpace(newlines: true);
            options.Add(ParseSequence(depth));
        }

        return Node.Any(options);
    }

    private Node ParseSequence(int depth)
    {
        var parts = new List<Node>();
        while (_at < _text.Length)
        {
            Node? part = ParseItem(depth);
            if (part is null)
            {
                break;
            }

            parts.Add(ParseSuffixes(part));
            SkipSpace(newlines: depth > 0);
            if (depth == 0)
            {
                SkipToContinuation();
            }
        }

        return Node.Seq(parts);
    }

    private Node? ParseItem(int depth)
    {
        char c = _text[_at];
        switch (c)
        {
            case '"':
                return ParseLiteral();
            case '[':
                return ParseClass();
            case '.':
                _at++;
                return Node.Chars(CharSet.All);
            case '(':
                _at++;
                SkipSpace(newlines: true);
                Node group = ParseChoice(depth + 1);
                if (_at >= _text.Length || _text[_at] != ')')
                {
                    throw Error("expected )");
                }

                _at++;
                return group;
            default:
                return IsNameChar(c) ? new Node.Rule(RuleOf(ParseName())) : null;
        }
    }

    private Node ParseSuffixes(Node node)
    {
        while (_at < _text.Length)
        {
            switch (_text[_at])
            {
                case '*':
                    _at++;
                    node = Node.Star(node);
                    break;
                case '+':
                    _at++;
                    node = Node.Times(node, 1, -1);
                    break;
                case '?':
                    _at++;
                    node = Node.Optional(node);
                    break;
                case '{':
                    _at++;
                    node = ParseCounts(node);
                    break;
                default:
                    return node;
            }
        }

        return node;
    }

    private Node ParseCounts(Node node)
    {
        int min = ParseNumber();
        int max = min;
        SkipSpace(newlines: false);
        if (_at < _text.Length && _text[_at] == ',')
        {
            _at++;
            SkipSpace(newlines: false);
            max = _at < _text.Length && char.IsAsciiDigit(_text[_at]) ? ParseNumber() : -1;
            SkipSpace(newlines: false);
        }

        if (_at >= _text.Length || _text[_at] != '}' || (max >= 0 && max < min))
        {
            throw Error("bad repetition");
        }

        _at++;
        return Node.Times(node, min, max);
    }

    private int ParseNumber()
    {
        int start = _at;
        while (_at < _text.Length && char.IsAsciiDigit(_text[_at]))
        {
            _at++;
        }

        return int.TryParse(_text.AsSpan(start, _at - start), CultureInfo.InvariantCulture, out int number)
            ? number
            : throw Error("bad repetition");
    }

    private Node ParseLiteral()
    {
        _at++;
        var parts = new List<Node>();
        while (true)
        {
            if (_at >= _text.Length)
            {
                throw Error("a literal is not closed");
            }

            if (_text[_at] == '"')
            {
                _at++;
                return Node.Seq(parts);
            }

            parts.Add(Node.Text(char.ConvertFromUtf32(ParseChar())));
        }
    }

    private Node ParseClass()
    {
        _at++;
        bool negated = _at < _text.Length && _text[_at] == '^';
        _at += negated ? 1 : 0;
        var ranges = new List<(int, int)>();
        while (true)
        {
            if (_at >= _text.Length)
            {
                throw Error("a class is not closed");
            }

            if (_text[_at] == ']')
            {
                _at++;
                break;
            }

            int low = ParseChar();
            int high = low;
            if (_at + 1 < _text.Length && _text[_at] == '-' && _text[_at + 1] != ']')
            {
                _at++;
                high = ParseChar();
            }

            if (high < low)
            {
                throw Error("a range is reversed");
            }

            ranges.Add((low, high));
        }

        CharSet set = CharSet.Of(ranges);
        return Node.Chars(negated ? set.Negate() : set);
    }

    private int ParseChar()
    {
        int c = GrammarText.CodePoint(_text, ref _at, _field);
        if (c != '\\')
        {
            return c;
        }

        char escape = _at < _text.Length ? _text[_at++] : throw Error("unexpected end");
        return escape switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '\\' or '"' or '[' or ']' or '-' or '^' => escape,
            'x' => GrammarText.Hex(_text, ref _at, 2, _field),
            'u' => GrammarText.Hex(_text, ref _at, 4, _field),
            'U' => GrammarText.Hex(_text, ref _at, 8, _field),
            _ => throw Error($"unknown escape \\{escape}"),
        };
    }

    private string ParseName()
    {
        int start = _at;
        while (_at < _text.Length && IsNameChar(_text[_at]))
        {
            _at++;
        }

        return _at > start ? _text[start.._at] : throw Error("expected a rule's name");
    }

    private int RuleOf(string name)
    {
        if (!_rules.TryGetValue(name, out int rule))
        {
            rule = _builder.NewRule();
            _rules.Add(name, rule);
        }

        return rule;
    }

    /// <summary>A new line goes on with the rule if it begins with a bar.</summary>
    private void SkipToContinuation()
    {
        int before = _at;
        SkipSpace(newlines: true);
        if (_at >= _text.Length || _text[_at] != '|')
        {
            _at = before;
        }
    }

    private void SkipSpace(bool newlines)
    {
        while (_at < _text.Length)
        {
            char c = _text[_at];
            if (c == '#')
            {
                int end = _text.IndexOf('\n', _at);
                _at = end < 0 ? _text.Length : end;
            }
            else if (c is ' ' or '\t' || (newlines && c is '\r' or '\n'))
            {
                _at++;
            }
            else
            {
                break;
            }
        }
    }

    private static bool IsNameChar(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_';

    private EngineException Error(string message) =>
        EngineException.Invalid(_field, $"{message} (at character {_at})");
}
