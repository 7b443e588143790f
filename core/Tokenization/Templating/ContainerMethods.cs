using System.Globalization;
using System.Numerics;

namespace Engine.Tokenization.Templating;

/// <summary>Attributes of everything but strings. Null means that there is no such attribute.</summary>
internal static class ContainerMethods
{
    private static BoundMethod Method(object? self, string name, int min, int max, Func<object?[], object?> code) =>
        new(self, name, (_, args) => code(args.Plain(name, min, max)));

    public static object? Dict(TemplateDict dict, string name) => name switch
    {
        "items" => Method(dict, name, 0, 0, _ => new DictView(dict, DictViewKind.Items)),
        "keys" => Method(dict, name, 0, 0, _ => new DictView(dict, DictViewKind.Keys)),
        "values" => Method(dict, name, 0, 0, _ => new DictView(dict, DictViewKind.Values)),
        "get" => Method(dict, name, 1, 2, a =>
            dict.TryGet(a[0], out object? v) ? v : a.Length > 1 ? a[1] : null),
        "copy" => Method(dict, name, 0, 0, _ => dict),
        "fromkeys" => Method(dict, name, 1, 2, FromKeys),
        _ => null,
    };

    public static TemplateDict FromKeys(object?[] a)
    {
        var result = new TemplateDict();
        foreach (object? key in Ops.ToList(a[0]))
            result.Set(key, a.Length > 1 ? a[1] : null);
        return result;
    }

    public static object? List(TemplateList list, string name) =>
        name == "copy" ? Method(list, name, 0, 0, _ => list) : Sequence(list, list.Items, name);

    public static object? Tuple(TemplateTuple tuple, string name)
    {
        if (tuple.IsGroup && name is "grouper" or "list")
            return tuple.Items[name == "grouper" ? 0 : 1] ?? Attributes.NoneFound;
        return Sequence(tuple, tuple.Items, name);
    }

    private static BoundMethod? Sequence(object self, IList<object?> items, string name) => name switch
    {
        "count" => Method(self, name, 1, 1, a => Num.Box(Count(items, a[0]))),
        "index" => Method(self, name, 1, 3, a => Num.Box(IndexOf(self, items, a))),
        _ => null,
    };

    private static int Count(IList<object?> items, object? wanted)
    {
        Budget.Charge(items.Count);
        return items.Count(item => Ops.AreEqual(item, wanted));
    }

    private static int IndexOf(object self, IList<object?> items, object?[] a)
    {
        int start = a.Length > 1 ? Slice.Index(a[1]) : 0;
        int stop = a.Length > 2 ? Slice.Index(a[2]) : items.Count;
        start = Math.Max(0, start < 0 ? start + items.Count : start);
        stop = Math.Min(items.Count, stop < 0 ? stop + items.Count : stop);
        for (int i = start; i < stop; i++)
        {
            Budget.Charge(1);
            if (Ops.AreEqual(items[i], a[0]))
                return i;
        }

        throw TemplateException.Value(self is TemplateList
            ? $"{Repr.Of(null, a[0])} is not in list"
            : "tuple.index(x): x not in tuple");
    }

    public static object? Other(object obj, string name) => obj switch
    {
        long or bool or BigInteger => Integer(Num.Big(obj), name),
        double d => Float(d, name),
        DictView view => View(view, name),
        TemplateRange range => Range(range, name),
        TemplateBytes bytes => Bytes(bytes, name),
        Cycler cycler => CyclerAttribute(cycler, name),
        Joiner joiner => name switch
        {
            "sep" => joiner.Separator ?? Attributes.NoneFound,
            "used" => Num.Box(joiner.Used),
            _ => null,
        },
        BlockReference block => block.Attribute(name),
        Builtin { IsType: true, Name: "dict" } => name == "fromkeys"
            ? Method(obj, name, 1, 2, FromKeys)
            : null,
        _ => null,
    };

