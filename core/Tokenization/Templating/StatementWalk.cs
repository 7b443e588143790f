namespace Engine.Tokenization.Templating;

/// <summary>Walks over statements, whatever their scopes.</summary>
internal static class StatementWalk
{
    /// <summary>All statements, also those inside others.</summary>
    public static IEnumerable<Stmt> All(IEnumerable<Stmt> body)
    {
        var stack = new Stack<Stmt>(body.Reverse());
        while (stack.TryPop(out Stmt? statement))
        {
            yield return statement;
            foreach (Stmt child in Bodies(statement).SelectMany(b => b).Reverse())
                stack.Push(child);
        }
    }

    private static IEnumerable<List<Stmt>> Bodies(Stmt statement) => statement switch
    {
        IfStmt s => s.Branches.Select(b => b.Body).Append(s.Else),
        ForStmt s => [s.Body, s.Else],
        SetBlockStmt s => [s.Body],
        WithStmt s => [s.Body],
        AutoEscapeStmt s => [s.Body],
        FilterBlockStmt s => [s.Body],
        MacroStmt s => [s.Macro.Body],
        CallBlockStmt s => [s.Caller.Body],
        GenerationStmt s => [s.Caller.Body],
        BlockStmt s => [s.Body],
        _ => [],
    };

    /// <summary>
    /// True if the first mention of a name in a body reads it. Blocks are functions of their own and do
    /// not count.
    /// </summary>
    public static bool Uses(List<Stmt> body, string name) => First(body, name) == true;

    /// <summary>True if the first mention reads, false if it assigns, null if there is none.</summary>
    private static bool? First(List<Stmt> body, string name)
    {
        foreach (Stmt statement in body)
        {
            if (First(statement, name) is bool reads)
                return reads;
        }

        return null;
    }

    private static bool? First(Stmt statement, string name) => statement switch
    {
        OutputStmt s => First(s.Values, name),
        IfStmt s => FirstIf(s, name),
        ForStmt s => Stores(s.Target, name) ?? First([s.Items], name) ?? First(s.Body, name)
            ?? First(s.Else, name) ?? (s.Test is null ? null : First([s.Test], name)),
        SetStmt s => Stores(s.Target, name) ?? First([s.Value], name),
        SetBlockStmt s => Stores(s.Target, name) ?? (s.Filter is null ? null : First([s.Filter], name))
            ?? First(s.Body, name),
        WithStmt s => s.Values.Select(v => Stores(v.Target, name)).FirstOrDefault(x => x is not null)
            ?? First(s.Values.Select(v => v.Value), name) ?? First(s.Body, name),
        AutoEscapeStmt s => First([s.Enabled], name) ?? First(s.Body, name),
        FilterBlockStmt s => First(s.Body, name) ?? First([s.Filter], name),
        MacroStmt s => First(s.Macro, name),
        CallBlockStmt s => First([s.Call], name) ?? First(s.Caller, name),
        GenerationStmt s => First(s.Caller, name),
        LoadStmt s => First([s.Template], name),
        _ => null,
    };

    private static bool? FirstIf(IfStmt statement, string name)
    {
        foreach ((Expr test, List<Stmt> body) in statement.Branches)
        {
            if ((First([test], name) ?? First(body, name)) is bool reads)
                return reads;
        }

        return First(statement.Else, name);
    }

    private static bool? First(MacroBody macro, string name)
    {
        if (macro.Parameters.Exists(p => p.Name.Name == name))
            return false;
        return First(macro.Parameters.Select(p => p.Default).OfType<Expr>(), name) ?? First(macro.Body, name);
    }

    private static bool? First(IEnumerable<Expr> expressions, string name) =>
        expressions.Any(e => Reads(e, name)) ? true : null;

    private static bool Reads(Expr expression, string name) =>
        (expression is NameExpr n && n.Name == name) || expression.Children.Any(c => Reads(c, name));

    private static bool? Stores(Expr target, string name) =>
        Names(target).Any(n => n.Name == name) ? false : null;

    /// <summary>The names that a loop and the statements in it assign.</summary>
    public static IEnumerable<NameExpr> StoredNames(ForStmt loop) =>
        All([loop]).SelectMany(s => s switch
        {
            ForStmt inner => Names(inner.Target),
            SetStmt set => Names(set.Target),
            SetBlockStmt set => Names(set.Target),
            _ => [],
        });

    private static IEnumerable<NameExpr> Names(Expr target) => target switch
    {
        NameExpr name => [name],
        TupleExpr tuple => tuple.Items.SelectMany(Names),
        _ => [],
    };
}
