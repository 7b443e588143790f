namespace Engine.Tokenization.Templating;

/// <summary>The arguments between the parentheses of a call, filter or test.</summary>
internal sealed class ArgumentList(
    List<Expr> positional, List<(string Name, Expr Value)> keywords, Expr? star, Expr? doubleStar)
{
    public static readonly ArgumentList Empty = new([], [], null, null);

    public List<(string Name, Expr Value)> Keywords => keywords;

    public IEnumerable<Expr> Children =>
        positional.Concat(keywords.Select(k => k.Value)).Concat(new[] { star, doubleStar }.OfType<Expr>());

    /// <summary>Evaluates; first is put in front unless it is Missing.</summary>
    public CallArgs Eval(Activation a, object? first)
    {
        int offset = ReferenceEquals(first, CallArgs.Missing) ? 0 : 1;
        var values = new object?[offset + positional.Count];
        if (offset > 0)
            values[0] = first;
        for (int i = 0; i < positional.Count; i++)
            values[offset + i] = positional[i].Eval(a);
        if (star is not null)
            values = [.. values, .. StarItems(star.Eval(a))];
        if (keywords.Count == 0 && doubleStar is null)
            return new CallArgs(values, null);
        var named = new List<KeyValuePair<string, object?>>(keywords.Count);
        foreach ((string name, Expr value) in keywords)
            named.Add(new(name, value.Eval(a)));
        if (doubleStar is not null)
            AddDoubleStar(named, doubleStar.Eval(a));
        return new CallArgs(values, named);
    }

    private static List<object?> StarItems(object? value) => Ops.TryIterate(value) is null
        ? throw TemplateException.Type($"Value after * must be an iterable, not {Ops.TypeName(value)}")
        : Ops.ToList(value);

    private static void AddDoubleStar(List<KeyValuePair<string, object?>> named, object? value)
    {
        if (value is not TemplateDict dict)
            throw TemplateException.Type($"argument after ** must be a mapping, not {Ops.TypeName(value)}");
        foreach ((object? key, object? v) in dict.Entries)
        {
            string name = Ops.Text(key) ?? throw TemplateException.Type("keywords must be strings");
            if (named.Exists(n => n.Key == name))
                throw TemplateException.Type($"got multiple values for keyword argument '{name}'");
            named.Add(new(name, v));
        }
    }
}

internal sealed class CallExpr(Expr callee, ArgumentList args) : Expr
{
    public ArgumentList Arguments => args;

    public override IEnumerable<Expr> Children => args.Children.Prepend(callee);

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1);
        object? function = callee.Eval(a);
        return Calls.Invoke(a.State, function, args.Eval(a, CallArgs.Missing));
    }

    /// <summary>Evaluates with a caller, as a call block does.</summary>
    public object? EvalWithCaller(Activation a, Macro caller)
    {
        object? function = callee.Eval(a);
        CallArgs values = args.Eval(a, CallArgs.Missing);
        // Behind the names that are written out, before those of a mapping.
        List<KeyValuePair<string, object?>> named = [.. values.Keywords ?? []];
        named.Insert(Math.Min(args.Keywords.Count, named.Count), new("caller", caller));
        return Calls.Invoke(a.State, function, values with { Keywords = named });
    }
}

/// <summary>value | name(args); without a value it filters what a block captured.</summary>
internal sealed class FilterExpr(Expr? value, string name, ArgumentList args) : Expr
{
    private readonly BuiltinCode? _code = Filters.Table.GetValueOrDefault(name);

    public string Name => name;

    public bool IsKnown => _code is not null;

    /// <summary>False for filters that need the running template.</summary>
    public bool IsPure => IsKnown && value is not null
        && name is not ("map" or "select" or "reject" or "selectattr" or "rejectattr" or "random");

    public override IEnumerable<Expr> Children =>
        value is null ? args.Children : args.Children.Prepend(value);

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1);
        return Apply(a, value!.Eval(a));
    }

    /// <summary>Filters captured text; a chain hands it to its innermost filter.</summary>
    public object? EvalOn(Activation a, object? captured) => Apply(a, value switch
    {
        null => captured,
        FilterExpr inner => inner.EvalOn(a, captured),
        _ => value.Eval(a),
    });

    private object? Apply(Activation a, object? input)
    {
        a.State.Budget.Spend(1);
        if (_code is null)
        {
            throw new TemplateException(
                TemplateErrorKind.TemplateRuntimeError, $"No filter named '{name}' found.");
        }

        return _code(a.State, args.Eval(a, input));
    }
}

internal sealed class TestExpr(Expr value, string name, ArgumentList args) : Expr
{
    private readonly BuiltinCode? _code = Tests.Table.GetValueOrDefault(name);

    public string Name => name;

    public bool IsKnown => _code is not null;

    public override IEnumerable<Expr> Children => args.Children.Prepend(value);

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1);
        if (_code is null)
        {
            throw new TemplateException(
                TemplateErrorKind.TemplateRuntimeError, $"No test named '{name}' found.");
        }

        return _code(a.State, args.Eval(a, value.Eval(a)));
    }
}