    private static object? CyclerAttribute(Cycler cycler, string name) => name switch
    {
        "next" => Method(cycler, name, 0, 0, _ => cycler.Next()),
        "reset" => Method(cycler, name, 0, 0, _ =>
        {
            cycler.Reset();
            return null;
        }),
        "current" => cycler.Current ?? Attributes.NoneFound,
        "items" => new TemplateTuple(cycler.Items),
        "pos" => Num.Box(cycler.Position),
        _ => null,
    };

    private static object? Integer(BigInteger n, string name) => name switch
    {
        "real" or "numerator" => Num.Box(n),
        "imag" => Num.Box(0),
        "denominator" => Num.Box(1),
        "conjugate" => Method(Num.Box(n), name, 0, 0, _ => Num.Box(n)),
        "bit_length" => Method(Num.Box(n), name, 0, 0, _ => Num.Box(BitLength(n))),
        "bit_count" => Method(Num.Box(n), name, 0, 0, _ => Num.Box(
            BigInteger.Abs(n).ToByteArray().Sum(b => BitOperations.PopCount(b)))),
        "as_integer_ratio" => Method(Num.Box(n), name, 0, 0, _ =>
            new TemplateTuple(Num.Box(n), Num.Box(1))),
        _ => null,
    };

    private static long BitLength(BigInteger n)
    {
        BigInteger magnitude = BigInteger.Abs(n);
        return magnitude.IsZero ? 0 : magnitude.GetBitLength();
    }

    private static object? Float(double d, string name) => name switch
    {
        "real" => d,
        "imag" => 0.0,
        "conjugate" => Method(d, name, 0, 0, _ => d),
        "is_integer" => Method(d, name, 0, 0, _ => Num.Box(double.IsFinite(d) && d == Math.Floor(d))),
        "as_integer_ratio" => Method(d, name, 0, 0, _ => Ratio(d)),
        "hex" => Method(d, name, 0, 0, _ => Hex(d)),
        _ => null,
    };

    private static TemplateTuple Ratio(double d)
    {
        _ = Num.FromDouble(d);
        int shift = 0;
        for (; d != Math.Floor(d) && shift < 1074; shift++)
            d *= 2;
        return new TemplateTuple(Num.FromDouble(d), Num.Box(BigInteger.One << shift));
    }

    private static string Hex(double d)
    {
        if (!double.IsFinite(d))
            return FloatFormat.Special(d);
        long bits = BitConverter.DoubleToInt64Bits(d);
        int exponent = (int)((bits >> 52) & 0x7FF);
        string sign = bits < 0 ? "-" : "";
        if (d == 0)
            return sign + "0x0.0p+0";
        int power = exponent == 0 ? -1022 : exponent - 1023;
        string mantissa = (bits & 0xFFFFFFFFFFFFFL).ToString("x13", CultureInfo.InvariantCulture);
        return string.Create(
            CultureInfo.InvariantCulture, $"{sign}0x{(exponent == 0 ? 0 : 1)}.{mantissa}p{power:+0;-0}");
    }

    private static BoundMethod? View(DictView view, string name) => name switch
    {
        "isdisjoint" when view.Kind != DictViewKind.Values => Method(view, name, 1, 1, a =>
            Num.Box(!Ops.ToList(a[0]).Exists(item => Comparison.Contains(view, item)))),
        _ => null,
    };

    private static object? Range(TemplateRange range, string name) => name switch
    {
        "start" => Num.Box(range.Start),
        "stop" => Num.Box(range.Stop),
        "step" => Num.Box(range.Step),
        "count" => Method(range, name, 1, 1, a => Num.Box(Comparison.Contains(range, a[0]) ? 1L : 0L)),
        "index" => Method(range, name, 1, 1, a => Comparison.Contains(range, a[0]) && Num.TryLong(a[0], out long n)
            ? Num.Box((n - range.Start) / range.Step)
            : throw TemplateException.Value($"{Repr.Of(null, a[0])} is not in range")),
        _ => null,
    };

    private static BoundMethod? Bytes(TemplateBytes bytes, string name) => name switch
    {
        "decode" => new BoundMethod(bytes, name, (_, args) => StringConvert.Decode(bytes, args)),
        "hex" => Method(bytes, name, 0, 0, _ => Convert.ToHexStringLower(bytes.Data)),
        _ => null,
    };
}
