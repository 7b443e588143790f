using Engine.Diagnostics;

namespace Engine.Grammar;

/// <summary>Makes a network of byte edges and calls out of nodes; one call per rule that is referred to.</summary>
internal sealed class NetworkBuilder
{
    /// <summary>What the error says of a grammar without texts.</summary>
    public const string NoText = "matches no text at all";

    private readonly string _field;
    private readonly int _maxStates;
    private readonly int _maxMilliseconds;
    private readonly double _begun = ThreadClock.Microseconds();
    private readonly List<BuildState> _states = [];
    private readonly List<Node?> _rules = [];
    private int[] _ruleStarts = [];

    /// <param name="field">Named by errors.</param>
    /// <param name="limits">How large it may become.</param>
    public NetworkBuilder(string field, GrammarLimits limits)
    {
        _field = field;
        _maxStates = limits.MaxStates;
        _maxMilliseconds = limits.MaxCompileMilliseconds;
    }

    /// <summary>White space between tokens of JSON.</summary>
    public Node JsonSpace { get; init; } = JsonNodes.Space;

    /// <summary>Ends a compilation that takes too long.</summary>
    public void CheckTime()
    {
        if (ThreadClock.Microseconds() - _begun > _maxMilliseconds * 1e3)
        {
            throw EngineException.Invalid(_field, $"takes more than {_maxMilliseconds} ms to compile");
        }
    }

    /// <summary>A rule to be defined later.</summary>
    public int NewRule()
    {
        _rules.Add(null);
        return _rules.Count - 1;
    }

    public void Define(int rule, Node body) => _rules[rule] = body;

    /// <summary>A rule of a node, so that using it often costs its states once.</summary>
    public Node.Rule RuleOf(Node body)
    {
        int rule = NewRule();
        Define(rule, body);
        return new Node.Rule(rule);
    }

    /// <summary>The network that matches a node from beginning to end.</summary>
    public Network Build(Node root)
    {
        _ruleStarts = new int[_rules.Count];
        for (int rule = 0; rule < _rules.Count; rule++)
        {
            _ruleStarts[rule] = NewState();
        }

        int start = NewState();
        int end = NewState();
        _states[end].IsFinal = true;
        Add(root, start, end, 0);
        for (int rule = 0; rule < _rules.Count; rule++)
        {
            int last = NewState();
            _states[last].IsFinal = true;
            Add(_rules[rule] ?? Node.Never, _ruleStarts[rule], last, 0);
        }

        NetworkPruner.Prune(_states);
        if (!_states[start].IsAlive)
        {
            throw EngineException.Invalid(_field, NoText);
        }

        start = LeftRecursion.Remove(_states, start, NewState);
        return new Network(_field, start, _states);
    }

    private int NewState()
    {
        if (_states.Count >= _maxStates)
        {
            throw EngineException.Invalid(
                _field, $"needs more than {_maxStates} states; lower its repetition counts");
        }

        if (_states.Count % 1024 == 0)
        {
            CheckTime();
        }

        _states.Add(new BuildState());
        return _states.Count - 1;
    }

    private void Add(Node node, int from, int to, int depth)
    {
        // Parsers hold depth far below; this only keeps a defect from overflowing the stack.
        if (depth > 2000)
        {
            throw EngineException.Invalid(_field, "is nested too deeply");
        }

        switch (node)
        {
            case Node.Literal literal:
                AddBytes(literal.Bytes, from, to);
                break;
            case Node.CharClass chars:
                AddChars(chars.Set, from, to);
                break;
            case Node.Sequence sequence:
                AddSequence(sequence.Parts, from, to, depth);
                break;
            case Node.Choice choice:
                AddChoice(choice.Options, from, to, depth);
                break;
            case Node.Repeat repeat:
                AddRepeat(repeat, from, to, depth);
                break;
            case Node.ByteRange range:
                _states[from].Edges.Add(new ByteEdge(range.Low, range.High, to));
                break;
            case Node.Graph graph:
                AddGraph(graph, from, to, depth);
                break;
            case Node.Marked marked:
                int state = NewState();
                _states[state].Mark = marked.Mark;
                _states[from].Empty.Add(state);
                _states[state].Empty.Add(to);
                break;
            case Node.Rule rule:
                _states[from].Calls.Add((_ruleStarts[rule.Index], to));
                break;
        }
    }

