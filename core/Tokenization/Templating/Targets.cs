namespace Engine.Tokenization.Templating;

/// <summary>Assignment to names, tuples of names and namespace attributes.</summary>
internal static class Targets
{
    public static void Assign(Expr target, Activation a, object? value)
    {
        switch (target)
        {
            case NameExpr name:
                name.Assign(a, value);
                break;
            case NamespaceTarget ns:
                ((TemplateNamespace)ns.Namespace.Raw(a)!).Set(ns.Attribute, value);
                break;
            default:
                Unpack((TupleExpr)target, a, value);
                break;
        }
    }

    private static void Unpack(TupleExpr target, Activation a, object? value)
    {
        IEnumerable<object?> items = Ops.TryIterate(value) ?? throw TemplateException.Type(
            $"cannot unpack non-iterable {Ops.TypeName(value)} object");
        int expected = target.Items.Count;
        var values = new List<object?>(expected);
        foreach (object? item in items)
        {
            Budget.Charge(1);
            if (values.Count == expected)
                throw TemplateException.Value($"too many values to unpack (expected {expected})");
            values.Add(item);
        }

        if (values.Count < expected)
        {
            throw TemplateException.Value(
                $"not enough values to unpack (expected {expected}, got {values.Count})");
        }

        for (int i = 0; i < expected; i++)
            Assign(target.Items[i], a, values[i]);
    }

    /// <summary>Fails before anything is evaluated if an attribute is set on something else.</summary>
    public static void CheckNamespaces(Expr target, Activation a)
    {
        if (target is NamespaceTarget ns && ns.Namespace.Raw(a) is not TemplateNamespace)
        {
            throw new TemplateException(
                TemplateErrorKind.TemplateRuntimeError, "cannot assign attribute on non-namespace object");
        }

        if (target is TupleExpr tuple)
        {
            foreach (Expr item in tuple.Items)
                CheckNamespaces(item, a);
        }
    }

    public static void Export(List<NameExpr> names, Activation a)
    {
        foreach (NameExpr name in names)
            a.Context.Variables[name.Name] = name.Raw(a);
    }
}
