using System.Text;

namespace Engine.Tokenization.Templating;

/// <summary>Everything that one rendering changes: output, budget, clock, tracked ranges.</summary>
internal sealed class RenderState
{
    private readonly StringBuilder _root = new();
    private readonly Stack<StringBuilder> _spare = new();
    private readonly int _outputCharsMax;
    private StringBuilder _out;

    public RenderState(CompiledTemplate template, TemplateLimits limits, int inputChars, DateTime? now)
    {
        Template = template;
        Budget = new Budget(limits);
        Now = now;
        _out = _root;
        long max = ((long)limits.OutputFactor * inputChars) + limits.OutputExtraChars;
        _outputCharsMax = (int)Math.Min(max, int.MaxValue / 2);
    }

    public CompiledTemplate Template { get; }

    public Budget Budget { get; }

    /// <summary>What strftime_now formats; null means the clock.</summary>
    public DateTime? Now { get; }

    /// <summary>True inside an autoescape block.</summary>
    public bool AutoEscape { get; set; }

    /// <summary>Code point ranges of the output that generation blocks wrote.</summary>
    public List<(int Start, int End)> AssistantRanges { get; } = [];

    public string Output => _root.ToString();

    public void Write(string text)
    {
        Budget.Spend(1 + (text.Length >> 7));
        _out.Append(text);
        if (_out == _root && Template.TracksAssistant)
            RootCodePoints += Unicode.Length(text);
        if (_out.Length > _outputCharsMax)
            throw TemplateException.Limit($"the output is longer than {_outputCharsMax} characters");
    }

    /// <summary>Starts to collect output instead of emitting it; hand the result to EndCapture.</summary>
    public StringBuilder BeginCapture()
    {
        StringBuilder outer = _out;
        _out = _spare.Count > 0 ? _spare.Pop() : new StringBuilder();
        return outer;
    }

    public string EndCapture(StringBuilder outer)
    {
        string text = _out.ToString();
        _spare.Push(_out.Clear());
        _out = outer;
        return text;
    }

    /// <summary>Code points that have reached the output so far, captures aside.</summary>
    public int RootCodePoints { get; private set; }
}

/// <summary>The variables that names fall back to: those set at the top level, then those given.</summary>
internal sealed class RenderContext(Dictionary<string, object?> given)
{
    public Dictionary<string, object?> Variables { get; } = [];

    public object? Resolve(string name)
    {
        if (Variables.TryGetValue(name, out object? value) || given.TryGetValue(name, out value))
            return value;
        return Globals.Table.TryGetValue(name, out Builtin? builtin) ? builtin : CallArgs.Missing;
    }

    /// <summary>A context for a scoped block: everything visible here plus the locals of the scope.</summary>
    public RenderContext Derive(IEnumerable<KeyValuePair<string, object?>> locals)
    {
        var merged = new Dictionary<string, object?>(given);
        foreach ((string name, object? value) in Variables)
            merged[name] = value;
        foreach ((string name, object? value) in locals)
        {
            if (value != CallArgs.Missing)
                merged[name] = value;
        }

        return new RenderContext(merged);
    }
}

/// <summary>The local variables of one running function: the template, a macro, a block, a loop.</summary>
internal sealed class Activation
{
    public Activation(FunctionScope function, RenderState state, RenderContext context, Activation? parent)
    {
        Slots = new object?[function.SlotCount];
        Array.Fill(Slots, CallArgs.Missing);
        State = state;
        Context = context;
        Parent = parent;
    }

    public object?[] Slots { get; }

    public RenderState State { get; }

    public RenderContext Context { get; }

    public Activation? Parent { get; }

    public Activation Up(int hops)
    {
        Activation a = this;
        for (; hops > 0; hops--)
            a = a.Parent!;
        return a;
    }
}
