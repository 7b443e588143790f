namespace Engine.Tokenization.Templating;

/// <summary>What the binder knows about the place it is at.</summary>
/// <param name="Symbols">The names of the innermost scope.</param>
/// <param name="TopLevel">Directly in the template, so that set statements export.</param>
/// <param name="Soft">Inside an if, where unknown filters fail only when they run.</param>
/// <param name="InLoop">Inside a loop of the same function, where break is allowed.</param>
/// <param name="Escape">How output is escaped.</param>
internal sealed record Frame(
    Symbols Symbols, bool TopLevel, bool Soft, bool InLoop, EscapeMode Escape)
{
    public FunctionScope Function => Symbols.Function;

    public Frame Inner(FunctionScope? function = null) => new(
        new Symbols(Symbols, function ?? Function), false, false, function is null && InLoop, Escape);
}

/// <summary>Gives every name its slot and checks what can be checked without rendering.</summary>
internal sealed class Binder
{
    private readonly Dictionary<string, BlockStmt> _blocks = [];

    public static CompiledTemplate Bind(List<Stmt> body, int sourceChars)
    {
        var binder = new Binder();
        foreach (BlockStmt block in StatementWalk.All(body).OfType<BlockStmt>())
        {
            if (!binder._blocks.TryAdd(block.Name, block))
                throw Assertion($"block {Repr.Quote(block.Name)} defined twice", block.Line);
        }

        var symbols = new Symbols(null, new FunctionScope(null));
        var frame = new Frame(symbols, TopLevel: true, Soft: false, InLoop: false, EscapeMode.Off);
        int selfSlot = StatementWalk.Uses(body, "self") ? symbols.DeclareParameter("self").Slot : -1;
        new SymbolAnalysis(symbols).Statements(body);
        binder.Statements(body, frame);
        foreach (BlockStmt block in binder._blocks.Values)
            binder.BlockBody(block);
        return new CompiledTemplate(
            body, symbols.Function, symbols.Entry(), selfSlot, binder._blocks, sourceChars,
            StatementWalk.All(body).Any(s => s is GenerationStmt));
    }

    private static TemplateException Assertion(string message, int line) =>
        new(TemplateErrorKind.TemplateAssertionError, message, line);

    private void BlockBody(BlockStmt block)
    {
        block.Function = new FunctionScope(null);
        var symbols = new Symbols(null, block.Function);
        if (StatementWalk.Uses(block.Body, "self"))
            block.SelfSlot = symbols.DeclareParameter("self").Slot;
        if (StatementWalk.Uses(block.Body, "super"))
            block.SuperSlot = symbols.DeclareParameter("super").Slot;
        new SymbolAnalysis(symbols).Statements(block.Body);
        Statements(block.Body, new Frame(symbols, false, false, false, EscapeMode.Off));
        block.Entry = symbols.Entry();
    }

    private void Statements(List<Stmt> body, Frame frame)
    {
        foreach (Stmt statement in body)
            Statement(statement, frame);
    }

    private void Statement(Stmt statement, Frame frame)
    {
        switch (statement)
        {
            case OutputStmt output:
                output.Escape = frame.Escape;
                output.Values.ForEach(v => Expression(v, frame));
                output.Values.ForEach(Folding.Mark);
                break;
            case IfStmt conditional:
                If(conditional, frame with { Soft = true });
                break;
            case SetStmt set:
                Expression(set.Value, frame);
                Target(set.Target, frame, frame.TopLevel ? set.Exports : null);
                break;
            case SetBlockStmt set:
                SetBlock(set, frame);
                break;
            case ForStmt loop:
                new LoopBinder(this, loop, frame).Bind();
                break;
            case MacroStmt macro:
                MacroBody(macro.Macro, frame, macro.Line);
                Name(macro.Target, frame);
                macro.Exports = frame.TopLevel;
                break;
            case CallBlockStmt call:
                MacroBody(call.Caller, frame, call.Line);
                if (call.Call.Arguments.Keywords.Exists(k => k.Name == "caller"))
                    throw Syntax("keyword argument repeated: caller", call.Line);
                Expression(call.Call, frame);
                break;
            case GenerationStmt generation:
                MacroBody(generation.Caller, frame, generation.Line);
                break;
            default:
                ScopedStatement(statement, frame);
                break;
        }
    }

    private static TemplateException Syntax(string message, int line) =>
        new(TemplateErrorKind.SyntaxError, message, line);

    private void ScopedStatement(Stmt statement, Frame frame)
    {
        switch (statement)
        {
            case FilterBlockStmt filter:
                Frame filterFrame = frame.Inner();
                var analysis = new SymbolAnalysis(filterFrame.Symbols);
                analysis.Statements(filter.Body);
                analysis.Reads(filter.Filter);
                Statements(filter.Body, filterFrame);
                Expression(filter.Filter, filterFrame);
                filter.Escape = frame.Escape;
                filter.Entry = filterFrame.Symbols.Entry();
                break;
            case WithStmt with:
                With(with, frame);
                break;
            case AutoEscapeStmt escape:
                AutoEscape(escape, frame);
                break;
            case BlockStmt { Scoped: true } block:
                foreach (string name in frame.Symbols.AllStores())
                    block.Locals.Add(Bound(name, frame));
                break;
            case LoadStmt load:
                if (load.Tag == "extends" && !frame.TopLevel)
                    throw Assertion("cannot use extend from a non top-level scope", load.Line);
                Expression(load.Template, frame);
                break;
            case JumpStmt jump when !frame.InLoop:
                throw Syntax(
                    jump.Kind == Flow.Break ? "'break' outside loop" : "'continue' not properly in loop",
                    jump.Line);
        }
    }

