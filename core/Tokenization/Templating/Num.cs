using System.Globalization;
using System.Numerics;

namespace Engine.Tokenization.Templating;

/// <summary>
/// Integers of any size: a long where it fits, a BigInteger where it does not. bool counts as 0 or 1.
/// </summary>
internal static class Num
{
    /// <summary>Python refuses to print or parse longer decimal integers.</summary>
    public const int DecimalDigitsMax = 4300;

    /// <summary>Larger intermediate results are refused: no template needs them.</summary>
    public const long BitsMax = 1 << 17;

    public static readonly object True = true;
    public static readonly object False = false;
    private static readonly object[] Small = MakeSmall();

    public static object Box(bool b) => b ? True : False;

    public static object Box(long n) => n is >= -16 and < 256 ? Small[n + 16] : n;

    public static object Box(BigInteger n) =>
        n >= long.MinValue && n <= long.MaxValue ? Box((long)n) : n;

    private static object[] MakeSmall()
    {
        var boxes = new object[272];
        for (int i = 0; i < boxes.Length; i++)
            boxes[i] = (long)(i - 16);
        return boxes;
    }

    public static bool IsInt(object? v) => v is long or bool or BigInteger;

    public static bool IsNumber(object? v) => v is long or double or bool or BigInteger;

    public static bool TryLong(object? v, out long n)
    {
        n = v switch { long l => l, bool b => b ? 1 : 0, _ => 0 };
        return v is long or bool;
    }

    public static BigInteger Big(object? v) => v switch
    {
        long l => l,
        bool b => b ? 1 : 0,
        BigInteger big => big,
        _ => throw new ArgumentException("not an integer", nameof(v)),
    };

    /// <summary>The number as double; OverflowError where Python raises it.</summary>
    public static double Double(object? v)
    {
        if (v is double d)
            return d;
        if (TryLong(v, out long n))
            return n;
        // The cast of BigInteger truncates; parsing rounds to nearest.
        BigInteger integer = Big(v);
        double big = integer.GetBitLength() > 1100
            ? double.PositiveInfinity
            : double.Parse(integer.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        if (double.IsInfinity(big))
            throw new TemplateException(TemplateErrorKind.OverflowError, "int too large to convert to float");
        return big;
    }

    /// <summary>An index argument: an integer, clamped to the range of int.</summary>
    public static int Index(object? v)
    {
        if (TryLong(v, out long n))
            return (int)Math.Clamp(n, int.MinValue, int.MaxValue);
        if (v is BigInteger big)
            return big.Sign < 0 ? int.MinValue : int.MaxValue;
        throw TemplateException.Type(
            $"'{Ops.TypeName(v)}' object cannot be interpreted as an integer");
    }

    public static BigInteger ParseDigits(string digits, int radix)
    {
        if (radix == 10)
            return BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
        BigInteger value = BigInteger.Zero;
        foreach (char c in digits)
            value = (value * radix) + DigitValue(c);
        return value;
    }

    public static int DigitValue(char c) => c switch
    {
        >= '0' and <= '9' => c - '0',
        >= 'a' and <= 'z' => c - 'a' + 10,
        >= 'A' and <= 'Z' => c - 'A' + 10,
        _ => 99,
    };

    public static string ToText(BigInteger n)
    {
        if (BigInteger.Abs(n).GetBitLength() > 14300)
            throw TemplateException.Value("Exceeds the limit (4300 digits) for integer string conversion");
        string text = n.ToString(CultureInfo.InvariantCulture);
        if (text.Length - (n.Sign < 0 ? 1 : 0) > DecimalDigitsMax)
            throw TemplateException.Value("Exceeds the limit (4300 digits) for integer string conversion");
        return text;
    }

    /// <summary>Truncates a finite double to an integer, as int(x) does.</summary>
    public static object FromDouble(double d)
    {
        if (double.IsNaN(d))
            throw TemplateException.Value("cannot convert float NaN to integer");
        if (double.IsInfinity(d))
        {
            throw new TemplateException(
                TemplateErrorKind.OverflowError, "cannot convert float infinity to integer");
        }

        return Math.Abs(d) < 9e18 ? Box((long)d) : Box(new BigInteger(d));
    }

    /// <summary>int(text, radix) of Python, or null if the text is no integer.</summary>
    public static object? Parse(string text, int radix)
    {
        string s = Unicode.TrimStart(Unicode.TrimEnd(text));
        bool negative = s.StartsWith('-');
        if (negative || s.StartsWith('+'))
            s = s[1..];
        string prefix = s.Length >= 2 && s[0] == '0' ? char.ToLowerInvariant(s[1]).ToString() : "";
        int prefixRadix = prefix switch { "b" => 2, "o" => 8, "x" => 16, _ => 0 };
        if (radix == 0 && prefixRadix == 0 && s.Length > 1 && s[0] == '0' && s.Trim('0', '_').Length > 0)
            return null;
        if (prefixRadix != 0 && (radix == 0 || radix == prefixRadix))
        {
            radix = prefixRadix;
            s = s[2..];
            if (s.StartsWith('_'))
                s = s[1..];
        }
        else if (radix == 0)
        {
            radix = 10;
        }

        string? digits = CleanDigits(s, radix);
        if (digits is null)
            return null;
        BigInteger value = ParseDigits(digits, radix);
        return Box(negative ? -value : value);
    }

    private static string? CleanDigits(string s, int radix)
    {
        var digits = new System.Text.StringBuilder(s.Length);
        bool lastDigit = false;
        for (int i = 0; i < s.Length; i++)
        {
            if (s[i] == '_' && lastDigit)
            {
                lastDigit = false;
                continue;
            }

            int code = Unicode.CodeAt(s, i);
            int value = code < 128 ? DigitValue((char)code)
                : Unicode.IsDecimal(code) ? CharUnicodeInfo.GetDecimalDigitValue(s, i) : 99;
            if (value >= radix)
                return null;
            if (code > 0xFFFF)
                i++;
            digits.Append("0123456789abcdefghijklmnopqrstuvwxyz"[value]);
            lastDigit = true;
        }

        if (digits.Length > DecimalDigitsMax)
            throw TemplateException.Value("Exceeds the limit (4300 digits) for integer string conversion");
        return lastDigit ? digits.ToString() : null;
    }
}
