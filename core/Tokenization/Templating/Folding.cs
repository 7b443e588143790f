namespace Engine.Tokenization.Templating;

/// <summary>Finds printed expressions without variables or calls, which jinja2 evaluates beforehand.</summary>
internal static class Folding
{
    public static void Mark(Expr expression)
    {
        if (IsConstant(expression))
            MarkSlices(expression);
    }

    public static bool IsConstant(Expr expression) => expression switch
    {
        NameExpr or CallExpr or FilterExpr { IsPure: false } or TestExpr { IsKnown: false } => false,
        _ => expression.Children.All(IsConstant),
    };

    private static void MarkSlices(Expr expression)
    {
        if (expression is SliceExpr slice)
            slice.IsFolded = true;
        foreach (Expr child in expression.Children)
            MarkSlices(child);
    }
}
