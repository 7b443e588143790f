using System.Globalization;
using System.Numerics;
using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>The format mini-language: [[fill]align][sign][z][#][0][width][grouping][.precision][type].</summary>
internal sealed class FormatSpec
{
    private const int WidthMax = 1 << 20;

    private string _fill = " ";
    private char _align;
    private char _sign = '-';
    private bool _alternate;
    private bool _coerceZero;
    private int _width;
    private char _grouping;
    private int? _precision;
    private char _type;

    /// <summary>format(value, spec).</summary>
    public static string Format(object? value, string spec)
    {
        value = value is Markup markup ? markup.Text : value;
        if (spec.Length == 0)
            return Ops.Str(value);
        if (value is not (string or bool or long or BigInteger or double))
        {
            throw TemplateException.Type(
                $"unsupported format string passed to {Ops.TypeName(value)}.__format__");
        }

        var f = new FormatSpec();
        f.Parse(spec, value);
        if (f._width > WidthMax)
            throw TemplateException.Limit($"a width of {f._width} is too large");
        Budget.ChargeText(f._width);
        return value is string s ? f.Text(s) : f.Number(value);
    }

    /// <summary>Digits of a non-negative integer in the radix of a type letter.</summary>
    public static string Digits(BigInteger n, char type)
    {
        if (type is 'd' or 'n')
            return Num.ToText(n);
        int shift = type switch { 'b' => 1, 'o' => 3, _ => 4 };
        if (n.IsZero)
            return "0";
        var sb = new StringBuilder();
        string alphabet = type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
        for (; !n.IsZero; n >>= shift)
            sb.Append(alphabet[(int)(n & ((1 << shift) - 1))]);
        char[] digits = sb.ToString().ToCharArray();
        Array.Reverse(digits);
        return new string(digits);
    }

    /// <summary>A float with its sign, in the format of a type letter.</summary>
    public static string Float(double d, char type, int precision, bool alternate, char sign)
    {
        string text;
        if (!double.IsFinite(d))
        {
            text = double.IsNaN(d) ? "nan" : "inf";
            if (char.IsAsciiLetterUpper(type))
                text = text.ToUpperInvariant();
        }
        else
        {
            text = type switch
            {
                'f' or 'F' => FloatFormat.Fixed(d, precision),
                'e' or 'E' => FloatFormat.Exponent(d, precision, type),
                _ => FloatFormat.General(d, precision, type == 'G' ? 'E' : 'e', alternate),
            };
            if (alternate && !text.Contains('.'))
            {
                int e = text.IndexOfAny(['e', 'E']);
                text = text.Insert(e < 0 ? text.Length : e, ".");
            }
        }

        bool negative = double.IsNegative(d) && !double.IsNaN(d);
        return (negative ? "-" : sign == '-' ? "" : sign.ToString()) + text;
    }

    private void Parse(string spec, object? value)
    {
        int p = 0;
        int first = Unicode.CodeAt(spec, 0) > 0xFFFF ? 2 : 1;
        if (spec.Length > first && "<>=^".Contains(spec[first]))
        {
            _fill = spec[..first];
            _align = spec[first];
            p = first + 1;
        }
        else if ("<>=^".Contains(spec[0]))
        {
            _align = spec[p++];
        }

        if (p < spec.Length && "+- ".Contains(spec[p]))
            _sign = spec[p++];
        if (p < spec.Length && spec[p] == 'z')
        {
            _coerceZero = true;
            p++;
        }

        if (p < spec.Length && spec[p] == '#')
        {
            _alternate = true;
            p++;
        }

        if (p < spec.Length && spec[p] == '0')
        {
            p++;
            if (_align == '\0')
            {
                _fill = "0";
                _align = value is string ? '<' : '=';
            }
        }

        _width = Integer(spec, ref p) ?? 0;
        if (p < spec.Length && spec[p] is ',' or '_')
            _grouping = spec[p++];
        if (p < spec.Length && spec[p] == '.')
        {
            p++;
            _precision = Integer(spec, ref p)
                ?? throw TemplateException.Value("Format specifier missing precision");
        }

        if (spec.Length - p > 1)
            throw TemplateException.Value("Invalid format specifier");
        _type = p < spec.Length ? spec[p] : '\0';
    }

    private static int? Integer(string spec, ref int p)
    {
        int start = p;
        long value = 0;
        while (p < spec.Length && char.IsAsciiDigit(spec[p]))
            value = (value * 10) + (spec[p++] - '0') is var v && v > int.MaxValue
                ? throw TemplateException.Value("Too many decimal digits in format string")
                : v;
        return p == start ? null : (int)value;
    }

    private string Text(string s)
    {
        if (_type is not ('\0' or 's'))
            throw UnknownType("str");
        if (_sign != '-')
            throw TemplateException.Value("Sign not allowed in string format specifier");
        if (_coerceZero)
            throw CoercionRefused("string");
        if (_alternate)
            throw TemplateException.Value("Alternate form (#) not allowed in string format specifier");
        if (_align == '=')
            throw TemplateException.Value("'=' alignment not allowed in string format specifier");
        if (_grouping != '\0')
            throw TemplateException.Value($"Cannot specify '{_grouping}' with 's'.");
        if (_precision is int max && Unicode.Length(s) > max)
            s = s[..Unicode.UnitIndex(s, max)];
        return Align(s, '<', 0);
    }

    private static TemplateException CoercionRefused(string type) => TemplateException.Value(
        $"Negative zero coercion (z) not allowed in {type} format specifier");

    private TemplateException UnknownType(string type) =>
        TemplateException.Value($"Unknown format code '{_type}' for object of type '{type}'");

    private string Number(object? value)
    {
        if (value is bool && _type == '\0')
            value = (bool)value ? 1L : 0L;
        bool isFloat = value is double || _type is 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%';
        return isFloat ? FloatNumber(Num.Double(value), value is double) : IntegerNumber(Num.Big(value));
    }

    private string IntegerNumber(BigInteger n)
    {
        if (_precision is not null)
            throw TemplateException.Value("Precision not allowed in integer format specifier");
        if (_coerceZero)
            throw CoercionRefused("integer");
        if (_type == 'c')
        {
            if (_sign != '-')
                throw TemplateException.Value("Sign not allowed with integer format specifier 'c'");
            if (n < 0 || n > 0x10FFFF)
            {
                throw new TemplateException(
                    TemplateErrorKind.OverflowError, "%c arg not in range(0x110000)");
            }

            return Align(Unicode.FromCode((int)n), '<', 0);
        }

        char type = _type == '\0' ? 'd' : _type;
        if (!"bdoxXn".Contains(type))
            throw UnknownType("int");
        if (_grouping == ',' && type is not ('d' or 'n'))
            throw TemplateException.Value($"Cannot specify ',' with '{type}'.");
        string prefix = _alternate && type is not ('d' or 'n') ? "0" + type : "";
        string sign = n.Sign < 0 ? "-" : _sign == '-' ? "" : _sign.ToString();
        string digits = Digits(BigInteger.Abs(n), type);
        int group = type is 'd' or 'n' ? 3 : 4;
        return Align(sign + prefix + Group(digits, "", group, sign.Length + prefix.Length), '>',
            sign.Length + prefix.Length);
    }

    private string FloatNumber(double d, bool wasFloat)
    {
        char type = _type == '\0' ? 'r' : _type;
        if (!"eEfFgGn%r".Contains(type))
            throw UnknownType(wasFloat ? "float" : "int");
        string text;
        if (type == 'r' && _precision is null)
        {
            text = double.IsFinite(d) ? FloatFormat.Repr(Math.Abs(d)) : FloatFormat.Special(Math.Abs(d));
        }
        else if (type == 'r')
        {
            text = double.IsFinite(d)
                ? FloatFormat.General(d, _precision!.Value, 'e', false, minFraction: 1)
                : FloatFormat.Special(Math.Abs(d));
        }
        else
        {
            double scaled = type == '%' ? d * 100 : d;
            char letter = type switch { '%' => 'f', 'n' => 'g', _ => type };
            text = Float(Math.Abs(scaled), letter, _precision ?? 6, _alternate, '-');
        }

        bool negative = double.IsNegative(d) && !double.IsNaN(d)
            && !(_coerceZero && text.AsSpan().IndexOfAnyInRange('1', '9') < 0 && double.IsFinite(d));
        string sign = negative ? "-" : _sign == '-' ? "" : _sign.ToString();
        int end = 0;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
            end++;
        string rest = text[end..] + (type == '%' ? "%" : "");
        string body = end == 0 ? rest : Group(text[..end], rest, 3, sign.Length);
        return Align(sign + body, '>', sign.Length);
    }

    /// <summary>Inserts separators; with zero fill the padding zeros are grouped too.</summary>
    private string Group(string digits, string rest, int size, int signLength)
    {
        if (_grouping == '\0')
            return digits + rest;
        int wanted = _fill == "0" && _align == '=' ? _width - rest.Length - signLength : 0;
        while (GroupedLength(digits.Length, size) < wanted)
            digits = "0" + digits;
        var sb = new StringBuilder();
        for (int i = 0; i < digits.Length; i++)
        {
            if (i > 0 && (digits.Length - i) % size == 0)
                sb.Append(_grouping);
            sb.Append(digits[i]);
        }

        return sb.Append(rest).ToString();
    }

    private static int GroupedLength(int digits, int size) => digits + ((digits - 1) / size);

    private string Align(string text, char defaultAlign, int signLength)
    {
        int fill = _width - Unicode.Length(text);
        if (fill <= 0)
            return text;
        char align = _align == '\0' ? defaultAlign : _align;
        int left = align switch { '<' => 0, '^' => fill / 2, _ => fill };
        string before = Arithmetic.RepeatText(_fill, left);
        string after = Arithmetic.RepeatText(_fill, fill - left);
        return align == '='
            ? text[..signLength] + before + text[signLength..]
            : before + text + after;
    }
}
