using System.Numerics;

namespace Engine.Tokenization.Templating;

/// <summary>The operators + - * / // % ** and the signs.</summary>
internal static class Arithmetic
{
    public static object? Binary(string op, object? a, object? b)
    {
        if (op == "%" && Ops.Text(a) is string format)
        {
            string text = PercentFormat.Format(format, b, a is Markup);
            return a is Markup ? new Markup(text) : text;
        }

        if (Num.TryLong(a, out long x) && Num.TryLong(b, out long y) && Long(op, x, y) is object quick)
            return quick;
        if (Num.IsNumber(a) && Num.IsNumber(b))
            return a is double || b is double ? Doubles(op, a, b) : Integers(op, a, b);
        if ((a as Undefined ?? b as Undefined) is Undefined undefined)
        {
            throw op == "*" && a is Markup
                ? TemplateException.Type("'Undefined' object cannot be interpreted as an integer")
                : undefined.Fail();
        }

        object? result = op switch
        {
            "+" => Concatenate(a, b),
            "*" => Num.IsInt(b) ? Repeat(a, b) : Num.IsInt(a) ? Repeat(b, a) : null,
            _ => null,
        };
        return result ?? throw Unsupported(op, a, b);
    }

    public static object? Negate(object? v) => v switch
    {
        long n when n != long.MinValue => Num.Box(-n),
        double d => -d,
        Undefined u => throw u.Fail(),
        _ when Num.IsInt(v) => Num.Box(-Num.Big(v)),
        _ => throw TemplateException.Type($"bad operand type for unary -: '{Ops.TypeName(v)}'"),
    };

    public static object? Plus(object? v) => v switch
    {
        double => v,
        Undefined u => throw u.Fail(),
        _ when Num.IsInt(v) => Num.Box(Num.Big(v)),
        _ => throw TemplateException.Type($"bad operand type for unary +: '{Ops.TypeName(v)}'"),
    };

    private static TemplateException Unsupported(string op, object? a, object? b)
    {
        if (op == "+" && a is string or Markup)
            return TemplateException.Type($"can only concatenate str (not \"{Ops.TypeName(b)}\") to str");
        if (op == "+" && a is TemplateList or TemplateTuple)
        {
            string type = Ops.TypeName(a);
            return TemplateException.Type(
                $"can only concatenate {type} (not \"{Ops.TypeName(b)}\") to {type}");
        }

        string name = op == "**" ? "** or pow()" : op;
        return TemplateException.Type(
            $"unsupported operand type(s) for {name}: '{Ops.TypeName(a)}' and '{Ops.TypeName(b)}'");
    }

    private static TemplateException ZeroDivision(string message) =>
        new(TemplateErrorKind.ZeroDivisionError, message);

    /// <summary>The common case; null if the result does not fit or needs more care.</summary>
    private static object? Long(string op, long x, long y)
    {
        long r;
        switch (op)
        {
            case "+":
                r = unchecked(x + y);
                return ((x ^ r) & (y ^ r)) < 0 ? null : Num.Box(r);
            case "-":
                r = unchecked(x - y);
                return ((x ^ y) & (x ^ r)) < 0 ? null : Num.Box(r);
            case "*" when Math.Abs(x) < int.MaxValue && Math.Abs(y) < int.MaxValue:
                return Num.Box(x * y);
            case "//" when y > 0:
                return Num.Box(x >= 0 ? x / y : ((x + 1) / y) - 1);
            case "%" when y > 0:
                r = x % y;
                return Num.Box(r < 0 ? r + y : r);
            default:
                return null;
        }
    }

    private static object Integers(string op, object? a, object? b)
    {
        BigInteger x = Num.Big(a);
        BigInteger y = Num.Big(b);
        long bits = x.GetBitLength() + y.GetBitLength();
        if (bits > Num.BitsMax)
            throw TemplateException.Limit("an integer grows too large");
        Budget.Charge(1 + (bits / 1024 * (bits / 1024)));
        switch (op)
        {
            case "+":
                return Num.Box(x + y);
            case "-":
                return Num.Box(x - y);
            case "*":
                return Num.Box(x * y);
            case "**":
                return Power(x, y);
        }

        if (y.IsZero)
        {
            throw ZeroDivision(op == "/" ? "division by zero"
                : op == "%" ? "integer modulo by zero" : "integer division or modulo by zero");
        }

        if (op == "/")
            return TrueDivide(x, y);
        BigInteger quotient = BigInteger.DivRem(x, y, out BigInteger rest);
        bool adjust = !rest.IsZero && (rest.Sign < 0) != (y.Sign < 0);
        return op == "//" ? Num.Box(adjust ? quotient - 1 : quotient) : Num.Box(adjust ? rest + y : rest);
    }

    private static object Power(BigInteger x, BigInteger y)
    {
        if (y.Sign < 0)
            return Doubles("**", Num.Double(Num.Box(x)), Num.Double(Num.Box(y)));
        if (x.IsZero || x.IsOne || x == BigInteger.MinusOne)
            return Num.Box(y.IsZero || x.IsOne || (y.IsEven && !x.IsZero) ? BigInteger.One : x);
        if (y > Num.BitsMax || (long)y * x.GetBitLength() > Num.BitsMax)
            throw TemplateException.Limit("an integer grows too large");
        Budget.Charge((long)y * x.GetBitLength() / 64);
        return Num.Box(BigInteger.Pow(x, (int)y));
    }

