namespace Engine.Tokenization.Templating;

/// <summary>An expression: built by the parser, bound to variables by the binder, then evaluated.</summary>
internal abstract class Expr
{
    private int _depth;

    public int Line { get; init; }

    /// <summary>Height of the tree below; every level is a call while evaluating.</summary>
    public int Depth => _depth != 0 ? _depth : _depth = 1 + Children.Select(c => c.Depth).DefaultIfEmpty().Max();

    public abstract object? Eval(Activation a);

    /// <summary>Direct sub-expressions, in evaluation order.</summary>
    public virtual IEnumerable<Expr> Children => [];
}

internal sealed class ConstExpr(object? value) : Expr
{
    public object? Value => value;

    public override object? Eval(Activation a) => value;
}

/// <summary>A variable, bound to a slot of this function or of one around it.</summary>
internal sealed class NameExpr(string name) : Expr
{
    private int _hops;
    private int _slot;

    public string Name => name;

    public void Bind(int hops, int slot)
    {
        _hops = hops;
        _slot = slot;
    }

    public override object? Eval(Activation a)
    {
        object? value = (_hops == 0 ? a : a.Up(_hops)).Slots[_slot];
        return ReferenceEquals(value, CallArgs.Missing) ? Undefined.Name(name) : value;
    }

    public void Assign(Activation a, object? value) => a.Up(_hops).Slots[_slot] = value;

    public object? Raw(Activation a) => a.Up(_hops).Slots[_slot];
}

/// <summary>ns.attribute on the left of an assignment.</summary>
internal sealed class NamespaceTarget(NameExpr ns, string attribute) : Expr
{
    public NameExpr Namespace => ns;

    public string Attribute => attribute;

    public override IEnumerable<Expr> Children => [ns];

    public override object? Eval(Activation a) => throw new InvalidOperationException();
}

internal sealed class ListExpr(List<Expr> items) : Expr
{
    public override IEnumerable<Expr> Children => items;

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1 + items.Count);
        var values = new List<object?>(items.Count);
        foreach (Expr item in items)
            values.Add(item.Eval(a));
        return new TemplateList(values);
    }
}

internal sealed class TupleExpr(List<Expr> items) : Expr
{
    public List<Expr> Items => items;

    public override IEnumerable<Expr> Children => items;

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1 + items.Count);
        var values = new object?[items.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = items[i].Eval(a);
        return new TemplateTuple(values);
    }
}

internal sealed class DictExpr(List<(Expr Key, Expr Value)> items) : Expr
{
    public override IEnumerable<Expr> Children => items.SelectMany(i => new[] { i.Key, i.Value });

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1 + items.Count);
        var dict = new TemplateDict();
        foreach ((Expr key, Expr value) in items)
            dict.Set(key.Eval(a), value.Eval(a));
        return dict;
    }
}

internal sealed class BinaryExpr(string op, Expr left, Expr right) : Expr
{
    public override IEnumerable<Expr> Children => [left, right];

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1);
        return Arithmetic.Binary(op, left.Eval(a), right.Eval(a));
    }
}

internal sealed class LogicExpr(bool isAnd, Expr left, Expr right) : Expr
{
    public override IEnumerable<Expr> Children => [left, right];

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1);
        object? value = left.Eval(a);
        return Ops.Truth(value) == isAnd ? right.Eval(a) : value;
    }
}

internal sealed class UnaryExpr(char op, Expr operand) : Expr
{
    public override IEnumerable<Expr> Children => [operand];

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1);
        object? value = operand.Eval(a);
        return op switch
        {
            '!' => Num.Box(!Ops.Truth(value)),
            '-' => Arithmetic.Negate(value),
            _ => Arithmetic.Plus(value),
        };
    }
}

