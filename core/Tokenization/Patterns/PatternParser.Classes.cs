using Engine.Tokenization.Text;

namespace Engine.Tokenization.Patterns;

/// <summary>Escapes and bracketed classes.</summary>
internal sealed partial class PatternParser
{
    private PatternNode ParseEscape()
    {
        int c = Peek();
        _at++;
        switch (c)
        {
            case -1:
                throw Error("a lone '\\' at the end");
            case 'A':
                return Assert(AssertionKind.TextStart);
            case 'z':
                return Assert(AssertionKind.TextEnd);
            case 'Z':
                return Assert(AssertionKind.TextEndOrLastNewLine);
            case 'b':
                return Assert(AssertionKind.WordBoundary);
            case 'B':
                return Assert(AssertionKind.NotWordBoundary);
            case 'R':
                return PatternNode.Alternation(
                [
                    PatternNode.Sequence([Literal('\r'), Literal('\n')]),
                    PatternNode.OfSet(CharSet.Range('\n', '\r').Union(CharSet.Range(0x85, 0x85))
                        .Union(CharSet.Range(0x2028, 0x2029))),
                ]);
            case >= '1' and <= '9' or 'k' or 'g':
                throw Unsupported("back references");
            default:
                _at--;
                return PatternNode.OfSet(Fold(ParseSetEscape(out _)));
        }
    }

    /// <summary>An escape that stands for characters, after the backslash.</summary>
    /// <param name="single">The character if it is one, else -1.</param>
    private CharSet ParseSetEscape(out int single)
    {
        single = -1;
        int c = Peek();
        _at++;
        switch (c)
        {
            case -1:
                throw Error("a lone '\\' at the end");
            case 's':
                return CharSet.WhiteSpace;
            case 'S':
                return CharSet.WhiteSpace.Negate();
            case 'd':
                return CharSet.Digit;
            case 'D':
                return CharSet.Digit.Negate();
            case 'w':
                return CharSet.Word;
            case 'W':
                return CharSet.Word.Negate();
            case 'h' when _dollarIsLineEnd:
                return HexDigits();
            case 'H' when _dollarIsLineEnd:
                return HexDigits().Negate();
            case 'p' or 'P':
                return ParseProperty(c == 'P');
            case 'N' when !_dollarIsLineEnd:
                return CharSet.AnyButNewLine;
        }

        single = c switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'a' => '\a',
            'e' => 0x1B,
            '0' => ParseOctal(),
            'x' => ParseHex(2),
            'u' => ParseHex(4),
            'U' => ParseHex(8),
            _ when c < 0x80 && char.IsAsciiLetterOrDigit((char)c) =>
                throw Unsupported($"unknown escape \\{(char)c}"),
            _ => c,
        };
        return CharSet.Range(single, single);
    }

    private static CharSet HexDigits() =>
        CharSet.Range('0', '9').Union(CharSet.Range('a', 'f')).Union(CharSet.Range('A', 'F'));

    private int ParseOctal()
    {
        int value = 0;
        for (int i = 0; i < 2 && Peek() is >= '0' and <= '7'; i++)
        {
            value = (value * 8) + _text[_at++] - '0';
        }

        return value;
    }

    private int ParseHex(int digits)
    {
        bool braced = Accept("{");
        int value = 0;
        int from = _at;
        int most = braced ? 8 : digits;
        while (_at - from < most && HexDigit(Peek()) is int digit and >= 0)
        {
            value = (value << 4) | digit;
            _at++;
        }

        bool complete = braced ? _at > from && Accept("}") : _at > from;
        return complete && (uint)value < CodePoints.Limit
            ? value : throw Error("not a code point");
    }

    private CharSet ParseProperty(bool negative)
    {
        string name;
        if (Accept("{"))
        {
            negative ^= Accept("^");
            int from = _at;
            while (Peek() is not (-1 or '}'))
            {
                _at++;
            }

            name = CodePoints.ToUtf16(_text.AsSpan(from, _at - from));
            _ = Accept("}") ? true : throw Error("missing '}'");
        }
        else
        {
            name = Peek() < 0 ? "" : char.ConvertFromUtf32(_text[_at++]);
        }

        CharSet set = UnicodeProperties.Find(name)
            ?? throw Unsupported($"unknown property '{name}'");
        return negative ? set.Negate() : set;
    }

    /// <summary>A class after its '[', with nested classes and intersections.</summary>
    private CharSet ParseClass()
    {
        if (++_depth > MaxDepth)
        {
            throw Error($"classes are nested more than {MaxDepth} deep");
        }

        bool negative = Accept("^");
        CharSet? intersection = null;
        CharSet set = CharSet.Empty;
        bool first = true;
        while (first || Peek() != ']')
        {
            if (Peek() < 0)
            {
                throw Error("missing ']'");
            }

            if (Accept("&&"))
            {
                intersection = intersection is null ? set : intersection.Intersect(set);
                set = CharSet.Empty;
            }
            else
            {
                set = set.Union(ParseClassItem());
            }

            first = false;
        }

        _at++;
        _depth--;
        set = Fold(intersection is null ? set : intersection.Intersect(set));
        return negative ? set.Negate() : set;
    }

    private CharSet ParseClassItem()
    {
        if (Peek() == '[')
        {
            return Peek(1) == ':' && ParsePosixClass() is CharSet posix ? posix : NestedClass();
        }

        CharSet set = ParseClassChar(out int low);
        if (low < 0 || Peek() != '-' || Peek(1) is -1 or ']' or '[')
        {
            return set;
        }

        int back = _at++;
        CharSet last = ParseClassChar(out int high);
        if (high < 0)
        {
            _at = back + 1;
            return set.Union(CharSet.Range('-', '-'));
        }

        return low <= high ? CharSet.Range(low, high) : throw Error("a range out of order");
    }

    private CharSet NestedClass()
    {
        _at++;
        return ParseClass();
    }

    private CharSet ParseClassChar(out int single)
    {
        if (Peek() == '\\')
        {
            _at++;
            if (Accept("b"))
            {
                single = '\b';
                return CharSet.Range(single, single);
            }

            return ParseSetEscape(out single);
        }

        single = _text[_at++];
        return CharSet.Range(single, single);
    }

    private CharSet? ParsePosixClass()
    {
        int from = _at;
        _at += 2;
        bool negative = Accept("^");
        int start = _at;
        while (Peek() is >= 'a' and <= 'z')
        {
            _at++;
        }

        string name = CodePoints.ToUtf16(_text.AsSpan(start, _at - start));
        if (Accept(":]") && UnicodeProperties.Find(name) is CharSet set)
        {
            return negative ? set.Negate() : set;
        }

        _at = from;
        return null;
    }
}