    /// <summary>x / y, correctly rounded.</summary>
    private static double TrueDivide(BigInteger x, BigInteger y)
    {
        const long Exact = 1L << 53;
        if (BigInteger.Abs(x) <= Exact && BigInteger.Abs(y) <= Exact)
            return (double)(long)x / (long)y;
        BigInteger n = BigInteger.Abs(x);
        BigInteger d = BigInteger.Abs(y);
        int shift = (int)(62 - (n.GetBitLength() - d.GetBitLength()));
        BigInteger q = shift >= 0
            ? BigInteger.DivRem(n << shift, d, out BigInteger rest)
            : BigInteger.DivRem(n, d << -shift, out rest);
        ulong bits = (ulong)q | (rest.IsZero ? 0UL : 1UL);
        double value = Math.ScaleB((double)bits, -shift);
        if (double.IsInfinity(value))
        {
            throw new TemplateException(
                TemplateErrorKind.OverflowError, "integer division result too large for a float");
        }

        return x.Sign * y.Sign < 0 ? -value : value;
    }

    private static double Doubles(string op, object? a, object? b)
    {
        double x = Num.Double(a);
        double y = Num.Double(b);
        switch (op)
        {
            case "+":
                return x + y;
            case "-":
                return x - y;
            case "*":
                return x * y;
            case "/":
                return y == 0 ? throw ZeroDivision("float division by zero") : x / y;
            case "**":
                return FloatPower(x, y);
        }

        if (y == 0)
            throw ZeroDivision(op == "%" ? "float modulo" : "float floor division by zero");
        double mod = x % y;
        double div = (x - mod) / y;
        if (mod != 0)
        {
            if ((y < 0) != (mod < 0))
            {
                mod += y;
                div -= 1;
            }
        }
        else
        {
            mod = Math.CopySign(0, y);
        }

        if (op == "%")
            return mod;
        if (div == 0)
            return Math.CopySign(0, x / y);
        double floor = Math.Floor(div);
        return div - floor > 0.5 ? floor + 1 : floor;
    }

    private static double FloatPower(double x, double y)
    {
        if (x == 0 && y < 0)
            throw ZeroDivision("0.0 cannot be raised to a negative power");
        if (x < 0 && double.IsFinite(x) && double.IsFinite(y) && y != Math.Floor(y))
            throw TemplateException.Type("a power with a complex result is not supported");
        double result = Math.Pow(x, y);
        if (double.IsInfinity(result) && double.IsFinite(x) && double.IsFinite(y))
        {
            throw new TemplateException(
                TemplateErrorKind.OverflowError, "(34, 'Numerical result out of range')");
        }

        return result;
    }

    private static object? Concatenate(object? a, object? b)
    {
        if (a is string s && b is string t)
        {
            Budget.ChargeText(s.Length + t.Length);
            return s + t;
        }

        if (a is Markup or string && b is Markup or string)
        {
            string left = a is Markup m ? m.Text : Html.Escape(Ops.Text(a)!);
            string right = b is Markup n ? n.Text : Html.Escape(Ops.Text(b)!);
            Budget.ChargeText(left.Length + right.Length);
            return new Markup(left + right);
        }

        switch (a, b)
        {
            case (TemplateList x, TemplateList y):
                Budget.Charge(x.Items.Count + y.Items.Count);
                return new TemplateList([.. x.Items, .. y.Items]);
            case (TemplateTuple x, TemplateTuple y):
                Budget.Charge(x.Items.Length + y.Items.Length);
                return new TemplateTuple([.. x.Items, .. y.Items]);
            case (TemplateBytes x, TemplateBytes y):
                Budget.ChargeText(x.Data.Length + y.Data.Length);
                return new TemplateBytes([.. x.Data, .. y.Data]);
            default:
                return null;
        }
    }

    private static object? Repeat(object? sequence, object? count)
    {
        int n = Math.Max(0, Num.Index(count));
        switch (sequence)
        {
            case string s:
                return RepeatText(s, n);
            case Markup m:
                return new Markup(RepeatText(m.Text, n));
            case TemplateList list:
                return new TemplateList(RepeatItems(list.Items, n));
            case TemplateTuple tuple:
                return new TemplateTuple([.. RepeatItems(tuple.Items, n)]);
            default:
                return null;
        }
    }

    internal static string RepeatText(string s, int n)
    {
        Budget.ChargeText((long)s.Length * n);
        return new System.Text.StringBuilder(s.Length * n).Insert(0, s, s.Length == 0 ? 0 : n).ToString();
    }

    private static List<object?> RepeatItems(IList<object?> items, int n)
    {
        Budget.Charge((long)items.Count * n);
        var result = new List<object?>(items.Count * n);
        for (int i = 0; i < n && items.Count > 0; i++)
            result.AddRange(items);
        return result;
    }
}
