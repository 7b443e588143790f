using System.Globalization;
using System.Numerics;
using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>str % values.</summary>
internal sealed class PercentFormat
{
    private const int WidthMax = 1 << 20;

    private readonly string _format;
    private readonly object? _args;
    private readonly bool _escape;
    private readonly StringBuilder _out = new();
    private int _pos;
    private int _next;
    private bool _usedMapping;

    private PercentFormat(string format, object? args, bool escape)
    {
        _format = format;
        _args = args;
        _escape = escape;
    }

    public static string Format(string format, object? args, bool escape = false)
    {
        var f = new PercentFormat(format, args, escape);
        f.Run();
        return f._out.ToString();
    }

    private void Run()
    {
        Budget.ChargeText(_format.Length);
        while (_pos < _format.Length)
        {
            char c = _format[_pos++];
            if (c != '%')
                _out.Append(c);
            else
                Conversion();
        }

        bool allUsed = _args is TemplateTuple tuple ? _next >= tuple.Items.Length : _next > 0;
        bool mapping = _args is TemplateDict or TemplateList or Undefined or TemplateRange or TemplateBytes;
        if (!allUsed && !_usedMapping && !mapping)
            throw TemplateException.Type("not all arguments converted during string formatting");
    }

    private char Peek() => _pos < _format.Length
        ? _format[_pos]
        : throw TemplateException.Value("incomplete format");

    private object? Argument()
    {
        if (_args is TemplateTuple tuple)
        {
            return _next < tuple.Items.Length
                ? tuple.Items[_next++]
                : throw TemplateException.Type("not enough arguments for format string");
        }

        if (_next++ > 0)
            throw TemplateException.Type("not enough arguments for format string");
        return _args;
    }

    private object? MappingArgument()
    {
        int depth = 1;
        int start = ++_pos;
        while (depth > 0)
        {
            if (_pos >= _format.Length)
                throw TemplateException.Value("incomplete format key");
            char c = _format[_pos++];
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        }

        string key = _format[start..(_pos - 1)];
        _usedMapping = true;
        return _args switch
        {
            TemplateDict dict => dict.TryGet(key, out object? value)
                ? value
                : throw new TemplateException(TemplateErrorKind.KeyError, Repr.Quote(key)),
            Undefined undefined => throw undefined.Fail(),
            TemplateList => throw TemplateException.Type("list indices must be integers or slices, not str"),
            _ => throw TemplateException.Type("format requires a mapping"),
        };
    }

    private void Conversion()
    {
        if (Peek() == '%')
        {
            _pos++;
            _out.Append('%');
            return;
        }

        bool hasKey = Peek() == '(';
        object? keyed = hasKey ? MappingArgument() : null;
        string flags = "";
        while ("-+ #0".Contains(Peek()))
            flags += _format[_pos++];
        int width = Number(ref flags, isWidth: true) ?? 0;
        int? precision = null;
        if (Peek() == '.')
        {
            _pos++;
            precision = Number(ref flags, isWidth: false) ?? 0;
        }

        while (Peek() is 'h' or 'l' or 'L')
            _pos++;
        char type = _format[_pos++];
        object? value = hasKey ? keyed : Argument();
        string text = Convert(type, value, precision, flags, out bool numeric);
        Pad(text, width, flags, numeric);
    }

    private int? Number(ref string flags, bool isWidth)
    {
        if (Peek() == '*')
        {
            _pos++;
            object? star = Argument();
            if (!Num.IsInt(star))
                throw TemplateException.Type("* wants int");
            int n = Num.Index(star);
            if (isWidth && n < 0)
                flags += '-';
            return isWidth ? Math.Abs(n) : Math.Max(0, n);
        }

        int start = _pos;
        long value = 0;
        while (char.IsAsciiDigit(Peek()))
            value = Math.Min((value * 10) + (_format[_pos++] - '0'), int.MaxValue);
        return _pos == start ? null : (int)value;
    }

