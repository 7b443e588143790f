using System.Collections.Frozen;
using System.Numerics;

namespace Engine.Tokenization.Templating;

/// <summary>The tests that follow "is".</summary>
internal static class Tests
{
    public static readonly FrozenDictionary<string, BuiltinCode> Table = Build().ToFrozenDictionary();

    private static Dictionary<string, BuiltinCode> Build()
    {
        var table = new Dictionary<string, BuiltinCode>();
        void One(string name, Func<object?, bool> code) =>
            table[name] = (_, args) => Num.Box(code(args.Bind("test_" + name, 1, "value")[0]));
        void Two(string parameter, Func<object?, object?, bool> code, params ReadOnlySpan<string> names)
        {
            foreach (string name in names)
            {
                table[name] = (_, args) =>
                {
                    object?[] a = args.Bind("test_" + name, 2, "value", parameter);
                    return Num.Box(code(a[0], a[1]));
                };
            }
        }

        One("odd", v => Modulo(v, 2, 1));
        One("even", v => Modulo(v, 2, 0));
        One("defined", v => v is not Undefined);
        One("undefined", v => v is Undefined);
        One("none", v => v is null);
        One("boolean", v => v is bool);
        One("true", v => v is true);
        One("false", v => v is false);
        One("integer", v => v is long or BigInteger);
        One("float", v => v is double);
        One("number", Num.IsNumber);
        One("string", v => v is string or Markup);
        One("lower", v => StringMethods.IsLower(Ops.Str(v)));
        One("upper", v => StringMethods.IsUpper(Ops.Str(v)));
        One("mapping", v => v is TemplateDict);
        One("sequence", v => v is string or Markup or TemplateList or TemplateTuple or TemplateDict
            or TemplateRange or TemplateBytes or Undefined);
        One("iterable", v => Ops.TryIterate(v) is not null);
        One("callable", Calls.IsCallable);
        One("escaped", v => v is Markup);
        One("filter", v => IsIn(Filters.Table, v));
        One("test", v => IsIn(Table!, v));
        Two("num", (v, n) => Ops.AreEqual(Arithmetic.Binary("%", v, n), Num.Box(0)), "divisibleby");
        Two("other", SameAs, "sameas");
        Two("seq", (v, seq) => Comparison.Contains(seq, v), "in");
        Two("other", (a, b) => Ops.AreEqual(a, b), "eq", "==", "equalto");
        Two("other", (a, b) => !Ops.AreEqual(a, b), "ne", "!=");
        Two("other", (a, b) => Comparison.Ordered(">", a, b), "gt", ">", "greaterthan");
        Two("other", (a, b) => Comparison.Ordered(">=", a, b), "ge", ">=");
        Two("other", (a, b) => Comparison.Ordered("<", a, b), "lt", "<", "lessthan");
        Two("other", (a, b) => Comparison.Ordered("<=", a, b), "le", "<=");
        return table;
    }

    private static bool Modulo(object? v, long n, long wanted) =>
        Ops.AreEqual(Arithmetic.Binary("%", v, Num.Box(n)), Num.Box(wanted));

    private static bool IsIn(FrozenDictionary<string, BuiltinCode> table, object? name)
    {
        _ = Ops.Hash(name, 0);
        return Ops.Text(name) is string text && table.ContainsKey(text);
    }

    /// <summary>Identity; small integers and short strings are shared in Python.</summary>
    private static bool SameAs(object? a, object? b)
    {
        if (ReferenceEquals(a, b))
            return true;
        return (a, b) switch
        {
            (bool x, bool y) => x == y,
            (long x, long y) => x == y && x is >= -5 and <= 256,
            (string x, string y) => x == y && x.Length <= 1,
            (TemplateTuple { Items.Length: 0 }, TemplateTuple { Items.Length: 0 }) => true,
            _ => false,
        };
    }
}
