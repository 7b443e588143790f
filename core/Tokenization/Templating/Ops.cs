using System.Numerics;

namespace Engine.Tokenization.Templating;

/// <summary>Truth, size, iteration, equality and hashing of values, as Python defines them.</summary>
internal static class Ops
{
    public static string TypeName(object? v)
    {
        return v switch
        {
            null => "NoneType",
            bool => "bool",
            long or BigInteger => "int",
            double => "float",
            string => "str",
            Markup => "Markup",
            Undefined => "Undefined",
            TemplateList => "list",
            TemplateTuple { IsGroup: true } => "_GroupTuple",
            TemplateTuple => "tuple",
            TemplateDict => "dict",
            DictView view => view.Kind switch
            {
                DictViewKind.Keys => "dict_keys",
                DictViewKind.Values => "dict_values",
                _ => "dict_items",
            },
            TemplateRange => "range",
            TemplateIterator it => it.TypeName,
            TemplateBytes => "bytes",
            TemplateNamespace => "Namespace",
            Macro => "Macro",
            LoopContext => "LoopContext",
            Cycler => "Cycler",
            Joiner => "Joiner",
            Builtin b => b.IsType ? "type" : "function",
            BoundMethod => "builtin_function_or_method",
            BlockReference => "BlockReference",
            TemplateReference => "TemplateReference",
            TemplateSlice => "slice",
            _ => "object",
        };
    }

    public static string ObjectName(object? v) => v switch
    {
        null => "None",
        Markup => "markupsafe.Markup object",
        TemplateNamespace or Cycler or Joiner => $"jinja2.utils.{TypeName(v)} object",
        Macro or LoopContext or BlockReference or TemplateReference or Undefined
            => $"jinja2.runtime.{TypeName(v)} object",
        TemplateTuple { IsGroup: true } => "jinja2.filters._GroupTuple object",
        _ => TypeName(v) + " object",
    };

    /// <summary>The text of a str or Markup, or null for anything else.</summary>
    public static string? Text(object? v) => v as string ?? (v as Markup)?.Text;

    public static string Str(object? v) => v switch
    {
        string s => s,
        Markup m => m.Text,
        Undefined => "",
        long n => n.ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => Repr.Of(null, v),
    };

    public static bool Truth(object? v) => v switch
    {
        null or Undefined => false,
        bool b => b,
        string s => s.Length > 0,
        long n => n != 0,
        double d => d != 0,
        BigInteger => true,
        Markup m => m.Text.Length > 0,
        TemplateList l => l.Items.Count > 0,
        TemplateTuple t => t.Items.Length > 0,
        TemplateDict d => d.Count > 0,
        DictView view => view.Dict.Count > 0,
        TemplateRange r => r.Count > 0,
        TemplateBytes b => b.Data.Length > 0,
        LoopContext loop => loop.Length > 0,
        _ => true,
    };

    /// <summary>len(v), or -1 if it has none.</summary>
    public static int TryLen(object? v) => v switch
    {
        string s => Unicode.Length(s),
        Markup m => Unicode.Length(m.Text),
        TemplateList l => l.Items.Count,
        TemplateTuple t => t.Items.Length,
        TemplateDict d => d.Count,
        DictView view => view.Dict.Count,
        TemplateRange r => r.Count,
        TemplateBytes b => b.Data.Length,
        Undefined => 0,
        LoopContext loop => loop.Length,
        _ => -1,
    };

    public static int Len(object? v)
    {
        int n = TryLen(v);
        return n >= 0 ? n : throw TemplateException.Type($"object of type '{TypeName(v)}' has no len()");
    }

    /// <summary>The items of a value, or null if it is not iterable.</summary>
    public static IEnumerable<object?>? TryIterate(object? v) => v switch
    {
        TemplateList l => l.Items,
        TemplateTuple t => t.Items,
        TemplateDict d => new DictView(d, DictViewKind.Keys).Enumerate(),
        string s => Characters(s),
        Markup m => Characters(m.Text),
        Undefined => [],
        DictView view => view.Enumerate(),
        TemplateRange r => r.Enumerate(),
        TemplateIterator it => Rest(it),
        TemplateBytes b => Bytes(b),
        LoopContext loop => loop.Rest(),
        _ => null,
    };