    private string Convert(char type, object? value, int? precision, string flags, out bool numeric)
    {
        numeric = true;
        switch (type)
        {
            case 'd' or 'i' or 'u':
                return Signed(ToInteger(value, type), flags, Num.ToText, "", precision);
            case 'x' or 'X' or 'o':
                if (!Num.IsInt(value))
                {
                    throw TemplateException.Type(
                        $"%{type} format: an integer is required, not {Ops.TypeName(value)}");
                }

                string prefix = flags.Contains('#') ? "0" + type : "";
                return Signed(Num.Big(value), flags, n => FormatSpec.Digits(n, type), prefix, precision);
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                return FormatSpec.Float(ToFloat(value), type, precision ?? 6, flags.Contains('#'),
                    flags.Contains('+') ? '+' : flags.Contains(' ') ? ' ' : '-');
        }

        numeric = false;
        if (type == 'c')
            return Character(value);
        string text = type switch
        {
            's' => _escape && value is not Markup ? Html.Escape(Ops.Str(value)) : Ops.Str(value),
            'r' => _escape ? Html.Escape(Repr.Of(null, value)) : Repr.Of(null, value),
            'a' => Repr.Ascii(value),
            _ => throw TemplateException.Value(
                $"unsupported format character '{type}' (0x{(int)type:x}) at index {_pos - 1}"),
        };
        return precision is int max && Unicode.Length(text) > max
            ? text[..Unicode.UnitIndex(text, max)]
            : text;
    }

    private static string Character(object? value)
    {
        if (Ops.Text(value) is string s && Unicode.Length(s) == 1)
            return s;
        if (!Num.IsInt(value))
            throw TemplateException.Type("%c requires int or char");
        int code = Num.Index(value);
        if (code is < 0 or > 0x10FFFF)
            throw new TemplateException(TemplateErrorKind.OverflowError, "%c arg not in range(0x110000)");
        return Unicode.FromCode(code);
    }

    private static BigInteger ToInteger(object? value, char type)
    {
        if (value is double d)
            return Num.Big(Num.FromDouble(d));
        if (Num.IsInt(value))
            return Num.Big(value);
        if (value is Undefined u)
            throw u.Fail();
        throw TemplateException.Type(
            $"%{type} format: a real number is required, not {Ops.TypeName(value)}");
    }

    private static double ToFloat(object? value)
    {
        if (value is Undefined u)
            throw u.Fail();
        return Num.IsNumber(value)
            ? Num.Double(value)
            : throw TemplateException.Type($"must be real number, not {Ops.TypeName(value)}");
    }

    private static string Signed(
        BigInteger n, string flags, Func<BigInteger, string> digits, string prefix, int? precision)
    {
        string text = digits(BigInteger.Abs(n));
        if (precision is int min)
        {
            CheckWidth(min);
            text = text.PadLeft(min, '0');
        }

        string sign = n.Sign < 0 ? "-" : flags.Contains('+') ? "+" : flags.Contains(' ') ? " " : "";
        return sign + prefix + text;
    }

    private static void CheckWidth(int width)
    {
        if (width > WidthMax)
            throw TemplateException.Limit($"a width of {width} is too large");
        Budget.ChargeText(width);
    }

    private void Pad(string text, int width, string flags, bool numeric)
    {
        CheckWidth(width);
        int fill = width - Unicode.Length(text);
        if (fill <= 0)
        {
            _out.Append(text);
        }
        else if (flags.Contains('-'))
        {
            _out.Append(text).Append(' ', fill);
        }
        else if (flags.Contains('0') && numeric)
        {
            int start = text[0] is '-' or '+' or ' ' ? 1 : 0;
            if (start + 1 < text.Length && text[start] == '0' && text[start + 1] is 'x' or 'X' or 'o')
                start += 2;
            _out.Append(text, 0, start).Append('0', fill).Append(text, start, text.Length - start);
        }
        else
        {
            _out.Append(' ', fill).Append(text);
        }
    }
}
