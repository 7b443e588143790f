using System.Globalization;
using System.Numerics;
using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>
/// Cuts a template into tokens with trim_blocks and lstrip_blocks on, as every chat template expects.
/// One pass over the source, no regular expressions.
/// </summary>
internal sealed class Lexer
{
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private readonly Stack<char> _brackets = new();
    private int _pos;
    private int _line = 1;
    private bool _lineStarting = true;

    private Lexer(string source) => _source = source;

    /// <summary>All tokens of a source; the last one is Eof.</summary>
    public static List<Token> Tokenize(string source)
    {
        string text = NormalizeNewlines(source);
        if (text.EndsWith('\n'))
            text = text[..^1];
        var lexer = new Lexer(text);
        lexer.Run();
        return lexer._tokens;
    }

    private static string NormalizeNewlines(string text) =>
        text.Contains('\r')
            ? text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n')
            : text;

    private void Run()
    {
        while (_pos < _source.Length)
            LexRoot();
        Add(TokenType.Eof, "");
    }

    private void Add(TokenType type, string text, object? value = null) =>
        _tokens.Add(new Token(type, text, value, _line));

    private TemplateException Error(string message) =>
        new(TemplateErrorKind.TemplateSyntaxError, message, _line);

    private bool At(int pos, string text) =>
        string.CompareOrdinal(_source, pos, text, 0, text.Length) == 0;

    private int SkipSpace(int pos)
    {
        while (pos < _source.Length && Unicode.IsSpace(_source[pos]))
            pos++;
        return pos;
    }

    private void MoveTo(int pos)
    {
        for (int i = _pos; i < pos; i++)
        {
            if (_source[i] == '\n')
                _line++;
        }

        if (pos > _pos)
            _lineStarting = _source[pos - 1] == '\n';
        _pos = pos;
    }

    private void LexRoot()
    {
        int open = FindOpening(_pos);
        if (open < 0)
        {
            Add(TokenType.Data, _source[_pos..]);
            MoveTo(_source.Length);
            return;
        }

        char kind = _source[open + 1];
        if (kind == '%' && MatchRawBegin(open, out int rawBody, out char rawSign))
        {
            AddData(open, rawSign, lstrip: true);
            MoveTo(rawBody);
            LexRaw();
            return;
        }

        int after = open + 2;
        char sign = '\0';
        if (after < _source.Length && _source[after] is '-' or '+')
            sign = _source[after++];
        AddData(open, sign, lstrip: kind != '{');
        MoveTo(after);
        if (kind == '#')
            LexComment();
        else
            LexTag(kind);
    }

    private int FindOpening(int from)
    {
        for (int i = from; ;)
        {
            i = _source.IndexOf('{', i);
            if (i < 0 || i + 1 >= _source.Length)
                return -1;
            if (_source[i + 1] is '{' or '%' or '#')
                return i;
            i++;
        }
    }

    private bool MatchRawBegin(int open, out int body, out char sign)
    {
        body = 0;
        sign = '\0';
        int p = open + 2;
        if (p < _source.Length && _source[p] is '-' or '+')
            sign = _source[p++];
        p = SkipSpace(p);
        if (!At(p, "raw"))
            return false;
        p = SkipSpace(p + 3);
        if (At(p, "-%}"))
            body = SkipSpace(p + 3);
        else if (At(p, "%}"))
            body = p + 2;
        else
            return false;
        return true;
    }

    /// <summary>Adds the text before a tag, with what the tag strips from it removed.</summary>
    private void AddData(int end, char sign, bool lstrip)
    {
        string text = _source[_pos..end];
        string kept = text;
        if (sign == '-')
        {
            kept = Unicode.TrimEnd(text);
        }
        else if (sign != '+' && lstrip)
        {
            int lineStart = text.LastIndexOf('\n') + 1;
            if ((lineStart > 0 || _lineStarting) && lineStart < text.Length
                && SkipSpace(_pos + lineStart) >= end)
            {
                kept = text[..lineStart];
            }
        }

        if (kept.Length > 0)
            Add(TokenType.Data, kept);
        MoveTo(end);
    }

    private void LexComment()
    {
        if (_pos >= _source.Length)
            return;
        int end = _source.IndexOf("#}", _pos, StringComparison.Ordinal);
        if (end < 0)
            throw Error("Missing end of comment tag");
        char sign = end > _pos ? _source[end - 1] : '\0';
        MoveTo(AfterEnd(end + 2, sign));
    }

    /// <summary>Where text goes on after a block or comment end: its sign and trim_blocks decide.</summary>
    private int AfterEnd(int pos, char sign) => sign switch
    {
        '-' => SkipSpace(pos),
        '+' => pos,
        _ => pos < _source.Length && _source[pos] == '\n' ? pos + 1 : pos,
    };

