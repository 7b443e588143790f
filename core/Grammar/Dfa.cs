using System.Text;

namespace Engine.Grammar;

/// <summary>
/// A language of texts as a deterministic automaton over their UTF-8 bytes, for what networks cannot do: both of
/// two, and one without the other. State 0 is the beginning.
/// </summary>
internal sealed class Dfa
{
    private const int Dead = -1;
    private const int MaxStates = 20_000;

    private readonly List<int[]> _next = [];
    private readonly List<bool> _isFinal = [];

    private Dfa()
    {
    }

    /// <summary>True if there is no text in it.</summary>
    public bool IsEmpty => !_isFinal.Contains(true);

    /// <summary>The texts of a node, which has no rules.</summary>
    public static Dfa Of(Node node, string field, GrammarLimits limits)
    {
        Network network;
        try
        {
            network = new NetworkBuilder(field, limits).Build(node);
        }
        catch (EngineException e) when (e.Message.Contains(NetworkBuilder.NoText, StringComparison.Ordinal))
        {
            return Build(0, _ => false, (_, _) => (int?)null, field);
        }

        int start = network.Enter(network.Start, out StepTables tables);
        var sets = new List<int> { start };
        var numbers = new Dictionary<int, int> { [start] = 0 };
        var dfa = new Dfa();
        for (int state = 0; state < sets.Count; state++)
        {
            int[] next = dfa.AddState(tables.Facts(sets[state]).MayEnd, field);
            for (int value = 0; value < 256; value++)
            {
                // What is forgotten would come back as something else.
                int set = network.StepClass(tables, sets[state], network.Classes.Of[value], mayForget: false);
                if (set == StepTables.Dead)
                {
                    continue;
                }

                if (!numbers.TryGetValue(set, out next[value]))
                {
                    next[value] = sets.Count;
                    numbers.Add(set, sets.Count);
                    sets.Add(set);
                }
            }
        }

        return dfa;
    }

    /// <summary>An automaton given by its steps.</summary>
    /// <param name="start">The caller's number of the beginning.</param>
    /// <param name="isFinal">Whether a text may end in a state.</param>
    /// <param name="step">The state after a byte, or null.</param>
    /// <param name="field">Named by errors.</param>
    public static Dfa Build<T>(T start, Func<T, bool> isFinal, Func<T, byte, T?> step, string field)
        where T : struct
    {
        var dfa = new Dfa();
        var states = new List<T> { start };
        var numbers = new Dictionary<T, int> { [start] = 0 };
        for (int state = 0; state < states.Count; state++)
        {
            int[] next = dfa.AddState(isFinal(states[state]), field);
            for (int value = 0; value < 256; value++)
            {
                if (step(states[state], (byte)value) is not { } target)
                {
                    continue;
                }

                if (!numbers.TryGetValue(target, out next[value]))
                {
                    next[value] = states.Count;
                    numbers.Add(target, states.Count);
                    states.Add(target);
                }
            }
        }

        return dfa.Trim();
    }

    /// <summary>Texts in both.</summary>
    public Dfa And(Dfa other, string field) => Build(
        (A: 0, B: 0),
        s => _isFinal[s.A] && other._isFinal[s.B],
        (s, value) => (_next[s.A][value], other._next[s.B][value]) is ( >= 0, >= 0) both ? both : null,
        field);

    /// <summary>Texts in this one only.</summary>
    public Dfa Minus(Dfa other, string field) => Build(
        (A: 0, B: 0),
        s => _isFinal[s.A] && !(s.B >= 0 && other._isFinal[s.B]),
        (s, value) => _next[s.A][value] is >= 0 and int a
            ? (a, s.B < 0 ? Dead : other._next[s.B][value])
            : null,
        field);

    /// <summary>Texts in either.</summary>
    public Dfa Or(Dfa other, string field) => Build(
        (A: 0, B: 0),
        s => (s.A >= 0 && _isFinal[s.A]) || (s.B >= 0 && other._isFinal[s.B]),
        (s, value) => (s.A < 0 ? Dead : _next[s.A][value], s.B < 0 ? Dead : other._next[s.B][value]) is var t
            && (t.Item1 >= 0 || t.Item2 >= 0) ? t : null,
        field);

