using System.Collections.Frozen;

namespace Engine.Tokenization.Templating;

/// <summary>The functions that every chat template may call.</summary>
internal static class Globals
{
    private const int RangeMax = 100_000;

    public static readonly FrozenDictionary<string, Builtin> Table = new Builtin[]
    {
        new("range", Range),
        new("dict", Dict, IsType: true),
        new("namespace", Namespace, IsType: true),
        new("cycler", (_, args) => NewCycler(args), IsType: true),
        new("joiner", (_, args) => NewJoiner(args), IsType: true),
        new("lipsum", Lipsum.Generate),
        new("raise_exception", RaiseException),
        new("strftime_now", StrftimeNow),
    }.ToFrozenDictionary(b => b.Name);

    private static TemplateRange Range(RenderState state, CallArgs args)
    {
        object?[] a = args.Plain("range", 1, 3);
        foreach (object? v in a)
            _ = Num.Index(v);
        if (a.Length == 3 && Num.Big(a[2]).IsZero)
            throw TemplateException.Value("range() arg 3 must not be zero");
        var tooBig = new TemplateException(
            TemplateErrorKind.OverflowError,
            $"Range too big. The sandbox blocks ranges larger than MAX_RANGE ({RangeMax}).");
        long start = a.Length == 1 ? 0 : Bound(a[0], tooBig);
        long stop = Bound(a[a.Length == 1 ? 0 : 1], tooBig);
        long step = a.Length == 3 ? Bound(a[2], tooBig) : 1;
        Int128 span = step > 0 ? (Int128)stop - start : (Int128)start - stop;
        Int128 size = step > 0 ? step : -(Int128)step;
        return span > 0 && (span + size - 1) / size > RangeMax
            ? throw tooBig
            : new TemplateRange(start, stop, step);
    }

    private static long Bound(object? v, TemplateException tooBig) =>
        Num.TryLong(v, out long n) ? n : throw tooBig;

    private static TemplateDict Dict(RenderState state, CallArgs args) => MakeDict(args);

    private static TemplateDict MakeDict(CallArgs args)
    {
        if (args.Positional.Length > 1)
            throw TemplateException.Type($"dict expected at most 1 argument, got {args.Positional.Length}");
        var dict = new TemplateDict();
        if (args.Positional.Length == 1)
            AddAll(dict, args.Positional[0]);
        foreach ((string key, object? value) in args.Keywords ?? [])
            dict.Set(key, value);
        return dict;
    }

    private static void AddAll(TemplateDict dict, object? source)
    {
        if (source is TemplateDict other)
        {
            Budget.Charge(other.Count);
            foreach ((object? key, object? value) in other.Entries)
                dict.Set(key, value);
            return;
        }

        int index = 0;
        foreach (object? item in Ops.Iterate(source))
        {
            Budget.Charge(1);
            List<object?> pair = Ops.ToList(Ops.TryIterate(item) is not null ? item : throw TemplateException.Type(
                $"cannot convert dictionary update sequence element #{index} to a sequence"));
            if (pair.Count != 2)
            {
                throw TemplateException.Value(
                    $"dictionary update sequence element #{index} has length {pair.Count}; 2 is required");
            }

            dict.Set(pair[0], pair[1]);
            index++;
        }
    }

    private static TemplateNamespace Namespace(RenderState state, CallArgs args)
    {
        var ns = new TemplateNamespace();
        foreach ((object? key, object? value) in MakeDict(args).Entries)
        {
            if (Ops.Text(key) is string name)
                ns.Set(name, value);
            else
                ns.Attributes.Set(key, value);
        }

        return ns;
    }

    private static Cycler NewCycler(CallArgs args)
    {
        if (args.KeywordCount > 0)
            throw TemplateException.Type("cycler() got an unexpected keyword argument");
        return args.Positional.Length > 0
            ? new Cycler(args.Positional)
            : throw new TemplateException(
                TemplateErrorKind.RuntimeError, "at least one item has to be provided");
    }

    private static Joiner NewJoiner(CallArgs args)
    {
        object?[] a = args.Bind("joiner", 0, "sep");
        return new Joiner(Filters.Given(a[0]) ? a[0] : ", ");
    }

    private static object? RaiseException(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("raise_exception", 1, "message");
        throw new TemplateException(TemplateErrorKind.TemplateError, Ops.Str(a[0]));
    }

    private static string StrftimeNow(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("strftime_now", 1, "format");
        string format = Ops.Text(a[0]) ?? throw TemplateException.Type(
            $"strftime() argument 1 must be str, not {Ops.TypeName(a[0])}");
        return Strftime.Format(state.Now ?? DateTime.Now, format);
    }
}
