namespace Engine.Tokenization.Templating;

/// <summary>The slots of one function: the template, a block, a macro, a loop filter, a recursive loop.</summary>
internal sealed class FunctionScope(FunctionScope? parent)
{
    public int SlotCount { get; private set; }

    public int AddSlot() => SlotCount++;

    /// <summary>How many functions lie between this one and one around it.</summary>
    public int HopsTo(FunctionScope outer)
    {
        int hops = 0;
        for (FunctionScope? f = this; f != outer; f = f!.Parent)
            hops++;
        return hops;
    }

    private FunctionScope? Parent => parent;
}

/// <summary>A variable of a scope.</summary>
internal sealed record Variable(string Name, FunctionScope Function, int Slot);

internal enum LoadKind
{
    /// <summary>Set by the caller or the loop before the scope starts.</summary>
    Parameter,

    /// <summary>Looked up in the context when the scope starts.</summary>
    Resolve,

    /// <summary>Starts with the value of the variable of the same name around it.</summary>
    Alias,

    /// <summary>Starts without a value.</summary>
    Undefined,
}

internal readonly record struct Load(LoadKind Kind, Variable? Source);

/// <summary>What to do to the slots of a scope when it is entered.</summary>
internal sealed class ScopeEntry
{
    public static readonly ScopeEntry Empty = new([], new FunctionScope(null));

    private readonly (string Name, int Slot, LoadKind Kind, int Hops, int Source)[] _loads;

    public ScopeEntry(IEnumerable<(Variable Target, Load Load)> loads, FunctionScope function) =>
        _loads = loads.Select(l => (
            l.Target.Name, l.Target.Slot, l.Load.Kind,
            l.Load.Source is null ? 0 : function.HopsTo(l.Load.Source.Function),
            l.Load.Source?.Slot ?? 0)).ToArray();

    public void Run(Activation a)
    {
        foreach ((string name, int slot, LoadKind kind, int hops, int source) in _loads)
        {
            a.Slots[slot] = kind switch
            {
                LoadKind.Resolve => a.Context.Resolve(name),
                LoadKind.Alias => a.Up(hops).Slots[source],
                _ => CallArgs.Missing,
            };
        }
    }
}

/// <summary>
/// The names of one scope. A name that is only read belongs to the scope that first needs it; a name that
/// is written is local and starts as a copy of the one outside. These are the rules of jinja2, which
/// differ from plain dynamic scoping when a name is read before it is set.
/// </summary>
internal sealed class Symbols
{
    private readonly Symbols? _parent;
    private readonly FunctionScope _function;
    private readonly Dictionary<string, Variable> _variables;
    private readonly Dictionary<string, Variable> _refs = [];
    private readonly Dictionary<Variable, Load> _loads = [];
    private readonly HashSet<string> _stores = [];

    public Symbols(Symbols? parent, FunctionScope function)
    {
        _parent = parent;
        _function = function;
        _variables = [];
    }

    private Symbols(Symbols original)
    {
        _parent = original._parent;
        _function = original._function;
        _variables = original._variables;
        _refs = new(original._refs);
        _loads = new(original._loads);
        _stores = [.. original._stores];
    }

    public FunctionScope Function => _function;

    /// <summary>A copy for one branch of an if; its variables are shared with the other branches.</summary>
    public Symbols Branch() => new(this);

    private Variable Define(string name, Load load)
    {
        if (!_variables.TryGetValue(name, out Variable? variable))
        {
            variable = new Variable(name, _function, _function.AddSlot());
            _variables[name] = variable;
        }

        _refs[name] = variable;
        _loads[variable] = load;
        return variable;
    }

    public Variable? Find(string name) =>
        _refs.TryGetValue(name, out Variable? variable) ? variable : _parent?.Find(name);

    public void Store(string name)
    {
        _stores.Add(name);
        if (_refs.ContainsKey(name))
            return;
        Variable? outer = _parent?.Find(name);
        Define(name, outer is null ? new Load(LoadKind.Undefined, null) : new Load(LoadKind.Alias, outer));
    }

    public Variable DeclareParameter(string name)
    {
        _stores.Add(name);
        return Define(name, new Load(LoadKind.Parameter, null));
    }

    public void Read(string name)
    {
        if (Find(name) is null)
            Define(name, new Load(LoadKind.Resolve, null));
    }

    /// <summary>Merges the branches of an if: what only some of them set must start with a value.</summary>
    public void Merge(IReadOnlyList<Symbols> branches)
    {
        var stores = new HashSet<string>();
        foreach (Symbols branch in branches)
            stores.UnionWith(branch._stores);
        stores.ExceptWith(_stores);
        foreach (Symbols branch in branches)
        {
            foreach ((string name, Variable variable) in branch._refs)
                _refs[name] = variable;
            foreach ((Variable variable, Load load) in branch._loads)
                _loads[variable] = load;
            _stores.UnionWith(branch._stores);
        }

        foreach (string name in stores)
        {
            Variable? outer = _parent?.Find(name);
            _loads[Find(name)!] = outer is null
                ? new Load(LoadKind.Resolve, null)
                : new Load(LoadKind.Alias, outer);
        }
    }

    public ScopeEntry Entry() => new(
        _loads.Where(l => l.Value.Kind != LoadKind.Parameter).Select(l => (l.Key, l.Value)),
        _function);

    /// <summary>Names assigned in this scope or around it.</summary>
    public IEnumerable<string> AllStores() =>
        _parent is null ? _stores : _stores.Union(_parent.AllStores());
}
