namespace Engine.Tokenization.Templating;

/// <summary>Looks up "a.b.0" on items, as the attribute arguments of filters do.</summary>
internal sealed class AttributeGetter(
    RenderState state, object? attribute, bool ignoreCase = false, object? fallback = null)
{
    private readonly object?[] _parts = Parts(attribute);

    /// <summary>The parts of a dotted path; numbers index.</summary>
    public static object?[] Parts(object? attribute)
    {
        if (attribute is null)
            return [];
        if (Ops.Text(attribute) is not string path)
            return [attribute];
        return path.Split('.').Select(p => p.Length > 0 && Unicode.Codes(p).All(Unicode.IsDigit)
            ? Num.Parse(p, 10) ?? throw TemplateException.Value(
                $"invalid literal for int() with base 10: {Repr.Quote(p)}")
            : (object?)p).ToArray();
    }

    public object? Get(object? item)
    {
        foreach (object? part in _parts)
        {
            Budget.Charge(1);
            item = Attributes.GetItem(state, item, part);
            if (fallback is not null && item is Undefined)
                item = fallback;
        }

        return ignoreCase ? IgnoreCase(item) : item;
    }

    public static object? IgnoreCase(object? value) =>
        Ops.Text(value) is string s ? StringMethods.Lower(s) : value;
}
