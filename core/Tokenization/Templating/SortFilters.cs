namespace Engine.Tokenization.Templating;

/// <summary>Filters that compare items: sort, unique, min, max, groupby, dictsort.</summary>
internal static class SortFilters
{
    public static void AddTo(Dictionary<string, BuiltinCode> table)
    {
        table["sort"] = Sort;
        table["unique"] = Unique;
        table["min"] = (state, args) => Extreme(state, args, "do_min", max: false);
        table["max"] = (state, args) => Extreme(state, args, "do_max", max: true);
        table["groupby"] = GroupBy;
        table["dictsort"] = DictSort;
    }

    private static bool Flag(object? v) => Filters.Given(v) && Ops.Truth(v);

    private static object? Optional(object? v) => Filters.Given(v) ? v : null;

    private static TemplateList Sort(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_sort", 1, "value", "reverse", "case_sensitive", "attribute");
        bool ignoreCase = !Flag(a[2]);
        object? attribute = Optional(a[3]);
        object?[] paths = Ops.Text(attribute) is string s ? s.Split(',') : [attribute];
        AttributeGetter[] getters = Array.ConvertAll(paths, p => new AttributeGetter(state, p, ignoreCase));
        List<object?> items = Ops.ToList(a[0]);
        return new TemplateList(Comparison.Sort(
            items, item => new TemplateList(getters.Select(g => g.Get(item)).ToList()), Flag(a[1])));
    }

    private static TemplateIterator Unique(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_unique", 1, "value", "case_sensitive", "attribute");
        var getter = new AttributeGetter(state, Optional(a[2]), !Flag(a[1]));
        return new TemplateIterator(Distinct(a[0], getter));
    }

    private static IEnumerable<object?> Distinct(object? value, AttributeGetter getter)
    {
        var seen = new HashSet<DictKey>();
        foreach (object? item in Ops.Iterate(value))
        {
            Budget.Charge(1);
            if (seen.Add(new DictKey(getter.Get(item))))
                yield return item;
        }
    }

    private static object? Extreme(RenderState state, CallArgs args, string name, bool max)
    {
        object?[] a = args.Bind(name, 1, "value", "case_sensitive", "attribute");
        var getter = new AttributeGetter(state, Optional(a[2]), !Flag(a[1]));
        object? best = new Undefined("No aggregated item, sequence was empty.");
        object? bestKey = null;
        bool first = true;
        foreach (object? item in Ops.Iterate(a[0]))
        {
            Budget.Charge(1);
            object? key = getter.Get(item);
            if (first || Comparison.Ordered(max ? ">" : "<", key, bestKey))
            {
                best = item;
                bestKey = key;
            }

            first = false;
        }

        return best;
    }

    private static TemplateList GroupBy(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_groupby", 2, "value", "attribute", "default", "case_sensitive");
        bool ignoreCase = !Flag(a[3]);
        var getter = new AttributeGetter(state, a[1], ignoreCase, Optional(a[2]));
        var output = new AttributeGetter(state, a[1], false, Optional(a[2]));
        List<object?> sorted = Comparison.Sort(Ops.ToList(a[0]), getter.Get, reverse: false);
        var groups = new List<object?>();
        List<object?>? current = null;
        object? currentKey = null;
        foreach (object? item in sorted)
        {
            object? key = getter.Get(item);
            if (current is null || !Ops.AreEqual(key, currentKey))
            {
                current = [];
                currentKey = key;
                groups.Add(new TemplateTuple(output.Get(item), new TemplateList(current)) { IsGroup = true });
            }

            current.Add(item);
        }

        return new TemplateList(groups);
    }

    private static TemplateList DictSort(RenderState state, CallArgs args)
    {
        object?[] a = args.Bind("do_dictsort", 1, "value", "case_sensitive", "by", "reverse");
        string by = Filters.Given(a[2]) ? Ops.Text(a[2]) ?? "" : "key";
        if (by is not ("key" or "value"))
            throw Filters.ArgumentError("You can only sort by either \"key\" or \"value\"");
        if (a[0] is Undefined undefined)
            throw undefined.Fail();
        if (a[0] is not TemplateDict dict)
        {
            throw new TemplateException(
                TemplateErrorKind.AttributeError, $"'{Ops.TypeName(a[0])}' object has no attribute 'items'");
        }

        bool caseSensitive = Flag(a[1]);
        int index = by == "key" ? 0 : 1;
        return new TemplateList(Comparison.Sort(
            Ops.ToList(new DictView(dict, DictViewKind.Items)),
            item =>
            {
                object? part = ((TemplateTuple)item!).Items[index];
                return caseSensitive ? part : AttributeGetter.IgnoreCase(part);
            },
            Flag(a[3])));
    }
}