    private void If(IfStmt conditional, Frame frame)
    {
        foreach ((Expr test, List<Stmt> body) in conditional.Branches)
        {
            Expression(test, frame);
            Statements(body, frame);
        }

        Statements(conditional.Else, frame);
    }

    private void SetBlock(SetBlockStmt set, Frame frame)
    {
        Frame inner = frame.Inner();
        new SymbolAnalysis(inner.Symbols).Statements(set.Body);
        Statements(set.Body, inner);
        if (set.Filter is not null)
            Expression(set.Filter, inner);
        Target(set.Target, frame, frame.TopLevel ? set.Exports : null);
        set.Entry = inner.Symbols.Entry();
    }

    private void With(WithStmt with, Frame frame)
    {
        Frame inner = frame.Inner();
        var analysis = new SymbolAnalysis(inner.Symbols);
        with.Values.ForEach(v => analysis.Target(v.Target, parameter: true));
        analysis.Statements(with.Body);
        foreach ((Expr target, Expr value) in with.Values)
        {
            Expression(value, frame);
            Target(target, inner, null);
        }

        Statements(with.Body, inner);
        with.Entry = inner.Symbols.Entry();
    }

    private void AutoEscape(AutoEscapeStmt escape, Frame frame)
    {
        Frame inner = frame.Inner();
        var analysis = new SymbolAnalysis(inner.Symbols);
        analysis.Reads(escape.Enabled);
        analysis.Statements(escape.Body);
        Expression(escape.Enabled, inner);
        EscapeMode mode = escape.Enabled is ConstExpr constant
            ? Ops.Truth(constant.Value) ? EscapeMode.On : EscapeMode.Off
            : EscapeMode.Dynamic;
        Statements(escape.Body, inner with { Escape = mode });
        escape.Entry = inner.Symbols.Entry();
    }

    private void MacroBody(MacroBody macro, Frame frame, int line)
    {
        Frame inner = frame.Inner(new FunctionScope(frame.Function));
        Symbols symbols = inner.Symbols;
        var analysis = new SymbolAnalysis(symbols);
        var names = new HashSet<string>();
        foreach ((NameExpr name, _) in macro.Parameters)
        {
            if (!names.Add(name.Name))
                throw Syntax($"duplicate argument '{name.Name}' in function definition", line);
            symbols.DeclareParameter(name.Name);
        }

        macro.Parameters.ForEach(p => analysis.Reads(p.Default));
        int caller = macro.Parameters.FindIndex(p => p.Name.Name == "caller");
        if (caller >= 0 && macro.Parameters[caller].Default is null && StatementWalk.Uses(macro.Body, "caller"))
        {
            throw Assertion(
                "When defining macros or call blocks the special \"caller\" argument must be omitted or "
                + "be given a default.", line);
        }

        if (caller < 0 && StatementWalk.Uses(macro.Body, "caller"))
            macro.CallerSlot = symbols.DeclareParameter("caller").Slot;
        if (!names.Contains("kwargs") && StatementWalk.Uses(macro.Body, "kwargs"))
            macro.KeywordsSlot = symbols.DeclareParameter("kwargs").Slot;
        if (!names.Contains("varargs") && StatementWalk.Uses(macro.Body, "varargs"))
            macro.VarargsSlot = symbols.DeclareParameter("varargs").Slot;
        analysis.Statements(macro.Body);
        foreach ((NameExpr name, Expr? fallback) in macro.Parameters)
        {
            Name(name, inner);
            if (fallback is not null)
                Expression(fallback, inner);
        }

        Statements(macro.Body, inner);
        macro.Function = inner.Function;
        macro.Entry = symbols.Entry();
    }

    internal void Body(List<Stmt> body, Frame frame) => Statements(body, frame);

    private static NameExpr Bound(string name, Frame frame)
    {
        var expression = new NameExpr(name);
        Name(expression, frame);
        return expression;
    }

    private static void Name(NameExpr name, Frame frame)
    {
        Variable variable = frame.Symbols.Find(name.Name) ?? throw new TemplateException(
            TemplateErrorKind.AssertionError,
            "Tried to resolve a name to a reference that was unknown to the frame "
            + $"({Repr.Quote(name.Name)})", name.Line);
        name.Bind(frame.Function.HopsTo(variable.Function), variable.Slot);
    }

    internal static void Target(Expr target, Frame frame, List<NameExpr>? exports)
    {
        switch (target)
        {
            case NameExpr name:
                Name(name, frame);
                exports?.Add(name);
                break;
            case NamespaceTarget ns:
                Name(ns.Namespace, frame);
                break;
            case TupleExpr tuple:
                foreach (Expr item in tuple.Items)
                    Target(item, frame, exports);
                break;
        }
    }

    internal static void Expression(Expr expression, Frame frame)
    {
        switch (expression)
        {
            case NameExpr name:
                Name(name, frame);
                return;
            case FilterExpr { IsKnown: false } filter when !frame.Soft:
                throw Assertion($"No filter named {Repr.Quote(filter.Name)}.", filter.Line);
            case TestExpr { IsKnown: false } test when !frame.Soft:
                throw Assertion($"No test named {Repr.Quote(test.Name)}.", test.Line);
            case ConcatExpr concat:
                concat.Escape = Folding.IsConstant(concat) ? EscapeMode.Off : frame.Escape;
                break;
            case CondExpr:
                frame = frame with { Soft = true };
                break;
        }

        foreach (Expr child in expression.Children)
            Expression(child, frame);
    }
}