    public static IEnumerable<object?> Iterate(object? v) =>
        TryIterate(v) ?? throw TemplateException.Type($"'{TypeName(v)}' object is not iterable");

    /// <summary>A new list of all items; every item is an operation.</summary>
    public static List<object?> ToList(object? v)
    {
        var list = new List<object?>();
        foreach (object? item in Iterate(v))
        {
            Budget.Charge(1);
            list.Add(item);
        }

        return list;
    }

    private static IEnumerable<object?> Characters(string s)
    {
        for (int i = 0; i < s.Length;)
        {
            int code = Unicode.CodeAt(s, i);
            i += code > 0xFFFF ? 2 : 1;
            yield return Unicode.FromCode(code);
        }
    }

    private static IEnumerable<object?> Bytes(TemplateBytes bytes)
    {
        foreach (byte b in bytes.Data)
            yield return Num.Box(b);
    }

    private static IEnumerable<object?> Rest(TemplateIterator it)
    {
        while (it.MoveNext())
            yield return it.Current;
    }

    public static bool AreEqual(object? a, object? b, int depth = 0)
    {
        if (a is Undefined || b is Undefined)
            return a is Undefined && b is Undefined;
        if (ReferenceEquals(a, b))
            return a is not double.NaN;
        if (Text(a) is string s)
            return Text(b) is string t && s == t;
        if (Num.IsNumber(a))
            return Num.IsNumber(b) && Comparison.Numbers(a, b) == 0;
        Budget.CheckDepth(depth);
        return (a, b) switch
        {
            (TemplateList x, TemplateList y) => ItemsEqual(x.Items, y.Items, depth),
            (TemplateTuple x, TemplateTuple y) => ItemsEqual(x.Items, y.Items, depth),
            (TemplateDict x, TemplateDict y) => DictsEqual(x, y, depth),
            (TemplateBytes x, TemplateBytes y) => x.Data.AsSpan().SequenceEqual(y.Data),
            (TemplateRange x, TemplateRange y) => x.Count == y.Count && (x.Count == 0
                || (x.Start == y.Start && (x.Count == 1 || x.Step == y.Step))),
            (DictView { Kind: not DictViewKind.Values } x, DictView { Kind: not DictViewKind.Values } y)
                => x.Dict.Count == y.Dict.Count && x.Enumerate().All(item => Comparison.Contains(y, item)),
            _ => false,
        };
    }

    private static bool ItemsEqual(IList<object?> a, IList<object?> b, int depth)
    {
        if (a.Count != b.Count)
            return false;
        for (int i = 0; i < a.Count; i++)
        {
            Budget.Charge(1);
            if (!AreEqual(a[i], b[i], depth + 1))
                return false;
        }

        return true;
    }

    private static bool DictsEqual(TemplateDict a, TemplateDict b, int depth)
    {
        if (a.Count != b.Count)
            return false;
        foreach ((object? key, object? value) in a.Entries)
        {
            Budget.Charge(1);
            if (!b.TryGet(key, out object? other) || !AreEqual(value, other, depth + 1))
                return false;
        }

        return true;
    }

    public static int Hash(object? v, int depth)
    {
        switch (v)
        {
            case string s:
                return s.GetHashCode(StringComparison.Ordinal);
            case Markup m:
                return m.Text.GetHashCode(StringComparison.Ordinal);
            case bool b:
                return (b ? 1L : 0L).GetHashCode();
            case double d when d == Math.Floor(d) && !double.IsInfinity(d):
                return Hash(Num.FromDouble(d), depth);
            case TemplateTuple t:
                Budget.CheckDepth(depth);
                Budget.Charge(t.Items.Length);
                var hash = default(HashCode);
                foreach (object? item in t.Items)
                    hash.Add(Hash(item, depth + 1));
                return hash.ToHashCode();
            case Undefined:
                return 1;
            case TemplateList or TemplateDict or DictView or TemplateSlice:
                throw TemplateException.Type($"unhashable type: '{TypeName(v)}'");
            default:
                return v?.GetHashCode() ?? 0;
        }
    }
}
