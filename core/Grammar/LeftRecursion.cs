namespace Engine.Grammar;

/// <summary>
/// Finds rules that call themselves before they have read anything: following them would push for ever.
/// </summary>
internal sealed class LeftRecursion
{
    private readonly List<BuildState> _states;
    private readonly bool[] _nullable;
    private readonly int[] _index;
    private readonly int[] _low;
    private readonly int[] _component;
    private readonly Stack<int> _open = new();
    private int _next = 1;

    private LeftRecursion(List<BuildState> states)
    {
        _states = states;
        _nullable = FindNullable(states);
        _index = new int[states.Count];
        _low = new int[states.Count];
        _component = new int[states.Count];
    }

    /// <summary>The beginning of states without such rules: the one given, or a rewritten one.</summary>
    /// <param name="states">All states, pruned; rewritten rules are added.</param>
    /// <param name="root">Where the whole begins.</param>
    /// <param name="newState">Adds a state, within the limits.</param>
    public static int Remove(List<BuildState> states, int root, Func<int> newState)
    {
        var search = new LeftRecursion(states);
        return search.IsFound() ? LeftCorner.Rewrite(states, search._nullable, root, newState) : root;
    }

    private bool IsFound()
    {
        for (int state = 0; state < _states.Count; state++)
        {
            Visit(state);
        }

        for (int state = 0; state < _states.Count; state++)
        {
            foreach ((int start, _) in _states[state].Calls)
            {
                if (_component[state] == _component[start])
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>States from which the rule's end is reached without reading.</summary>
    private static bool[] FindNullable(List<BuildState> states)
    {
        var nullable = new bool[states.Count];
        for (bool grew = true; grew;)
        {
            grew = false;
            for (int i = states.Count - 1; i >= 0; i--)
            {
                BuildState state = states[i];
                if (!nullable[i] && (state.IsFinal
                    || state.Empty.Exists(target => nullable[target])
                    || state.Calls.Exists(c => nullable[c.Start] && nullable[c.Return])))
                {
                    nullable[i] = true;
                    grew = true;
                }
            }
        }

        return nullable;
    }

    /// <summary>Tarjan's strongly connected components over the edges that read nothing; no recursion.</summary>
    private void Visit(int root)
    {
        if (_index[root] != 0)
        {
            return;
        }

        var work = new Stack<(int State, int Edge)>();
        work.Push((root, 0));
        while (work.TryPop(out (int State, int Edge) item))
        {
            (int state, int edge) = item;
            if (edge == 0)
            {
                _index[state] = _low[state] = _next++;
                _open.Push(state);
                _component[state] = -1;
            }

            int target = Target(state, edge);
            if (target >= 0)
            {
                work.Push((state, edge + 1));
                if (_index[target] == 0)
                {
                    work.Push((target, 0));
                }
                else if (_component[target] == -1)
                {
                    _low[state] = Math.Min(_low[state], _index[target]);
                }

                continue;
            }

            Close(state);
            if (work.TryPeek(out (int State, int Edge) parent))
            {
                _low[parent.State] = Math.Min(_low[parent.State], _low[state]);
            }
        }
    }

    private void Close(int state)
    {
        if (_low[state] != _index[state])
        {
            return;
        }

        int member;
        do
        {
            member = _open.Pop();
            _component[member] = _index[state];
        }
        while (member != state);
    }

    /// <summary>The n-th state reached without reading, or -1.</summary>
    private int Target(int state, int n)
    {
        BuildState from = _states[state];
        if (n < from.Empty.Count)
        {
            return from.Empty[n];
        }

        n -= from.Empty.Count;
        if (n >= 2 * from.Calls.Count)
        {
            return -1;
        }

        (int start, int back) = from.Calls[n / 2];

        // A rule that may be empty is also stepped over; else its start stands for itself once more.
        return n % 2 == 1 && _nullable[start] ? back : start;
    }
}
