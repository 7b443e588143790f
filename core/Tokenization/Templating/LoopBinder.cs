namespace Engine.Tokenization.Templating;

/// <summary>Binds a for statement, which has up to three scopes and two functions of its own.</summary>
internal sealed class LoopBinder(Binder binder, ForStmt loop, Frame frame)
{
    public void Bind()
    {
        FunctionScope? function = loop.Recursive ? new FunctionScope(frame.Function) : null;
        Frame body = frame.Inner(function) with { InLoop = true };
        bool extended = loop.Recursive || StatementWalk.Uses(loop.Body, "loop")
            || StatementWalk.All([loop]).Any(s => s is BlockStmt { Scoped: true });
        if (extended)
            loop.LoopSlot = body.Symbols.DeclareParameter("loop").Slot;
        RefuseStoresToLoop();
        var analysis = new SymbolAnalysis(body.Symbols);
        analysis.Target(loop.Target, parameter: true);
        analysis.Statements(loop.Body);
        BindElse(function);
        BindTest();
        Binder.Target(loop.Target, body, null);
        Binder.Expression(loop.Items, frame);
        binder.Body(loop.Body, body);
        loop.BodyEntry = body.Symbols.Entry();
        loop.RecursiveFunction = function;
    }

    private void BindElse(FunctionScope? function)
    {
        if (loop.Else.Count == 0)
            return;
        Frame inner = frame.Inner(function) with { InLoop = function is null && frame.InLoop };
        new SymbolAnalysis(inner.Symbols).Statements(loop.Else);
        binder.Body(loop.Else, inner);
        loop.ElseEntry = inner.Symbols.Entry();
    }

    private void BindTest()
    {
        if (loop.Test is null)
            return;
        Frame inner = frame.Inner(new FunctionScope(frame.Function));
        var analysis = new SymbolAnalysis(inner.Symbols);
        analysis.Target(loop.Target, parameter: true);
        analysis.Reads(loop.Test);
        loop.TestTarget = Copy(loop.Target);
        Binder.Target(loop.TestTarget, inner, null);
        Binder.Expression(loop.Test, inner);
        loop.TestFunction = inner.Function;
        loop.TestEntry = inner.Symbols.Entry();
    }

    private static Expr Copy(Expr target) => target switch
    {
        NameExpr name => new NameExpr(name.Name) { Line = name.Line },
        TupleExpr tuple => new TupleExpr(tuple.Items.ConvertAll(Copy)),
        _ => target,
    };

    private void RefuseStoresToLoop()
    {
        foreach (NameExpr name in StatementWalk.StoredNames(loop))
        {
            if (name.Name == "loop")
            {
                throw new TemplateException(
                    TemplateErrorKind.TemplateAssertionError,
                    "Can't assign to special loop variable in for-loop target", name.Line);
            }
        }
    }
}
