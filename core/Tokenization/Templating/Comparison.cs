using System.Numerics;

namespace Engine.Tokenization.Templating;

/// <summary>Order and membership.</summary>
internal static class Comparison
{
    private const int Unordered = 2;

    /// <summary>-1, 0 or 1; 2 if one of them is not a number.</summary>
    public static int Numbers(object? a, object? b)
    {
        if (Num.TryLong(a, out long x) && Num.TryLong(b, out long y))
            return x.CompareTo(y);
        if (a is double || b is double)
        {
            double da = a is double d1 ? d1 : 0;
            double db = b is double d2 ? d2 : 0;
            if (double.IsNaN(da) || double.IsNaN(db))
                return Unordered;
            if (a is double && b is double)
                return da.CompareTo(db);
            return a is double ? -IntToDouble(b, da) : IntToDouble(a, db);
        }

        return Num.Big(a).CompareTo(Num.Big(b));
    }

    private static int IntToDouble(object? integer, double d)
    {
        if (double.IsInfinity(d))
            return d > 0 ? -1 : 1;
        double floor = Math.Floor(d);
        int order = Num.Big(integer).CompareTo(new BigInteger(floor));
        return order != 0 ? order : floor < d ? -1 : 0;
    }

    public static bool Less(object? a, object? b) => Ordered("<", a, b, 0);

    /// <summary>a op b for an ordering operator.</summary>
    public static bool Ordered(string op, object? a, object? b, int depth = 0)
    {
        if (Num.IsNumber(a) && Num.IsNumber(b))
            return Holds(op, Numbers(a, b));
        if (Ops.Text(a) is string s && Ops.Text(b) is string t)
            return Holds(op, Math.Sign(Texts(s, t)));
        if ((a as Undefined ?? b as Undefined) is Undefined undefined)
            throw undefined.Fail();
        Budget.CheckDepth(depth);
        return (a, b) switch
        {
            (TemplateList x, TemplateList y) => Sequences(op, x.Items, y.Items, depth),
            (TemplateTuple x, TemplateTuple y) => Sequences(op, x.Items, y.Items, depth),
            (DictView { Kind: not DictViewKind.Values } x, DictView { Kind: not DictViewKind.Values } y)
                => op[0] == '<' ? IsSubset(x, y, op.Length == 1) : IsSubset(y, x, op.Length == 1),
            (TemplateBytes x, TemplateBytes y) => Holds(op, Math.Sign(x.Data.AsSpan().SequenceCompareTo(y.Data))),
            _ => throw TemplateException.Type(
                $"'{op}' not supported between instances of '{Ops.TypeName(a)}' and '{Ops.TypeName(b)}'"),
        };
    }

    /// <summary>Compares by code point, which differs from UTF-16 order above the surrogates.</summary>
    private static int Texts(string a, string b)
    {
        int n = a.AsSpan().CommonPrefixLength(b);
        if (n == a.Length || n == b.Length)
            return a.Length.CompareTo(b.Length);
        char x = a[n];
        char y = b[n];
        return char.IsSurrogate(x) == char.IsSurrogate(y)
            ? x.CompareTo(y)
            : char.IsSurrogate(x) ? 1 : -1;
    }

    private static bool Holds(string op, int order) => order != Unordered && op switch
    {
        "<" => order < 0,
        "<=" => order <= 0,
        ">" => order > 0,
        _ => order >= 0,
    };

    private static bool Sequences(string op, IList<object?> a, IList<object?> b, int depth)
    {
        int shared = Math.Min(a.Count, b.Count);
        for (int i = 0; i < shared; i++)
        {
            Budget.Charge(1);
            if (!Ops.AreEqual(a[i], b[i], depth + 1))
                return Ordered(op, a[i], b[i], depth + 1);
        }

        return Holds(op, a.Count.CompareTo(b.Count));
    }

    private static bool IsSubset(DictView a, DictView b, bool proper)
    {
        Budget.Charge(a.Dict.Count);
        return (proper ? a.Dict.Count < b.Dict.Count : a.Dict.Count <= b.Dict.Count)
            && a.Enumerate().All(item => Contains(b, item));
    }

    /// <summary>item in container.</summary>
    public static bool Contains(object? container, object? item)
    {
        if (Ops.Text(container) is string text)
        {
            string part = Ops.Text(item) ?? throw TemplateException.Type(
                $"'in <string>' requires string as left operand, not {Ops.TypeName(item)}");
            Budget.ChargeText(text.Length);
            return text.Contains(part, StringComparison.Ordinal);
        }

        switch (container)
        {
            case TemplateDict dict:
                return dict.TryGet(item, out _);
            case DictView { Kind: DictViewKind.Keys } keys:
                return keys.Dict.TryGet(item, out _);
            case DictView { Kind: DictViewKind.Items } items:
                return item is TemplateTuple { Items: [var key, var value] }
                    && items.Dict.TryGet(key, out object? found) && Ops.AreEqual(found, value);
            case TemplateRange range when Num.TryLong(item, out long n):
                return n >= Math.Min(range.Start, range.Stop) && range.Count > 0
                    && (n - range.Start) % range.Step == 0
                    && (range.Step > 0 ? n >= range.Start && n < range.Stop
                        : n <= range.Start && n > range.Stop);
        }

        foreach (object? candidate in Ops.TryIterate(container)
            ?? throw TemplateException.Type($"argument of type '{Ops.TypeName(container)}' is not iterable"))
        {
            Budget.Charge(1);
            if (Ops.AreEqual(candidate, item))
                return true;
        }

        return false;
    }

    /// <summary>Stable sort by precomputed keys; only ever asks whether one key is less than another.</summary>
    public static List<object?> Sort(List<object?> items, Func<object?, object?> key, bool reverse)
    {
        var pairs = new KeyValuePair<object?, object?>[items.Count];
        for (int i = 0; i < pairs.Length; i++)
            pairs[i] = new(key(items[i]), items[i]);
        if (reverse)
            Array.Reverse(pairs);
        MergeSort(pairs, new KeyValuePair<object?, object?>[pairs.Length], 0, pairs.Length);
        if (reverse)
            Array.Reverse(pairs);
        return pairs.Select(p => p.Value).ToList();
    }

    private static void MergeSort(
        KeyValuePair<object?, object?>[] a, KeyValuePair<object?, object?>[] spare, int from, int to)
    {
        if (to - from < 2)
            return;
        int mid = (from + to) / 2;
        MergeSort(a, spare, from, mid);
        MergeSort(a, spare, mid, to);
        Array.Copy(a, from, spare, from, to - from);
        for (int i = from, l = from, r = mid; i < to; i++)
        {
            Budget.Charge(1);
            bool right = l >= mid || (r < to && Less(spare[r].Key, spare[l].Key));
            a[i] = right ? spare[r++] : spare[l++];
        }
    }
}
