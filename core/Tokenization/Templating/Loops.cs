namespace Engine.Tokenization.Templating;

/// <summary>{% for %}, with its filter, its else branch, the loop variable and recursion.</summary>
internal sealed class ForStmt(
    Expr target, Expr items, Expr? test, bool recursive, List<Stmt> body, List<Stmt> otherwise) : Stmt
{
    public Expr Target => target;

    public Expr Items => items;

    public Expr? Test => test;

    public bool Recursive => recursive;

    public List<Stmt> Body => body;

    public List<Stmt> Else => otherwise;

    public ScopeEntry BodyEntry { get; set; } = ScopeEntry.Empty;

    public ScopeEntry ElseEntry { get; set; } = ScopeEntry.Empty;

    /// <summary>Slot of the loop variable in the body's function, or -1 if nothing asks for it.</summary>
    public int LoopSlot { get; set; } = -1;

    /// <summary>The function that a recursive loop is.</summary>
    public FunctionScope? RecursiveFunction { get; set; }

    /// <summary>The function that the filter is, with its own copy of the target.</summary>
    public FunctionScope? TestFunction { get; set; }

    public ScopeEntry TestEntry { get; set; } = ScopeEntry.Empty;

    public Expr? TestTarget { get; set; }

    public override Flow Exec(Activation a)
    {
        a.State.Budget.Spend(1);
        object? sequence = items.Eval(a);
        if (!recursive)
            return Run(a, a, sequence, 0);
        object? text = RunRecursive(a, sequence, 0);
        EmitRaw(a, text);
        return Flow.Next;
    }

    /// <summary>Runs the loop as a function of its sequence.</summary>
    /// <param name="definition">The activation around the loop statement.</param>
    /// <param name="sequence">What to walk.</param>
    /// <param name="depth">0 for the outermost.</param>
    public object? RunRecursive(Activation definition, object? sequence, int depth)
    {
        RenderState state = definition.State;
        state.Budget.Enter();
        var inner = new Activation(RecursiveFunction!, state, definition.Context, definition);
        var outer = state.BeginCapture();
        Run(inner, definition, sequence, depth);
        string text = state.EndCapture(outer);
        state.Budget.Leave();
        return state.AutoEscape ? new Markup(text) : text;
    }

    private Flow Run(Activation a, Activation definition, object? sequence, int depth)
    {
        if (TestFunction is not null)
            sequence = new TemplateIterator(Filtered(definition, Ops.Iterate(sequence)));
        // As in Jinja, the else branch runs unless a body reached its end: also behind a break in the first one.
        bool ended = false;
        Flow flow;
        if (LoopSlot >= 0)
        {
            var loop = new LoopContext(sequence, recursive ? this : null, definition, depth);
            while (loop.MoveNext(out object? item))
            {
                a.Slots[LoopSlot] = loop;
                flow = Iteration(a, item);
                ended |= flow == Flow.Next;
                if (flow == Flow.Break)
                    break;
            }
        }
        else
        {
            foreach (object? item in Ops.Iterate(sequence))
            {
                flow = Iteration(a, item);
                ended |= flow == Flow.Next;
                if (flow == Flow.Break)
                    break;
            }
        }

        if (ended || otherwise.Count == 0)
            return Flow.Next;
        ElseEntry.Run(a);
        return ExecAll(otherwise, a);
    }

    /// <summary>Runs the body once.</summary>
    private Flow Iteration(Activation a, object? item)
    {
        a.State.Budget.Spend(1);
        Targets.Assign(target, a, item);
        BodyEntry.Run(a);
        return ExecAll(body, a);
    }

    private IEnumerable<object?> Filtered(Activation definition, IEnumerable<object?> source)
    {
        var a = new Activation(TestFunction!, definition.State, definition.Context, definition);
        TestEntry.Run(a);
        foreach (object? item in source)
        {
            a.State.Budget.Spend(1);
            Targets.Assign(TestTarget!, a, item);
            if (Ops.Truth(test!.Eval(a)))
                yield return item;
        }
    }
}

/// <summary>The loop variable.</summary>
internal sealed class LoopContext(object? sequence, ForStmt? recursion, Activation definition, int depth0)
{
    private IEnumerator<object?> _items = Ops.Iterate(sequence).GetEnumerator();
    private int _length = -1;
    private bool _hasNext;
    private object? _next;
    private object? _previous;
    private object? _current;
    private object?[]? _lastChanged;

    public int Index0 { get; private set; } = -1;

    public int Length
    {
        get
        {
            if (_length >= 0)
                return _length;
            _length = Ops.TryLen(sequence);
            if (_length < 0)
            {
                var rest = new List<object?>();
                while (_items.MoveNext())
                {
                    Budget.Charge(1);
                    rest.Add(_items.Current);
                }

                _items = rest.GetEnumerator();
                _length = rest.Count + Index0 + 1 + (_hasNext ? 1 : 0);
            }

            return _length;
        }
    }

    public bool MoveNext(out object? item)
    {
        if (!Peek())
        {
            item = null;
            return false;
        }

        item = _next;
        _hasNext = false;
        Index0++;
        _previous = _current;
        _current = item;
        return true;
    }

    private bool Peek()
    {
        if (!_hasNext && _items.MoveNext())
        {
            _hasNext = true;
            _next = _items.Current;
        }

        return _hasNext;
    }

    /// <summary>Iterating over the loop itself yields (item, loop) pairs and advances it.</summary>
    public IEnumerable<object?> Rest()
    {
        while (MoveNext(out object? item))
            yield return new TemplateTuple(item, this);
    }

    public object? Attribute(string name) => name switch
    {
        "index" => Num.Box(Index0 + 1L),
        "index0" => Num.Box((long)Index0),
        "first" => Num.Box(Index0 == 0),
        "last" => Num.Box(!Peek()),
        "length" => Num.Box((long)Length),
        "revindex" => Num.Box((long)Length - Index0),
        "revindex0" => Num.Box((long)Length - Index0 - 1),
        "depth" => Num.Box(depth0 + 1L),
        "depth0" => Num.Box((long)depth0),
        "previtem" => Index0 == 0 ? new Undefined("there is no previous item") : Found(_previous),
        "nextitem" => Peek() ? Found(_next) : new Undefined("there is no next item"),
        "cycle" => new BoundMethod(this, name, (_, args) => Cycle(args)),
        "changed" => new BoundMethod(this, name, (_, args) => Changed(args)),
        _ => null,
    };

    private static object Found(object? value) => value ?? Attributes.NoneFound;

    private object? Cycle(CallArgs args)
    {
        if (args.KeywordCount > 0)
            throw TemplateException.Type("cycle() got an unexpected keyword argument");
        if (args.Positional.Length == 0)
            throw TemplateException.Type("no items for cycling given");
        return args.Positional[Index0 % args.Positional.Length];
    }

    private object Changed(CallArgs args)
    {
        if (args.KeywordCount > 0)
            throw TemplateException.Type("changed() got an unexpected keyword argument");
        if (_lastChanged is not null && Ops.AreEqual(
            new TemplateTuple(_lastChanged), new TemplateTuple(args.Positional)))
        {
            return Num.False;
        }

        _lastChanged = args.Positional;
        return Num.True;
    }

    /// <summary>loop(items): the body again, one level deeper.</summary>
    public object? Call(CallArgs args)
    {
        object?[] a = args.Bind("loop", 1, "iterable");
        if (recursion is null)
        {
            throw TemplateException.Type(
                "The loop must have the 'recursive' marker to be called recursively.");
        }

        return recursion.RunRecursive(definition, a[0], depth0 + 1);
    }
}
