namespace Engine.Grammar;

/// <summary>
/// Any text up to the first place where one of some strings is complete: Aho and Corasick's automaton over
/// code points.
/// </summary>
internal sealed class FreeText
{
    private readonly List<SortedDictionary<int, int>> _next = [[]];
    private readonly List<int> _fail = [0];
    private readonly List<List<int>> _found = [[]];

    /// <param name="strings">Not empty, each at least one character long.</param>
    public FreeText(IReadOnlyList<string> strings)
    {
        for (int i = 0; i < strings.Count; i++)
        {
            int state = 0;
            foreach (int point in GrammarText.CodePoints(strings[i]))
            {
                state = Child(state, point);
            }

            _found[state].Add(i);
        }

        Link();
    }

    public int NumStates => _next.Count;

    /// <summary>Which strings are complete in a state; none is free text still.</summary>
    public IReadOnlyList<int> Found(int state) => _found[state];

    /// <summary>Text that contains none of the strings.</summary>
    public static Node Without(IReadOnlyList<string> strings)
    {
        if (strings.Count == 0)
        {
            return Node.Star(Node.Chars(CharSet.All));
        }

        var text = new FreeText(strings);
        int[] free = [.. Enumerable.Range(0, text.NumStates).Where(state => text.Found(state).Count == 0)];
        return new Node.Graph(text.NumStates, [.. text.Edges()], free);
    }

    /// <summary>The edges between states; none leave a state in which a string is complete.</summary>
    public IEnumerable<GraphEdge> Edges()
    {
        for (int state = 0; state < _next.Count; state++)
        {
            if (_found[state].Count > 0)
            {
                continue;
            }

            var targets = new SortedDictionary<int, int>();
            for (int at = state; ; at = _fail[at])
            {
                foreach ((int point, int target) in _next[at])
                {
                    targets.TryAdd(point, target);
                }

                if (at == 0)
                {
                    break;
                }
            }

            foreach ((int point, int target) in targets)
            {
                yield return new GraphEdge(state, Node.Chars(CharSet.Of((point, point))), target);
            }

            CharSet named = CharSet.Of(targets.Keys.Select(point => (point, point)));
            yield return new GraphEdge(state, Node.Chars(named.Negate()), 0);
        }
    }

    private int Child(int state, int point)
    {
        if (!_next[state].TryGetValue(point, out int child))
        {
            child = _next.Count;
            _next[state].Add(point, child);
            _next.Add([]);
            _fail.Add(0);
            _found.Add([]);
        }

        return child;
    }

    /// <summary>Breadth first: a state falls back to the longest of its endings that is a state too.</summary>
    private void Link()
    {
        var queue = new Queue<int>(_next[0].Values);
        while (queue.TryDequeue(out int state))
        {
            _found[state].AddRange(_found[_fail[state]]);
            foreach ((int point, int child) in _next[state])
            {
                int fallback = _fail[state];
                int target;
                while (!_next[fallback].TryGetValue(point, out target) && fallback != 0)
                {
                    fallback = _fail[fallback];
                }

                _fail[child] = target;
                queue.Enqueue(child);
            }
        }
    }
}
