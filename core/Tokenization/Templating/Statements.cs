namespace Engine.Tokenization.Templating;

internal enum Flow
{
    Next,
    Break,
    Continue,
}

/// <summary>How output is escaped at some place of the source.</summary>
internal enum EscapeMode
{
    Off,
    On,

    /// <summary>Known only while rendering.</summary>
    Dynamic,
}

/// <summary>A statement. Children and bodies are filled by the parser, variables by the binder.</summary>
internal abstract class Stmt
{
    public int Line { get; init; }

    public abstract Flow Exec(Activation a);

    public static Flow ExecAll(List<Stmt> body, Activation a)
    {
        foreach (Stmt statement in body)
        {
            Flow flow = statement.Exec(a);
            if (flow != Flow.Next)
                return flow;
        }

        return Flow.Next;
    }

    public static void Emit(Activation a, object? value, EscapeMode mode)
    {
        bool escape = mode == EscapeMode.On || (mode == EscapeMode.Dynamic && a.State.AutoEscape);
        a.State.Write(escape ? Html.EscapeValue(value).Text : Ops.Str(value));
    }

    /// <summary>Writes the result of a block, which is never escaped again.</summary>
    public static void EmitRaw(Activation a, object? value) => a.State.Write(Ops.Text(value)
        ?? throw TemplateException.Type(
            $"sequence item 0: expected str instance, {Ops.TypeName(value)} found"));
}

internal sealed class DataStmt(string text) : Stmt
{
    public string Text => text;

    public override Flow Exec(Activation a)
    {
        a.State.Write(text);
        return Flow.Next;
    }
}

internal sealed class OutputStmt(List<Expr> values) : Stmt
{
    public List<Expr> Values => values;

    public EscapeMode Escape { get; set; }

    public override Flow Exec(Activation a)
    {
        foreach (Expr value in values)
            Emit(a, value.Eval(a), Escape);
        return Flow.Next;
    }
}

internal sealed class IfStmt(List<(Expr Test, List<Stmt> Body)> branches, List<Stmt> otherwise) : Stmt
{
    public List<(Expr Test, List<Stmt> Body)> Branches => branches;

    public List<Stmt> Else => otherwise;

    public override Flow Exec(Activation a)
    {
        foreach ((Expr test, List<Stmt> body) in branches)
        {
            a.State.Budget.Spend(1);
            if (Ops.Truth(test.Eval(a)))
                return ExecAll(body, a);
        }

        return ExecAll(otherwise, a);
    }
}

internal sealed class JumpStmt(Flow flow) : Stmt
{
    public Flow Kind => flow;

    public override Flow Exec(Activation a) => flow;
}

internal sealed class SetStmt(Expr target, Expr value) : Stmt
{
    public Expr Target => target;

    public Expr Value => value;

    /// <summary>Names that also become variables of the context, at the top level.</summary>
    public List<NameExpr> Exports { get; } = [];

    public override Flow Exec(Activation a)
    {
        a.State.Budget.Spend(1);
        Targets.CheckNamespaces(target, a);
        Targets.Assign(target, a, value.Eval(a));
        Targets.Export(Exports, a);
        return Flow.Next;
    }
}

internal sealed class SetBlockStmt(Expr target, FilterExpr? filter, List<Stmt> body) : Stmt
{
    public Expr Target => target;

    public FilterExpr? Filter => filter;

    public List<Stmt> Body => body;

    public ScopeEntry Entry { get; set; } = ScopeEntry.Empty;

    public List<NameExpr> Exports { get; } = [];

    public override Flow Exec(Activation a)
    {
        a.State.Budget.Spend(1);
        Entry.Run(a);
        var outer = a.State.BeginCapture();
        Flow flow = ExecAll(body, a);
        string text = a.State.EndCapture(outer);
        if (flow != Flow.Next)
            return flow;
        object? value = filter is null ? text : filter.EvalOn(a, text);
        if (a.State.AutoEscape)
            value = value as Markup ?? new Markup(Ops.Str(value));
        Targets.Assign(target, a, value);
        Targets.Export(Exports, a);
        return Flow.Next;
    }
}

/// <summary>{% with %}, or a bare scope.</summary>
internal sealed class WithStmt(List<(Expr Target, Expr Value)> values, List<Stmt> body) : Stmt
{
    public List<(Expr Target, Expr Value)> Values => values;

    public List<Stmt> Body => body;

    public ScopeEntry Entry { get; set; } = ScopeEntry.Empty;

    public override Flow Exec(Activation a)
    {
        a.State.Budget.Spend(1);
        Entry.Run(a);
        foreach ((Expr target, Expr value) in values)
            Targets.Assign(target, a, value.Eval(a));
        return ExecAll(body, a);
    }
}

internal sealed class AutoEscapeStmt(Expr enabled, List<Stmt> body) : Stmt
{
    public Expr Enabled => enabled;

    public List<Stmt> Body => body;

    public ScopeEntry Entry { get; set; } = ScopeEntry.Empty;

    public override Flow Exec(Activation a)
    {
        a.State.Budget.Spend(1);
        Entry.Run(a);
        bool before = a.State.AutoEscape;
        a.State.AutoEscape = Ops.Truth(enabled.Eval(a));
        Flow flow = ExecAll(body, a);
        if (flow == Flow.Next)
            a.State.AutoEscape = before;
        return flow;
    }
}

internal sealed class FilterBlockStmt(FilterExpr filter, List<Stmt> body) : Stmt
{
    public FilterExpr Filter => filter;

    public List<Stmt> Body => body;

    public EscapeMode Escape { get; set; }

    public ScopeEntry Entry { get; set; } = ScopeEntry.Empty;

    public override Flow Exec(Activation a)
    {
        a.State.Budget.Spend(1);
        Entry.Run(a);
        var outer = a.State.BeginCapture();
        Flow flow = ExecAll(body, a);
        string text = a.State.EndCapture(outer);
        if (flow != Flow.Next)
            return flow;
        bool markup = Escape == EscapeMode.On || (Escape == EscapeMode.Dynamic && a.State.AutoEscape);
        EmitRaw(a, filter.EvalOn(a, markup ? new Markup(text) : text));
        return Flow.Next;
    }
}

/// <summary>extends, include, import, from: there is no loader, so all of them fail when reached.</summary>
internal sealed class LoadStmt(string tag, Expr template, bool ignoreMissing, List<string> names) : Stmt
{
    public string Tag => tag;

    public Expr Template => template;

    /// <summary>Variables that an import would have set.</summary>
    public List<string> Names => names;

    public override Flow Exec(Activation a)
    {
        a.State.Budget.Spend(1);
        object? value = template.Eval(a);
        if (tag == "include" && value is not (string or Markup or Undefined))
        {
            if (Ops.ToList(value).Count == 0)
            {
                return ignoreMissing ? Flow.Next : throw new TemplateException(
                    TemplateErrorKind.TemplatesNotFound,
                    "Tried to select from an empty list of templates.");
            }
        }

        throw TemplateException.Type("no loader for this environment specified");
    }
}
