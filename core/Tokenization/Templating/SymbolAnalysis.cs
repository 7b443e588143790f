namespace Engine.Tokenization.Templating;

/// <summary>Finds which names a scope reads and writes, stopping at the scopes inside it.</summary>
internal sealed class SymbolAnalysis(Symbols symbols)
{
    private Symbols _symbols = symbols;

    public void Statements(IEnumerable<Stmt> body)
    {
        foreach (Stmt statement in body)
            Statement(statement);
    }

    public void Reads(Expr? expression)
    {
        if (expression is null)
            return;
        if (expression is NameExpr name)
            _symbols.Read(name.Name);
        foreach (Expr child in expression.Children)
            Reads(child);
    }

    /// <summary>The names of an assignment target; parameters for loops and with.</summary>
    public void Target(Expr target, bool parameter)
    {
        switch (target)
        {
            case NameExpr name when parameter:
                _symbols.DeclareParameter(name.Name);
                break;
            case NameExpr name:
                _symbols.Store(name.Name);
                break;
            case NamespaceTarget ns:
                _symbols.Read(ns.Namespace.Name);
                break;
            case TupleExpr tuple:
                foreach (Expr item in tuple.Items)
                    Target(item, parameter);
                break;
        }
    }

    private void Statement(Stmt statement)
    {
        switch (statement)
        {
            case OutputStmt output:
                output.Values.ForEach(Reads);
                break;
            case IfStmt conditional:
                If(conditional.Branches, 0, conditional.Else);
                break;
            case SetStmt set:
                Reads(set.Value);
                Target(set.Target, parameter: false);
                break;
            case SetBlockStmt set:
                Target(set.Target, parameter: false);
                break;
            case ForStmt loop:
                Reads(loop.Items);
                break;
            case MacroStmt macro:
                _symbols.Store(macro.Target.Name);
                break;
            case CallBlockStmt call:
                Reads(call.Call);
                break;
            case FilterBlockStmt filter:
                Reads(filter.Filter);
                break;
            case WithStmt with:
                with.Values.ForEach(v => Reads(v.Value));
                break;
            case LoadStmt load:
                Reads(load.Template);
                load.Names.ForEach(_symbols.Store);
                break;
        }
    }

    /// <summary>Elif branches count as one nested if inside the second branch.</summary>
    private void If(List<(Expr Test, List<Stmt> Body)> branches, int first, List<Stmt> otherwise)
    {
        Reads(branches[first].Test);
        Symbols original = _symbols;
        Symbols Visit(Action visit)
        {
            _symbols = original.Branch();
            visit();
            Symbols visited = _symbols;
            _symbols = original;
            return visited;
        }

        Symbols body = Visit(() => Statements(branches[first].Body));
        Symbols elif = Visit(() =>
        {
            for (int i = first + 1; i < branches.Count && first == 0; i++)
                If([branches[i]], 0, []);
        });
        Symbols rest = Visit(() => Statements(otherwise));
        original.Merge([body, elif, rest]);
    }
}