    private void AddBytes(byte[] bytes, int from, int to)
    {
        if (bytes.Length == 0)
        {
            _states[from].Empty.Add(to);
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            int next = i == bytes.Length - 1 ? to : NewState();
            _states[from].Edges.Add(new ByteEdge(bytes[i], bytes[i], next));
            from = next;
        }
    }

    private void AddChars(CharSet set, int from, int to)
    {
        var tails = new Dictionary<string, int>();
        foreach ((byte Low, byte High)[] sequence in set.Utf8())
        {
            int next = Tail(sequence, 1, to, tails);
            _states[from].Edges.Add(new ByteEdge(sequence[0].Low, sequence[0].High, next));
        }
    }

    /// <summary>The state from which the rest of a byte sequence leads to a state; equal rests share it.</summary>
    private int Tail((byte Low, byte High)[] sequence, int at, int to, Dictionary<string, int> tails)
    {
        if (at == sequence.Length)
        {
            return to;
        }

        string key = string.Join(';', sequence[at..]);
        if (!tails.TryGetValue(key, out int state))
        {
            int next = Tail(sequence, at + 1, to, tails);
            state = NewState();
            _states[state].Edges.Add(new ByteEdge(sequence[at].Low, sequence[at].High, next));
            tails.Add(key, state);
        }

        return state;
    }

    private void AddSequence(Node[] parts, int from, int to, int depth)
    {
        if (parts.Length == 0)
        {
            _states[from].Empty.Add(to);
        }

        for (int i = 0; i < parts.Length; i++)
        {
            int next = i == parts.Length - 1 ? to : NewState();
            Add(parts[i], from, next, depth + 1);
            from = next;
        }
    }

    /// <summary>Options that begin with the same bytes share their states as long as the bytes are the same.</summary>
    private void AddChoice(Node[] options, int from, int to, int depth)
    {
        Dictionary<(int State, byte Value), int> shared = [];
        foreach (Node option in options)
        {
            List<byte> prefix = [];
            Node? rest = options.Length > 1 ? SplitPrefix(option, prefix) : option;
            int state = from;
            foreach (byte value in prefix)
            {
                if (!shared.TryGetValue((state, value), out int next))
                {
                    next = NewState();
                    _states[state].Edges.Add(new ByteEdge(value, value, next));
                    shared.Add((state, value), next);
                }

                state = next;
            }

            if (rest is null)
            {
                _states[state].Empty.Add(to);
            }
            else
            {
                Add(rest, state, to, depth + 1);
            }
        }
    }

    /// <summary>The bytes that a node begins with in any case, and what comes after them; null is nothing.</summary>
    private static Node? SplitPrefix(Node node, List<byte> prefix)
    {
        switch (node)
        {
            case Node.Literal literal:
                prefix.AddRange(literal.Bytes);
                return null;
            case Node.Sequence sequence:
                for (int i = 0; i < sequence.Parts.Length; i++)
                {
                    if (SplitPrefix(sequence.Parts[i], prefix) is { } rest)
                    {
                        return i == sequence.Parts.Length - 1
                            ? rest
                            : Node.Seq(sequence.Parts[(i + 1)..].Prepend(rest));
                    }
                }

                return null;
            default:
                return node;
        }
    }

    private void AddGraph(Node.Graph graph, int from, int to, int depth)
    {
        var states = new int[graph.NumStates];
        for (int i = 0; i < states.Length; i++)
        {
            states[i] = NewState();
        }

        _states[from].Empty.Add(states[0]);
        foreach (GraphEdge edge in graph.Edges)
        {
            Add(edge.Via, states[edge.From], states[edge.To], depth + 1);
        }

        foreach (int final in graph.Finals)
        {
            _states[states[final]].Empty.Add(to);
        }
    }

    private void AddRepeat(Node.Repeat repeat, int from, int to, int depth)
    {
        for (int i = 0; i < repeat.Min; i++)
        {
            int next = NewState();
            Add(repeat.Body, from, next, depth + 1);
            from = next;
        }

        if (repeat.Max < 0)
        {
            // Its own state, so that coming back cannot take what else starts at from.
            int loop = NewState();
            _states[from].Empty.Add(loop);
            _states[loop].Empty.Add(to);
            Add(repeat.Body, loop, loop, depth + 1);
            return;
        }

        for (int i = repeat.Min; i < repeat.Max; i++)
        {
            int next = NewState();
            _states[from].Empty.Add(to);
            Add(repeat.Body, from, next, depth + 1);
            from = next;
        }

        _states[from].Empty.Add(to);
    }
}
