namespace Engine.Grammar;

/// <summary>
/// Rewrites rules that call themselves before they have read anything. First every rule is made to read
/// something (an empty rule is stepped over by its caller); then a group of left-recursive rules is followed
/// from its left corner upwards: begin where one of its rules begins without the group, and each time a rule is
/// complete, go on in any rule of the group that may begin with it.
/// </summary>
internal sealed class LeftCorner
{
    private readonly List<BuildState> _old;
    private readonly bool[] _nullable;
    private readonly Func<int> _newState;
    private readonly List<BuildState> _states;
    private readonly Dictionary<int, int> _ruleOf = [];
    private readonly Queue<int> _todo = new();
    private readonly Dictionary<int, int[]> _bodies = [];
    private readonly Dictionary<int, HashSet<int>> _groups = [];

    private LeftCorner(List<BuildState> states, bool[] nullable, Func<int> newState)
    {
        _states = states;
        _old = [.. states];
        _nullable = nullable;
        _newState = newState;
    }

    /// <summary>Adds rewritten rules to the states.</summary>
    /// <param name="states">All states; new ones come after them.</param>
    /// <param name="nullable">Of the states there are: whether their rule's end is reached without reading.</param>
    /// <param name="root">Where the whole begins.</param>
    /// <param name="newState">Adds a state, within the limits.</param>
    /// <returns>The new beginning.</returns>
    public static int Rewrite(List<BuildState> states, bool[] nullable, int root, Func<int> newState)
    {
        var rewriter = new LeftCorner(states, nullable, newState);
        int start = newState();
        states[start].Empty.Add(rewriter.NonEmpty(root));
        if (nullable[root])
        {
            states[start].Empty.Add(newState());
            states[^1].IsFinal = true;
        }

        while (rewriter._todo.TryDequeue(out int rule))
        {
            rewriter.Fill(rule);
        }

        return start;
    }

    /// <summary>The rule that matches what an old rule matches, the empty text aside.</summary>
    private int NonEmpty(int rule)
    {
        if (!_ruleOf.TryGetValue(rule, out int start))
        {
            start = _newState();
            _ruleOf.Add(rule, start);
            _todo.Enqueue(rule);
        }

        return start;
    }

    private void Fill(int rule)
    {
        HashSet<int> group = GroupOf(rule);
        int end = _newState();
        _states[end].IsFinal = true;

        // Of each rule: the state after it is complete, and who may go on then.
        Dictionary<int, int> complete = [];
        foreach (int member in group)
        {
            complete.Add(member, _newState());
        }

        _states[complete[rule]].Empty.Add(end);
        foreach (int member in group)
        {
            int[] body = Body(member);
            var unread = body.ToDictionary(state => state, _ => _newState());
            var read = body.ToDictionary(state => state, _ => _newState());
            _states[_ruleOf[rule]].Empty.Add(unread[member]);
            foreach (int state in body)
            {
                Copy(state, read, read, []);
                Copy(state, unread, read, group);
                if (_old[state].IsFinal)
                {
                    _states[read[state]].Empty.Add(complete[member]);
                }
            }

            // Only corners that the body reaches without reading go upwards.
            foreach (int state in AtLeft(member))
            {
                foreach ((int callee, int back) in _old[state].Calls.Where(call => group.Contains(call.Start)))
                {
                    _states[complete[callee]].Empty.Add(read[back]);
                }
            }
        }
    }

    /// <summary>What leaves a state: without reading to its own kind of copy, else to those that have read.</summary>
    private void Copy(int state, Dictionary<int, int> own, Dictionary<int, int> read, HashSet<int> corners)
    {
        BuildState to = _states[own[state]];
        to.Edges.AddRange(_old[state].Edges.Select(edge => edge with { Target = read[edge.Target] }));
        to.Empty.AddRange(_old[state].Empty.Select(target => own[target]));
        foreach ((int callee, int back) in _old[state].Calls)
        {
            if (_nullable[callee])
            {
                to.Empty.Add(own[back]);
            }

            if (!corners.Contains(callee))
            {
                to.Calls.Add((NonEmpty(callee), read[back]));
            }
        }
    }

    /// <summary>The rules that reach a rule, and are reached by it, through calls at their left edge.</summary>
    private HashSet<int> GroupOf(int rule)
    {
        if (_groups.TryGetValue(rule, out HashSet<int>? known))
        {
            return known;
        }

        HashSet<int> below = Reach(rule);
        HashSet<int> group = [rule, .. below.Where(other => Reach(other).Contains(rule))];
        foreach (int member in group)
        {
            _groups.TryAdd(member, group);
        }

        return group;
    }

    private HashSet<int> Reach(int rule)
    {
        var found = new HashSet<int>();
        var todo = new Stack<int>([rule]);
        while (todo.TryPop(out int next))
        {
            foreach (int state in AtLeft(next))
            {
                foreach ((int callee, _) in _old[state].Calls)
                {
                    if (found.Add(callee))
                    {
                        todo.Push(callee);
                    }
                }
            }
        }

        return found;
    }

    /// <summary>States of a rule that are reached without reading.</summary>
    private List<int> AtLeft(int rule) => Walk(rule, state =>
        _old[state].Empty.Concat(_old[state].Calls.Where(c => _nullable[c.Start]).Select(c => c.Return)));

    private int[] Body(int rule)
    {
        if (!_bodies.TryGetValue(rule, out int[]? body))
        {
            body = [.. Walk(rule, state => _old[state].Empty
                .Concat(_old[state].Edges.Select(edge => edge.Target))
                .Concat(_old[state].Calls.Select(call => call.Return)))];
            _bodies.Add(rule, body);
        }

        return body;
    }

    private static List<int> Walk(int from, Func<int, IEnumerable<int>> next)
    {
        var seen = new HashSet<int> { from };
        var found = new List<int> { from };
        for (int i = 0; i < found.Count; i++)
        {
            found.AddRange(next(found[i]).Where(seen.Add));
        }

        return found;
    }
}