    private void LexRaw()
    {
        if (_pos >= _source.Length)
            return;
        for (int i = _pos; ;)
        {
            i = _source.IndexOf("{%", i, StringComparison.Ordinal);
            if (i < 0)
                throw Error("Missing end of raw directive");
            int p = i + 2;
            char sign = '\0';
            if (p < _source.Length && _source[p] is '-' or '+')
                sign = _source[p++];
            p = SkipSpace(p);
            if (At(p, "endraw"))
            {
                p = SkipSpace(p + 6);
                char endSign = p < _source.Length && _source[p] is '-' or '+' ? _source[p++] : '\0';
                if (At(p, "%}"))
                {
                    AddData(i, sign, lstrip: true);
                    MoveTo(AfterEnd(p + 2, endSign));
                    return;
                }
            }

            i += 2;
        }
    }

    private void LexTag(char kind)
    {
        bool block = kind == '%';
        Add(block ? TokenType.BlockBegin : TokenType.VariableBegin, "");
        _brackets.Clear();
        while (_pos < _source.Length)
        {
            if (_brackets.Count == 0 && (block ? TryBlockEnd() : TryVariableEnd()))
                return;
            LexInside();
        }
    }

    private bool TryBlockEnd()
    {
        char sign = _source[_pos] is '-' or '+' ? _source[_pos] : '\0';
        int p = sign == '\0' ? _pos : _pos + 1;
        if (!At(p, "%}"))
            return false;
        Add(TokenType.BlockEnd, "");
        MoveTo(AfterEnd(p + 2, sign));
        return true;
    }

    private bool TryVariableEnd()
    {
        bool strip = _source[_pos] == '-';
        int p = strip ? _pos + 1 : _pos;
        if (!At(p, "}}"))
            return false;
        Add(TokenType.VariableEnd, "");
        MoveTo(strip ? SkipSpace(p + 2) : p + 2);
        return true;
    }

    private void LexInside()
    {
        char c = _source[_pos];
        if (Unicode.IsSpace(c))
            MoveTo(SkipSpace(_pos));
        else if (char.IsAsciiDigit(c))
            LexNumber();
        else if (c is '\'' or '"')
            LexString(c);
        else if (!TryName() && !TryOperator(c))
            throw Unexpected();
    }

    private TemplateException Unexpected() =>
        Error($"unexpected char {Repr.Quote(Rune.TryGetRuneAt(_source, _pos, out Rune r)
            ? r.ToString() : _source[_pos].ToString())} at {_pos}");

    private void LexNumber()
    {
        int end = NumberScanner.FloatEnd(_source, _pos);
        if (end > 0 && (_pos == 0 || _source[_pos - 1] != '.'))
        {
            string text = _source[_pos..end].Replace("_", "", StringComparison.Ordinal);
            double value = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
            Add(TokenType.Float, text, value);
        }
        else
        {
            end = NumberScanner.IntegerEnd(_source, _pos, out int radix);
            string text = _source[_pos..end].Replace("_", "", StringComparison.Ordinal);
            if (text.Length > Num.DecimalDigitsMax)
                throw TemplateException.Value("Exceeds the limit (4300 digits) for integer string conversion");
            string digits = radix == 10 ? text : text[2..];
            BigInteger value = Num.ParseDigits(digits, radix);
            Add(TokenType.Integer, text, Num.Box(value));
        }

        MoveTo(end);
    }

    private bool TryName()
    {
        int end = _pos;
        bool valid = true;
        while (end < _source.Length && Rune.TryGetRuneAt(_source, end, out Rune rune))
        {
            if (!Unicode.IsNameChar(rune))
                break;
            valid &= end == _pos ? Unicode.IsIdentifierStart(rune) : Unicode.IsIdentifierPart(rune);
            end += rune.Utf16SequenceLength;
        }

        if (end == _pos)
            return false;
        if (!valid)
            throw Error("Invalid character in identifier");
        Add(TokenType.Name, _source[_pos..end]);
        MoveTo(end);
        return true;
    }

    private void LexString(char quote)
    {
        int p = _pos + 1;
        while (p < _source.Length && _source[p] != quote)
            p += _source[p] == '\\' ? 2 : 1;
        if (p >= _source.Length)
            throw Unexpected();
        string raw = _source[(_pos + 1)..p];
        string text = raw.Contains('\\') ? StringLiteral.Decode(raw, _line) : raw;
        Add(TokenType.String, text);
        MoveTo(p + 1);
    }

    private bool TryOperator(char c)
    {
        string? op = null;
        foreach (string two in (ReadOnlySpan<string>)["//", "**", "==", "!=", ">=", "<="])
        {
            if (At(_pos, two))
                op = two;
        }

        if (op is null && !"+-/*%~[](){}><=.:|,;".Contains(c))
            return false;
        op ??= c.ToString();
        Balance(c);
        Add(TokenType.Operator, op);
        MoveTo(_pos + op.Length);
        return true;
    }

    private void Balance(char c)
    {
        if (c is '{' or '(' or '[')
        {
            _brackets.Push(c switch { '{' => '}', '(' => ')', _ => ']' });
        }
        else if (c is '}' or ')' or ']')
        {
            if (_brackets.Count == 0)
                throw Error($"unexpected '{c}'");
            char expected = _brackets.Pop();
            if (expected != c)
                throw Error($"unexpected '{c}', expected '{expected}'");
        }
    }
}
