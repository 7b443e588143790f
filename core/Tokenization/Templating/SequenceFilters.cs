using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>Filters over sequences that neither sort nor select.</summary>
internal static class SequenceFilters
{
    public static void AddTo(Dictionary<string, BuiltinCode> table)
    {
        table["batch"] = Batch;
        table["slice"] = SliceFilter;
        table["first"] = First;
        table["last"] = Last;
        table["random"] = Random;
        table["join"] = Join;
        table["list"] = (_, args) => new TemplateList(Ops.ToList(args.Bind("do_list", 1, "value")[0]));
        table["items"] = Items;
        table["reverse"] = Reverse;
        table["sum"] = Sum;
    }

    private static TemplateIterator Batch(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_batch", 2, "value", "linecount", "fill_with");
        object? fill = Filters.Given(a[2]) ? a[2] : null;
        return new TemplateIterator(Batches(a[0], a[1], fill));
    }

    private static IEnumerable<object?> Batches(object? value, object? size, object? fill)
    {
        var batch = new List<object?>();
        foreach (object? item in Ops.Iterate(value))
        {
            Budget.Charge(1);
            if (Ops.AreEqual(Num.Box((long)batch.Count), size))
            {
                yield return new TemplateList(batch);
                batch = [];
            }

            batch.Add(item);
        }

        if (batch.Count == 0)
            yield break;
        if (fill is not null && Comparison.Less(Num.Box((long)batch.Count), size))
        {
            int missing = Num.Index(size) - batch.Count;
            Budget.Charge(missing);
            batch.AddRange(Enumerable.Repeat(fill, missing));
        }

        yield return new TemplateList(batch);
    }

    private static TemplateIterator SliceFilter(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_slice", 2, "value", "slices", "fill_with");
        return new TemplateIterator(Slices(a[0], a[1], Filters.Given(a[2]) ? a[2] : null));
    }

    private static IEnumerable<object?> Slices(object? value, object? slices, object? fill)
    {
        List<object?> items = Ops.ToList(value);
        _ = Arithmetic.Binary("//", Num.Box((long)items.Count), slices);
        int count = Num.Index(slices);
        int size = count > 0 ? items.Count / count : 0;
        int extra = count > 0 ? items.Count % count : 0;
        int start = 0;
        for (int i = 0; i < count; i++)
        {
            Budget.Charge(1);
            int length = size + (i < extra ? 1 : 0);
            List<object?> part = items.GetRange(start, length);
            start += length;
            if (fill is not null && i >= extra)
                part.Add(fill);
            yield return new TemplateList(part);
        }
    }

    private static object? First(RenderState state, CallArgs args)
    {
        foreach (object? item in Ops.Iterate(args.Bind("do_first", 1, "seq")[0]))
            return item;
        return new Undefined("No first item, sequence was empty.");
    }

    private static object? Last(RenderState state, CallArgs args)
    {
        object? value = args.Bind("do_last", 1, "seq")[0];
        if (value is Undefined)
            return new Undefined("No last item, sequence was empty.");
        foreach (object? item in Reversed(value).Items)
            return item;
        return new Undefined("No last item, sequence was empty.");
    }

    /// <summary>reversed(value): only things with an order and a length have one.</summary>
    private static (IEnumerable<object?> Items, string Type) Reversed(object? value)
    {
        IEnumerable<object?> Backwards(IReadOnlyList<object?> items)
        {
            for (int i = items.Count - 1; i >= 0; i--)
                yield return items[i];
        }

        return value switch
        {
            TemplateList list => (Backwards(list.Items), "list_reverseiterator"),
            TemplateTuple tuple => (Backwards(tuple.Items), "reversed"),
            TemplateDict or DictView or TemplateRange or TemplateBytes or string or Markup => (
                Backwards(Ops.ToList(value)),
                value is TemplateDict ? "dict_reversekeyiterator" : value is TemplateRange
                    ? "range_iterator" : "reversed"),
            _ => throw TemplateException.Type($"'{Ops.TypeName(value)}' object is not reversible"),
        };
    }

    private static object? Reverse(RenderState state, CallArgs args)
    {
        object? value = args.Bind("do_reverse", 1, "value")[0];
        if (Ops.Text(value) is not null)
            return Slice.Apply(value, null, null, Num.Box(-1));
        if (value is TemplateIterator or LoopContext)
        {
            List<object?> items = Ops.ToList(value);
            items.Reverse();
            return new TemplateList(items);
        }

        if (value is Undefined)
            return new TemplateIterator([], "reversed");
        if (Ops.TryIterate(value) is null)
            throw Filters.ArgumentError("argument must be iterable");
        (IEnumerable<object?> reversed, string type) = Reversed(value);
        return new TemplateIterator(reversed, type);
    }

    private static object? Random(RenderState state, CallArgs args)
    {
        object? value = args.Bind("do_random", 1, "seq")[0];
        int length = Ops.Len(value);
        if (length == 0)
            return new Undefined("No random item, sequence was empty.");
        return Attributes.GetItem(state, value, Num.Box((long)System.Random.Shared.Next(length)));
    }

    private static object? Join(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_join", 1, "value", "d", "attribute");
        object? separator = Filters.Given(a[1]) ? a[1] : "";
        IEnumerable<object?> items = Ops.Iterate(a[0]);
        if (Filters.Given(a[2]) && a[2] is not null)
        {
            var getter = new AttributeGetter(state, a[2]);
            items = items.Select(getter.Get);
        }

        if (state.AutoEscape)
            return JoinEscaped(separator, items);
        string between = Ops.Str(separator);
        var sb = new StringBuilder();
        bool first = true;
        foreach (object? item in items)
        {
            string text = Ops.Str(item);
            Budget.ChargeText(text.Length + between.Length);
            if (!first)
                sb.Append(between);
            first = false;
            sb.Append(text);
        }

        return sb.ToString();
    }

    private static object JoinEscaped(object? separator, IEnumerable<object?> items)
    {
        List<object?> list = [];
        foreach (object? item in items)
        {
            Budget.Charge(1);
            list.Add(item);
        }

        bool markup = separator is Markup || list.Exists(i => i is Markup);
        if (!markup)
            return string.Join(Ops.Str(separator), list.ConvertAll(Ops.Str));
        return new Markup(string.Join(
            Html.EscapeValue(separator).Text, list.ConvertAll(i => Html.EscapeValue(i).Text)));
    }

    private static TemplateIterator Items(RenderState state, CallArgs args)
    {
        object? value = args.Bind("do_items", 1, "value")[0];
        return new TemplateIterator(ItemsOf(value));
    }

    private static IEnumerable<object?> ItemsOf(object? value)
    {
        if (value is Undefined)
            yield break;
        if (value is not TemplateDict dict)
            throw TemplateException.Type("Can only get item pairs from a mapping.");
        foreach (object? item in new DictView(dict, DictViewKind.Items).Enumerate())
            yield return item;
    }

    private static object? Sum(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_sum", 1, "iterable", "attribute", "start");
        object? total = Filters.Given(a[2]) ? a[2] : Num.Box(0);
        if (total is string or Markup)
            throw TemplateException.Type("sum() can't sum strings [use ''.join(seq) instead]");
        AttributeGetter? getter = Filters.Given(a[1]) && a[1] is not null ? new AttributeGetter(state, a[1]) : null;
        foreach (object? item in Ops.Iterate(a[0]))
        {
            Budget.Charge(1);
            total = Arithmetic.Binary("+", total, getter is null ? item : getter.Get(item));
        }

        return total;
    }
}
