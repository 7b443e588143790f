using System.Collections.Frozen;
using System.Numerics;

namespace Engine.Tokenization.Templating;

/// <summary>The filters by name, and the simple ones.</summary>
internal static class Filters
{
    public static readonly FrozenDictionary<string, BuiltinCode> Table = Build().ToFrozenDictionary();

    private static Dictionary<string, BuiltinCode> Build()
    {
        var table = new Dictionary<string, BuiltinCode>
        {
            ["abs"] = Abs,
            ["attr"] = Attr,
            ["default"] = Default,
            ["d"] = Default,
            ["float"] = Float,
            ["int"] = Int,
            ["round"] = Round,
            ["length"] = (_, args) => Num.Box((long)Ops.Len(args.Plain("len", 1, 1)[0])),
            ["count"] = (_, args) => Num.Box((long)Ops.Len(args.Plain("len", 1, 1)[0])),
            ["string"] = (_, args) => SoftText(args.Bind("soft_str", 1, "s")[0]),
            ["safe"] = (_, args) => args.Bind("do_mark_safe", 1, "value")[0] is var v && v is Markup
                ? v : new Markup(Ops.Str(v)),
            ["e"] = (_, args) => Html.EscapeValue(args.Plain("escape", 1, 1)[0]),
            ["escape"] = (_, args) => Html.EscapeValue(args.Plain("escape", 1, 1)[0]),
            ["forceescape"] = (_, args) =>
                new Markup(Html.Escape(Ops.Str(args.Bind("do_forceescape", 1, "value")[0]))),
            ["filesizeformat"] = FileSize,
            ["tojson"] = JsonFilter.ToJson,
            ["pprint"] = (_, args) => PrettyPrint.Format(args.Bind("do_pprint", 1, "value")[0]),
        };
        TextFilters.AddTo(table);
        SequenceFilters.AddTo(table);
        SelectionFilters.AddTo(table);
        SortFilters.AddTo(table);
        WebFilters.AddTo(table);
        return table;
    }

    /// <summary>soft_str: text stays what it is, anything else is printed.</summary>
    public static object SoftText(object? v) => v is string or Markup ? v : Ops.Str(v);

    public static TemplateException ArgumentError(string message) =>
        new(TemplateErrorKind.FilterArgumentError, message);

    public static bool Given(object? v) => !ReferenceEquals(v, CallArgs.Missing);

    private static object? Abs(RenderState state, CallArgs args)
    {
        object? v = args.Plain("abs", 1, 1)[0];
        return v switch
        {
            double d => Math.Abs(d),
            _ when Num.IsInt(v) => Num.Box(BigInteger.Abs(Num.Big(v))),
            _ => throw TemplateException.Type($"bad operand type for abs(): '{Ops.TypeName(v)}'"),
        };
    }

    private static object? Attr(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_attr", 2, "obj", "name");
        string name = Ops.Text(a[1])
            ?? throw TemplateException.Type("attribute name must be string, not " + Ops.TypeName(a[1]));
        if (a[0] is Undefined undefined && !PrivateNames.Has(undefined, name))
            throw undefined.Fail();
        return Attributes.TryAttribute(a[0], name, out object? value) ? value : Undefined.Member(a[0], name);
    }

    private static object? Default(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_default", 1, "value", "default_value", "boolean");
        bool replace = a[0] is Undefined || (Given(a[2]) && Ops.Truth(a[2]) && !Ops.Truth(a[0]));
        return replace ? (Given(a[1]) ? a[1] : "") : a[0];
    }

    private static object? Float(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_float", 1, "value", "default");
        object? fallback = Given(a[1]) ? a[1] : 0.0;
        if (a[0] is Undefined undefined)
            throw undefined.Fail();
        if (Num.IsNumber(a[0]))
            return Num.Double(a[0]);
        return Ops.Text(a[0]) is string s && ParseFloat(s) is double d ? d : fallback;
    }

    /// <summary>float(text) of Python, or null.</summary>
    public static double? ParseFloat(string text)
    {
        string s = Unicode.TrimStart(Unicode.TrimEnd(text));
        string body = s.TrimStart('+', '-').ToLowerInvariant();
        if (body.Length < s.Length - 1)
            return null;
        double sign = s.StartsWith('-') ? -1 : 1;
        if (body is "inf" or "infinity")
            return sign * double.PositiveInfinity;
        if (body == "nan")
            return double.NaN;
        for (int i = 0; i < body.Length; i++)
        {
            bool between = i > 0 && i + 1 < body.Length && char.IsAsciiDigit(body[i - 1])
                && char.IsAsciiDigit(body[i + 1]);
            if (body[i] == '_' && !between)
                return null;
        }

        const System.Globalization.NumberStyles Style = System.Globalization.NumberStyles.AllowDecimalPoint
            | System.Globalization.NumberStyles.AllowExponent;
        return double.TryParse(
            body.Replace("_", "", StringComparison.Ordinal), Style,
            System.Globalization.CultureInfo.InvariantCulture, out double d) ? sign * d : null;
    }