/// <summary>a op b op c: every pair must hold, each operand is evaluated at most once.</summary>
internal sealed class CompareExpr(Expr first, List<(string Op, Expr Right)> rest) : Expr
{
    public override IEnumerable<Expr> Children => rest.Select(r => r.Right).Prepend(first);

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1);
        object? left = first.Eval(a);
        bool holds = true;
        foreach ((string op, Expr operand) in rest)
        {
            a.State.Budget.Spend(1);
            object? right = operand.Eval(a);
            holds = op switch
            {
                "==" => Ops.AreEqual(left, right),
                "!=" => !Ops.AreEqual(left, right),
                "in" => Comparison.Contains(right, left),
                "not in" => !Comparison.Contains(right, left),
                _ => Comparison.Ordered(op, left, right),
            };
            if (!holds)
                break;
            left = right;
        }

        return Num.Box(holds);
    }
}

/// <summary>a ~ b</summary>
internal sealed class ConcatExpr(List<Expr> parts) : Expr
{
    public override IEnumerable<Expr> Children => parts;

    /// <summary>Set inside an autoescape block.</summary>
    public EscapeMode Escape { get; set; }

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1);
        object?[] values = parts.ConvertAll(p => p.Eval(a)).ToArray();
        bool markup = Escape == EscapeMode.On && Array.Exists(values, v => v is Markup);
        var texts = new string[values.Length];
        long chars = 0;
        for (int i = 0; i < values.Length; i++)
        {
            texts[i] = markup ? Html.EscapeValue(values[i]).Text : Ops.Str(values[i]);
            chars += texts[i].Length;
        }

        Budget.ChargeText(chars);
        string text = string.Concat(texts);
        return markup ? new Markup(text) : text;
    }
}

internal sealed class CondExpr(Expr test, Expr then, Expr? otherwise) : Expr
{
    public override IEnumerable<Expr> Children =>
        otherwise is null ? [then, test] : [then, test, otherwise];

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1);
        if (Ops.Truth(test.Eval(a)))
            return then.Eval(a);
        return otherwise is null
            ? new Undefined($"the inline if-expression on line {Line} evaluated to false and no else "
                + "section was defined.")
            : otherwise.Eval(a);
    }
}

internal sealed class AttributeExpr(Expr target, string name) : Expr
{
    public override IEnumerable<Expr> Children => [target];

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1);
        return Attributes.GetAttribute(a.State, target.Eval(a), name);
    }
}

internal sealed class ItemExpr(Expr target, Expr key) : Expr
{
    public override IEnumerable<Expr> Children => [target, key];

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1);
        object? obj = target.Eval(a);
        return Attributes.GetItem(a.State, obj, key.Eval(a));
    }
}

internal sealed class SliceExpr(Expr target, Expr? start, Expr? stop, Expr? step) : Expr
{
    public override IEnumerable<Expr> Children =>
        new[] { target, start, stop, step }.OfType<Expr>();

    /// <summary>
    /// In a printed constant, slicing what has no slices is undefined instead of an error: jinja2 folds
    /// such expressions while compiling, under the rules of plain subscripts.
    /// </summary>
    public bool IsFolded { get; set; }

    public override object? Eval(Activation a)
    {
        a.State.Budget.Spend(1);
        object? value = target.Eval(a);
        object? from = start?.Eval(a);
        object? to = stop?.Eval(a);
        object? by = step?.Eval(a);
        try
        {
            return Slice.Apply(value, from, to, by);
        }
        catch (TemplateException e) when (IsFolded && e.Kind == TemplateErrorKind.TypeError)
        {
            return Undefined.Member(value, new TemplateSlice(from, to, by));
        }
    }
}

/// <summary>What stands between the brackets of a slice; never part of the finished tree.</summary>
internal sealed class SliceKeyExpr(Expr? start, Expr? stop, Expr? step) : Expr
{
    public Expr? Start => start;

    public Expr? Stop => stop;

    public Expr? Step => step;

    public override IEnumerable<Expr> Children => new[] { start, stop, step }.OfType<Expr>();

    public override object? Eval(Activation a) =>
        new TemplateSlice(start?.Eval(a), stop?.Eval(a), step?.Eval(a));
}