    public bool Accepts(string text)
    {
        int state = 0;
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            state = _next[state][value];
            if (state < 0)
            {
                return false;
            }
        }

        return _isFinal[state];
    }

    /// <summary>How many texts there are: so many at most, also where they have no end.</summary>
    public long Count(long most)
    {
        var ways = new long[_next.Count];
        var before = new int[_next.Count];
        foreach (int target in _next.SelectMany(next => next).Where(target => target >= 0))
        {
            before[target]++;
        }

        // A state comes when all that leads to it has come, so that one in a circle never does.
        ways[0] = 1;
        long count = 0;
        int numLeft = _next.Count;
        var todo = new Stack<int>(Enumerable.Range(0, _next.Count).Where(state => before[state] == 0));
        for (; todo.TryPop(out int state); numLeft--)
        {
            count = Math.Min(count + (_isFinal[state] ? ways[state] : 0), most);
            foreach (int target in _next[state].Where(target => target >= 0))
            {
                ways[target] = Math.Min(ways[target] + ways[state], most);
                if (--before[target] == 0)
                {
                    todo.Push(target);
                }
            }
        }

        return numLeft > 0 ? most : count;
    }

    /// <summary>The texts as they are.</summary>
    public Node ToNode() => ToNode(_ => null, null);

    /// <summary>The texts inside of a JSON string, each character in its shortest spelling.</summary>
    /// <param name="anyEscape">Any one of the characters that have to be escaped.</param>
    public Node ToJson(Node anyEscape) => ToNode(
        value => value < 0x80 && JsonNodes.NeedsEscape((char)value) ? JsonNodes.Escape((char)value) : null, anyEscape);

    private Node.Graph ToNode(Func<byte, string?> escape, Node? anyEscape)
    {
        var edges = new List<GraphEdge>();
        for (int state = 0; state < _next.Count; state++)
        {
            int[] next = _next[state];
            int[] escaped = [.. Enumerable.Range(0, 256).Where(value => escape((byte)value) is not null)];
            bool allAlike = escaped.Length > 0 && escaped.All(value => next[value] == next[escaped[0]]);
            if (allAlike && next[escaped[0]] >= 0)
            {
                edges.Add(new GraphEdge(state, anyEscape!, next[escaped[0]]));
            }

            for (int value = 0; value < 256;)
            {
                int low = value;
                string? spelling = escape((byte)value);
                while (++value < 256 && spelling is null && next[value] == next[low] && escape((byte)value) is null)
                {
                }

                if (next[low] >= 0 && (spelling is null || !allAlike))
                {
                    Node via = spelling is null
                        ? new Node.ByteRange((byte)low, (byte)(value - 1))
                        : Node.Text(spelling);
                    edges.Add(new GraphEdge(state, via, next[low]));
                }
            }
        }

        return new Node.Graph(
            _next.Count, [.. edges], [.. Enumerable.Range(0, _next.Count).Where(state => _isFinal[state])]);
    }

    private int[] AddState(bool isFinal, string field)
    {
        if (_next.Count >= MaxStates)
        {
            throw EngineException.Invalid(field, $"constraints on one text need more than {MaxStates} states");
        }

        var next = new int[256];
        Array.Fill(next, Dead);
        _next.Add(next);
        _isFinal.Add(isFinal);
        return next;
    }

    /// <summary>Drops what leads to no end.</summary>
    private Dfa Trim()
    {
        var before = new List<int>[_next.Count];
        for (int state = 0; state < _next.Count; state++)
        {
            foreach (int target in _next[state].Where(target => target >= 0).Distinct())
            {
                (before[target] ??= []).Add(state);
            }
        }

        var alive = new bool[_next.Count];
        var todo = new Stack<int>(Enumerable.Range(0, _next.Count).Where(state => _isFinal[state]));
        while (todo.TryPop(out int state))
        {
            if (!alive[state])
            {
                alive[state] = true;
                before[state]?.ForEach(todo.Push);
            }
        }

        foreach (int[] next in _next)
        {
            for (int value = 0; value < 256; value++)
            {
                next[value] = next[value] >= 0 && alive[next[value]] ? next[value] : Dead;
            }
        }

        return this;
    }
}
