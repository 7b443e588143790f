using System.Globalization;
using System.Numerics;
using System.Text;
using Engine.Tokenization.Templating;

namespace Engine.Chat.Parsing;

/// <summary>Reads f(a=1, b=[...]) where every value is a literal of Python or JSON, and writes it as JSON.</summary>
internal ref struct PythonLiterals
{
    private const int MaxDepth = 64;

    private readonly ReadOnlySpan<char> _text;
    private int _at;
    private int _depth;

    private PythonLiterals(ReadOnlySpan<char> text) => _text = text;

    public static bool IsNamePart(char c) => c == '_' || char.IsLetterOrDigit(c);

    /// <summary>Reads a whole call: keyword arguments alone, nothing behind the bracket.</summary>
    public static bool TryReadCall(ReadOnlySpan<char> text, out string name, out string arguments)
    {
        var reader = new PythonLiterals(text);
        var members = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        arguments = "";
        if (!reader.DottedName(out name) || !reader.Skip('('))
        {
            return false;
        }

        while (!reader.Skip(')'))
        {
            if (!reader.Name(out string key) || !reader.Skip('=') || reader.Value() is not { } value)
            {
                return false;
            }

            members[key] = value;
            if (!reader.Skip(',') && reader.Peek() != ')')
            {
                return false;
            }
        }

        var json = new StringBuilder("{");
        foreach ((string key, string value) in members)
        {
            json.Append(json.Length > 1 ? ", " : "");
            PythonJson.Quote(json, key);
            json.Append(": ").Append(value);
        }

        arguments = json.Append('}').ToString();
        return reader._at == text.Length;
    }

    private char Peek()
    {
        while (_at < _text.Length && _text[_at] is ' ' or '\t' or '\r' or '\n' or '\f')
        {
            _at++;
        }

        return _at < _text.Length ? _text[_at] : '\0';
    }

    private bool Skip(char c)
    {
        if (Peek() != c)
        {
            return false;
        }

        _at++;
        return true;
    }

    private bool Name(out string name)
    {
        name = "";
        char first = Peek();
        if (!IsNamePart(first) || char.IsDigit(first))
        {
            return false;
        }

        int from = _at;
        while (_at < _text.Length && IsNamePart(_text[_at]))
        {
            _at++;
        }

        name = _text[from.._at].ToString();
        return true;
    }

    private bool DottedName(out string name)
    {
        if (!Name(out name))
        {
            return false;
        }

        var dotted = new StringBuilder(name);
        while (Skip('.'))
        {
            if (!Name(out string part))
            {
                return false;
            }

            dotted.Append('.').Append(part);
        }

        name = dotted.ToString();
        return true;
    }

    // The value as JSON, or null if it is no literal.
    private string? Value()
    {
        if (_depth >= MaxDepth)
        {
            return null;
        }

        _depth++;
        char c = Peek();
        string? value = c switch
        {
            '[' => Items(']'),
            '(' => Items(')'),
            '{' => Members(),
            '-' or '+' => Signed(),
            '\'' or '"' => Strings(),
            _ when char.IsAsciiDigit(c) || c == '.' => Number(),
            _ => Word(),
        };
        _depth--;
        return value;
    }

    private string? Items(char end)
    {
        _at++;
        var json = new StringBuilder("[");
        bool hasComma = false;
        int count = 0;
        while (!Skip(end))
        {
            if (Value() is not { } item)
            {
                return null;
            }

            json.Append(count++ > 0 ? ", " : "").Append(item);
            bool more = Skip(',');
            hasComma |= more;
            if (!more && Peek() != end)
            {
                return null;
            }
        }

        // Brackets around one value group it; a comma makes them a tuple.
        return end == ')' && count == 1 && !hasComma
            ? json.ToString(1, json.Length - 1)
            : json.Append(']').ToString();
    }

    private string? Members()
    {
        _at++;
        var members = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        while (!Skip('}'))
        {
            if (Value() is not { } key || !Skip(':') || Value() is not { } value || key[0] is '[' or '{')
            {
                return null;
            }

            members[key[0] == '"' ? key : $"\"{key}\""] = value;
            if (!Skip(',') && Peek() != '}')
            {
                return null;
            }
        }

        return "{" + string.Join(", ", members.Select(member => member.Key + ": " + member.Value)) + "}";
    }

    private string? Signed()
    {
        bool isNegative = _text[_at++] == '-';
        char c = Peek();
        string? value = c is '-' or '+' ? null : char.IsAsciiDigit(c) || c == '.' ? Number() : null;
        return value is null ? null : !isNegative || value == "0" ? value : "-" + value;
    }

    private string? Number()
    {
        int from = _at;
        while (_at < _text.Length && (IsNamePart(_text[_at]) || _text[_at] == '.'
            || (_text[_at] is '+' or '-' && _text[_at - 1] is 'e' or 'E' && !IsHex(_text[from.._at]))))
        {
            _at++;
        }

        ReadOnlySpan<char> raw = _text[from.._at];
        string text = raw.ToString().Replace("_", "", StringComparison.Ordinal);
        if (text.Length > Num.DecimalDigitsMax)
        {
            return null;
        }

        if (IsHex(raw))
        {
            return BigInteger.TryParse(
                string.Concat("0", text.AsSpan(2)), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                out BigInteger hex) ? hex.ToString(CultureInfo.InvariantCulture) : null;
        }

        if (!text.AsSpan().ContainsAnyExceptInRange('0', '9'))
        {
            // Python takes no leading zeros, except in zero itself.
            return text[0] != '0' || text.Trim('0').Length == 0
                ? BigInteger.Parse(text, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture)
                : null;
        }

        const NumberStyles style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(text, style, CultureInfo.InvariantCulture, out double number)
            && double.IsFinite(number) ? FloatFormat.Repr(number) : null;
    }

    private static bool IsHex(ReadOnlySpan<char> text) => text.Length >= 2 && text[0] == '0' && text[1] is 'x' or 'X';

    private string? Word()
    {
        int from = _at;
        if (!Name(out string word))
        {
            return null;
        }

        if (_at < _text.Length && _text[_at] is '\'' or '"' && word.Length <= 2)
        {
            _at = from;
            return Strings();
        }

        return word switch
        {
            "True" or "true" => "true",
            "False" or "false" => "false",
            "None" or "null" => "null",
            _ => null,
        };
    }

    // One or more string literals, which Python joins.
    private string? Strings()
    {
        var value = new StringBuilder();
        int count = 0;
        while (true)
        {
            char c = Peek();
            int from = _at;
            bool isRaw = false;
            while (c is 'r' or 'R' or 'u' or 'U' && _at - from < 2)
            {
                isRaw |= c is 'r' or 'R';
                c = ++_at < _text.Length ? _text[_at] : '\0';
            }

            if (c is not ('\'' or '"'))
            {
                _at = from;
                return count > 0 ? PythonJson.Quote(value.ToString()) : null;
            }

            if (!PythonStrings.TryRead(_text, ref _at, isRaw, value))
            {
                return null;
            }

            count++;
        }
    }
}
