namespace Engine.Tokenization.Templating;

/// <summary>{% block %}: a function of the template; without inheritance it runs where it stands.</summary>
internal sealed class BlockStmt(string name, bool scoped, bool required, List<Stmt> body) : Stmt
{
    public string Name => name;

    public bool Scoped => scoped;

    public List<Stmt> Body => body;

    public FunctionScope? Function { get; set; }

    public ScopeEntry Entry { get; set; } = ScopeEntry.Empty;

    public int SelfSlot { get; set; } = -1;

    public int SuperSlot { get; set; } = -1;

    /// <summary>Variables of the surrounding scopes that a scoped block sees.</summary>
    public List<NameExpr> Locals { get; } = [];

    public override Flow Exec(Activation a)
    {
        a.State.Budget.Spend(1);
        if (required)
        {
            throw new TemplateException(
                TemplateErrorKind.TemplateRuntimeError, $"Required block '{name}' not found");
        }

        RenderContext context = scoped
            ? a.Context.Derive(Locals.Select(l => KeyValuePair.Create(l.Name, l.Raw(a))))
            : a.Context;
        Run(a.State, context);
        return Flow.Next;
    }

    public void Run(RenderState state, RenderContext context)
    {
        state.Budget.Enter();
        var a = new Activation(Function!, state, context, null);
        if (SelfSlot >= 0)
            a.Slots[SelfSlot] = new TemplateReference(state.Template, context);
        if (SuperSlot >= 0)
            a.Slots[SuperSlot] = new Undefined($"there is no parent block called {Repr.Quote(name)}.");
        Entry.Run(a);
        ExecAll(body, a);
        state.Budget.Leave();
    }
}

/// <summary>self: the blocks of the template by name.</summary>
internal sealed class TemplateReference(CompiledTemplate template, RenderContext context)
{
    public bool TryBlock(string name, out object? block)
    {
        bool found = template.Blocks.TryGetValue(name, out BlockStmt? statement);
        block = found ? new BlockReference(statement!, context) : null;
        return found;
    }
}

/// <summary>self.name: a block that can be called.</summary>
internal sealed class BlockReference(BlockStmt block, RenderContext context)
{
    public object? Attribute(string name) => name switch
    {
        "name" => block.Name,
        "super" => new Undefined($"there is no parent block called {Repr.Quote(block.Name)}."),
        _ => null,
    };

    public object Call(RenderState state, CallArgs args)
    {
        args.Plain(block.Name, 0, 0);
        var outer = state.BeginCapture();
        block.Run(state, context);
        string text = state.EndCapture(outer);
        return state.AutoEscape ? new Markup(text) : text;
    }
}

/// <summary>Calls of values.</summary>
internal static class Calls
{
    public static object? Invoke(RenderState state, object? function, CallArgs args)
    {
        state.Budget.Spend(1);
        return function switch
        {
            BoundMethod method => method.Code(state, args),
            Macro macro => macro.Call(state, args),
            Builtin builtin => builtin.Code(state, args),
            LoopContext loop => loop.Call(args),
            Joiner joiner => joiner.Call(),
            BlockReference block => block.Call(state, args),
            Undefined undefined => throw undefined.Fail(),
            _ => throw TemplateException.Type($"'{Ops.TypeName(function)}' object is not callable"),
        };
    }

    public static bool IsCallable(object? v) =>
        v is BoundMethod or Macro or Builtin or LoopContext or Joiner or BlockReference or Undefined;
}
