namespace Engine.Tokenization.Templating;

/// <summary>What macros and call blocks share: parameters, defaults and a body that is a function.</summary>
internal sealed class MacroBody(
    string? name, List<(NameExpr Name, Expr? Default)> parameters, List<Stmt> body)
{
    public string? Name => name;

    public List<(NameExpr Name, Expr? Default)> Parameters => parameters;

    public List<Stmt> Body => body;

    public FunctionScope? Function { get; set; }

    public ScopeEntry Entry { get; set; } = ScopeEntry.Empty;

    public int CallerSlot { get; set; } = -1;

    public int KeywordsSlot { get; set; } = -1;

    public int VarargsSlot { get; set; } = -1;
}

internal sealed class MacroStmt(MacroBody macro, NameExpr target) : Stmt
{
    public MacroBody Macro => macro;

    public NameExpr Target => target;

    public bool Exports { get; set; }

    public override Flow Exec(Activation a)
    {
        a.State.Budget.Spend(1);
        var value = new Macro(macro, a);
        target.Assign(a, value);
        if (Exports)
            a.Context.Variables[target.Name] = value;
        return Flow.Next;
    }
}

internal sealed class CallBlockStmt(CallExpr call, MacroBody caller) : Stmt
{
    public CallExpr Call => call;

    public MacroBody Caller => caller;

    public override Flow Exec(Activation a)
    {
        a.State.Budget.Spend(1);
        EmitRaw(a, call.EvalWithCaller(a, new Macro(caller, a)));
        return Flow.Next;
    }
}

/// <summary>{% generation %}: the text that the assistant wrote.</summary>
internal sealed class GenerationStmt(MacroBody caller) : Stmt
{
    public MacroBody Caller => caller;

    public override Flow Exec(Activation a)
    {
        string text = Ops.Str(new Macro(caller, a).Call(a.State, new CallArgs([], null)));
        int start = a.State.RootCodePoints;
        a.State.AssistantRanges.Add((start, start + Unicode.Length(text)));
        a.State.Write(text);
        return Flow.Next;
    }
}

/// <summary>A macro as a value: its body and the variables around its definition.</summary>
internal sealed class Macro(MacroBody body, Activation definition)
{
    public string? Name => body.Name;

    public object? Attribute(string name) => name switch
    {
        "name" => body.Name ?? Attributes.NoneFound,
        "arguments" => new TemplateTuple(body.Parameters.ConvertAll(p => (object?)p.Name.Name).ToArray()),
        "catch_kwargs" => Num.Box(body.KeywordsSlot >= 0),
        "catch_varargs" => Num.Box(body.VarargsSlot >= 0),
        "caller" => Num.Box(body.CallerSlot >= 0),
        "explicit_caller" => Num.Box(body.Parameters.Exists(p => p.Name.Name == "caller")),
        _ => null,
    };

    public object? Call(RenderState state, CallArgs args)
    {
        state.Budget.Enter();
        var a = new Activation(body.Function!, state, definition.Context, definition);
        BindArguments(a, args);
        var outer = state.BeginCapture();
        body.Entry.Run(a);
        foreach ((NameExpr name, Expr? fallback) in body.Parameters)
        {
            if (name.Raw(a) == CallArgs.Missing)
            {
                name.Assign(a, fallback is null
                    ? new Undefined($"parameter {Repr.Quote(name.Name)} was not provided")
                    : fallback.Eval(a));
            }
        }

        Stmt.ExecAll(body.Body, a);
        string text = state.EndCapture(outer);
        state.Budget.Leave();
        return state.AutoEscape ? new Markup(text) : text;
    }

    private void BindArguments(Activation a, CallArgs args)
    {
        List<KeyValuePair<string, object?>> rest = [.. args.Keywords ?? []];
        int given = args.Positional.Length;
        bool foundCaller = given >= body.Parameters.Count
            && body.Parameters.Exists(p => p.Name.Name == "caller");
        for (int i = 0; i < body.Parameters.Count; i++)
        {
            NameExpr name = body.Parameters[i].Name;
            if (i < given)
            {
                name.Assign(a, args.Positional[i]);
                continue;
            }

            foundCaller |= name.Name == "caller";
            name.Assign(a, Take(rest, name.Name));
        }

        if (body.CallerSlot >= 0 && !foundCaller)
        {
            object? caller = Take(rest, "caller");
            bool none = caller is null || ReferenceEquals(caller, CallArgs.Missing);
            a.Slots[body.CallerSlot] = none ? new Undefined("No caller defined") : caller;
        }

        CheckLeftovers(rest, given);
        if (body.KeywordsSlot >= 0)
        {
            var dict = new TemplateDict();
            foreach ((string key, object? value) in rest)
                dict.Set(key, value);
            a.Slots[body.KeywordsSlot] = dict;
        }

        if (body.VarargsSlot >= 0)
            a.Slots[body.VarargsSlot] = new TemplateTuple(args.Positional.Skip(body.Parameters.Count).ToArray());
    }

    private void CheckLeftovers(List<KeyValuePair<string, object?>> rest, int given)
    {
        string name = body.Name is null ? "None" : Repr.Quote(body.Name);
        if (body.KeywordsSlot < 0 && rest.Count > 0)
        {
            throw TemplateException.Type(rest.Exists(k => k.Key == "caller")
                ? $"macro {name} was invoked with two values for the special caller argument. "
                    + "This is most likely a bug."
                : $"macro {name} takes no keyword argument {Repr.Quote(rest[0].Key)}");
        }

        if (body.VarargsSlot < 0 && given > body.Parameters.Count)
        {
            throw TemplateException.Type(
                $"macro {name} takes not more than {body.Parameters.Count} argument(s)");
        }
    }

    private static object? Take(List<KeyValuePair<string, object?>> keywords, string name)
    {
        int i = keywords.FindIndex(k => k.Key == name);
        if (i < 0)
            return CallArgs.Missing;
        object? value = keywords[i].Value;
        keywords.RemoveAt(i);
        return value;
    }
}
