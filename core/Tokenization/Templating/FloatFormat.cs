using System.Globalization;
using System.Numerics;
using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>Text of floats as Python writes them; decimal digits come from exact integer arithmetic.</summary>
internal static class FloatFormat
{
    private const int PrecisionMax = 5000;

    public static string Repr(double d)
    {
        if (!double.IsFinite(d))
            return Special(d);
        (string digits, int exponent) = Shortest(Math.Abs(d));
        string sign = double.IsNegative(d) ? "-" : "";
        return sign + (exponent is >= -4 and < 16
            ? Positional(digits, exponent, minFraction: 1)
            : Scientific(digits, exponent));
    }

    public static string Special(double d) => double.IsNaN(d) ? "nan" : d > 0 ? "inf" : "-inf";

    /// <summary>The digits that identify the double, and the power of ten of the first one.</summary>
    private static (string Digits, int Exponent) Shortest(double d)
    {
        string r = d.ToString("R", CultureInfo.InvariantCulture);
        if (d == 0)
            return ("0", 0);
        int e = r.IndexOf('E');
        string mantissa = e < 0 ? r : r[..e];
        string digits = mantissa.Replace(".", "", StringComparison.Ordinal).TrimStart('0').TrimEnd('0');
        int point = mantissa.IndexOf('.');
        int whole = point < 0 ? mantissa.Length : point;
        int scale = e < 0 ? 0 : int.Parse(r[(e + 1)..], CultureInfo.InvariantCulture);
        int leadingZeros = mantissa.Replace(".", "", StringComparison.Ordinal)
            .TakeWhile(c => c == '0').Count();
        return (digits, whole - leadingZeros - 1 + scale);
    }

    private static string Positional(string digits, int exponent, int minFraction)
    {
        string whole = exponent < 0 ? "0"
            : digits.Length > exponent ? digits[..(exponent + 1)] : digits.PadRight(exponent + 1, '0');
        string fraction = exponent < 0 ? new string('0', -exponent - 1) + digits
            : digits.Length > exponent + 1 ? digits[(exponent + 1)..] : "";
        fraction = fraction.PadRight(minFraction, '0');
        return fraction.Length == 0 ? whole : whole + "." + fraction;
    }

    private static string Scientific(string digits, int exponent, char letter = 'e')
    {
        string mantissa = digits.Length > 1 ? digits[..1] + "." + digits[1..] : digits;
        return mantissa + letter + (exponent < 0 ? '-' : '+')
            + Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture);
    }

    private static void CheckPrecision(int precision)
    {
        if (precision > PrecisionMax)
            throw TemplateException.Limit($"a precision of {precision} digits is too large");
    }

    /// <summary>|d| as an exact fraction: mantissa * 2^exponent.</summary>
    private static (BigInteger Mantissa, int Exponent) Split(double d)
    {
        long bits = BitConverter.DoubleToInt64Bits(d);
        int exponent = (int)((bits >> 52) & 0x7FF);
        long mantissa = bits & 0xFFFFFFFFFFFFFL;
        return exponent == 0 ? (mantissa, -1074) : (mantissa | (1L << 52), exponent - 1075);
    }

    /// <summary>|d| * 10^power rounded half to even.</summary>
    private static BigInteger Scaled(double d, int power)
    {
        (BigInteger numerator, int exponent) = Split(d);
        BigInteger denominator = BigInteger.One;
        if (power >= 0)
            numerator *= BigInteger.Pow(10, power);
        else
            denominator = BigInteger.Pow(10, -power);
        if (exponent >= 0)
            numerator <<= exponent;
        else
            denominator <<= -exponent;
        BigInteger q = BigInteger.DivRem(numerator, denominator, out BigInteger rest);
        int half = (rest * 2).CompareTo(denominator);
        return half > 0 || (half == 0 && !q.IsEven) ? q + 1 : q;
    }

    /// <summary>%.nf without the sign.</summary>
    public static string Fixed(double d, int precision)
    {
        CheckPrecision(precision);
        string digits = Scaled(d, precision).ToString(CultureInfo.InvariantCulture);
        if (precision == 0)
            return digits;
        digits = digits.PadLeft(precision + 1, '0');
        return digits[..^precision] + "." + digits[^precision..];
    }

    /// <summary>The first n digits, correctly rounded, and the power of ten of the first one.</summary>
    private static (string Digits, int Exponent) Rounded(double d, int n)
    {
        if (d == 0)
            return (new string('0', n), 0);
        int exponent = (int)Math.Floor(Math.Log10(Math.Abs(d)));
        string digits = Scaled(d, n - 1 - exponent).ToString(CultureInfo.InvariantCulture);
        while (digits.Length != n)
        {
            // The logarithm was off by one, or rounding carried into a new digit.
            exponent += digits.Length > n ? 1 : -1;
            digits = Scaled(d, n - 1 - exponent).ToString(CultureInfo.InvariantCulture);
        }

        return (digits, exponent);
    }

    /// <summary>%.ne without the sign.</summary>
    public static string Exponent(double d, int precision, char letter)
    {
        CheckPrecision(precision);
        (string digits, int exponent) = Rounded(d, precision + 1);
        return Scientific(digits, exponent, letter);
    }

    /// <summary>%.ng without the sign; keepZeros is the # flag.</summary>
    public static string General(double d, int precision, char letter, bool keepZeros, int minFraction = 0)
    {
        CheckPrecision(precision);
        precision = Math.Max(precision, 1);
        (string digits, int exponent) = Rounded(d, precision);
        if (!keepZeros)
            digits = digits.TrimEnd('0') is { Length: > 0 } trimmed ? trimmed : "0";
        return exponent >= -4 && exponent < precision
            ? Positional(digits, exponent, minFraction)
            : Scientific(digits, exponent, letter);
    }

    /// <summary>round(d, digits), which rounds the exact value half to even.</summary>
    public static double Round(double d, int digits)
    {
        if (!double.IsFinite(d) || digits > 323)
            return d;
        if (digits < -309)
            return Math.CopySign(0, d);
        BigInteger scaled = Scaled(d, digits);
        var text = new StringBuilder(double.IsNegative(d) ? "-" : "");
        text.Append(scaled.ToString(CultureInfo.InvariantCulture)).Append('e');
        text.Append((-digits).ToString(CultureInfo.InvariantCulture));
        double rounded = double.Parse(text.ToString(), NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsInfinity(rounded)
            ? throw new TemplateException(
                TemplateErrorKind.OverflowError, "rounded value too large to represent")
            : rounded;
    }
}