    private static object? Int(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_int", 1, "value", "default", "base");
        object? fallback = Given(a[1]) ? a[1] : Num.Box(0);
        int radix = Given(a[2]) ? Num.Index(a[2]) : 10;
        switch (a[0])
        {
            case Undefined undefined:
                throw undefined.Fail();
            case double d:
                return double.IsNaN(d) ? fallback : Num.FromDouble(d);
            case var v when Num.IsInt(v):
                return Num.Box(Num.Big(v));
        }

        if (Ops.Text(a[0]) is not string s)
            return fallback;
        bool badRadix = radix != 0 && radix is < 2 or > 36;
        if (!badRadix && TryParseInt(s, radix) is object n)
            return n;
        return ParseFloat(s) is double f && double.IsFinite(f) ? Num.FromDouble(f) : fallback;
    }

    private static object? TryParseInt(string s, int radix)
    {
        try
        {
            return Num.Parse(s, radix);
        }
        catch (TemplateException e) when (e.Kind == TemplateErrorKind.ValueError)
        {
            return null;
        }
    }

    private static object? Round(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_round", 1, "value", "precision", "method");
        string method = Given(a[2]) ? Ops.Text(a[2]) ?? "" : "common";
        if (method is not ("common" or "ceil" or "floor"))
            throw ArgumentError("method must be common, ceil or floor");
        object? precision = Given(a[1]) ? a[1] : Num.Box(0);
        object? value = a[0];
        if (method == "common")
            return RoundCommon(value, precision);
        object? scale = Arithmetic.Binary("**", Num.Box(10), precision);
        object? scaled = Arithmetic.Binary("*", value, scale);
        if (!Num.IsNumber(scaled))
            throw TemplateException.Type("must be real number, not " + Ops.TypeName(scaled));
        object? whole = scaled is double d
            ? Num.FromDouble(method == "ceil" ? Math.Ceiling(d) : Math.Floor(d))
            : scaled;
        return Arithmetic.Binary("/", whole, scale);
    }

    private static object? RoundCommon(object? value, object? precision)
    {
        if (value is double d)
            return precision is null ? Num.FromDouble(Math.Round(d)) : FloatFormat.Round(d, Num.Index(precision));
        if (!Num.IsInt(value))
            throw TemplateException.Type($"type {Ops.TypeName(value)} doesn't define __round__ method");
        int digits = precision is null ? 0 : Num.Index(precision);
        if (digits >= 0)
            return Num.Box(Num.Big(value));
        if (digits < -5000)
            return Num.Box(0);
        BigInteger unit = BigInteger.Pow(10, -digits);
        BigInteger quotient = BigInteger.DivRem(BigInteger.Abs(Num.Big(value)), unit, out BigInteger rest);
        int half = (rest * 2).CompareTo(unit);
        if (half > 0 || (half == 0 && !quotient.IsEven))
            quotient++;
        return Num.Box(quotient * unit * Num.Big(value).Sign);
    }

    private static string FileSize(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_filesizeformat", 1, "value", "binary");
        bool binary = Given(a[1]) && Ops.Truth(a[1]);
        if (a[0] is Undefined undefined)
            throw undefined.Fail();
        double bytes = Num.IsNumber(a[0]) ? Num.Double(a[0])
            : Ops.Text(a[0]) is string s ? ParseFloat(s)
                ?? throw TemplateException.Value($"could not convert string to float: {Repr.Quote(s)}")
            : throw TemplateException.Type("float() argument must be a string or a real number, not "
                + $"'{Ops.TypeName(a[0])}'");
        double unit = binary ? 1024 : 1000;
        if (bytes == 1)
            return "1 Byte";
        if (bytes < unit)
            return Ops.Str(Num.FromDouble(bytes)) + " Bytes";
        double scale = unit;
        string prefixes = "kMGTPEZY";
        for (int i = 0; ; i++, scale *= unit)
        {
            if (bytes < scale * unit || i == prefixes.Length - 1)
            {
                string number = FormatSpec.Float(unit * bytes / (scale * unit), 'f', 1, false, '-');
                return number + " " + (binary ? char.ToUpperInvariant(prefixes[i]) + "iB" : prefixes[i] + "B");
            }
        }
    }
}
