namespace Engine.Grammar;

/// <summary>An edge for a range of bytes.</summary>
internal readonly record struct ByteEdge(byte Low, byte High, int Target);

/// <summary>States of arrays whose items have to differ.</summary>
internal enum StateMark : byte
{
    /// <summary>Any other state.</summary>
    None,

    /// <summary>Such an array has just begun.</summary>
    UniqueBegins,

    /// <summary>An item of it is complete; no way leads on if there has been the same before.</summary>
    ItemEnds,
}

/// <summary>A state while a network is built.</summary>
internal sealed class BuildState
{
    public List<ByteEdge> Edges { get; private set; } = [];

    public List<int> Empty { get; private set; } = [];

    public List<(int Start, int Return)> Calls { get; private set; } = [];

    /// <summary>A rule ends here.</summary>
    public bool IsFinal { get; set; }

    /// <summary>What <see cref="JsonScan"/> has to do with it.</summary>
    public StateMark Mark { get; set; }

    /// <summary>Some text leads from here to the end of the rule.</summary>
    public bool IsAlive { get; set; }

    /// <summary>Keeps what leads to the end.</summary>
    public void KeepAlive(List<BuildState> states)
    {
        Edges = [.. Edges.Where(edge => states[edge.Target].IsAlive)];
        Empty = [.. Empty.Where(target => states[target].IsAlive).Distinct()];
        Calls = [.. Calls.Where(c => states[c.Start].IsAlive && states[c.Return].IsAlive).Distinct()];
    }
}

/// <summary>Removes what can never be completed, so that every prefix still alive has an end.</summary>
internal static class NetworkPruner
{
    /// <summary>Marks the states that some text leads to the end of their rule, and drops the rest.</summary>
    public static void Prune(List<BuildState> states)
    {
        // Who becomes alive when a state does: its predecessors, and callers of the rule it starts.
        var waiting = new List<int>[states.Count];
        for (int i = 0; i < states.Count; i++)
        {
            foreach (ByteEdge edge in states[i].Edges)
            {
                (waiting[edge.Target] ??= []).Add(i);
            }

            foreach (int target in states[i].Empty)
            {
                (waiting[target] ??= []).Add(i);
            }

            foreach ((int start, int back) in states[i].Calls)
            {
                (waiting[start] ??= []).Add(i);
                (waiting[back] ??= []).Add(i);
            }
        }

        var queue = new Queue<int>(Enumerable.Range(0, states.Count).Where(i => states[i].IsFinal));
        while (queue.TryDequeue(out int state))
        {
            if (states[state].IsAlive)
            {
                continue;
            }

            states[state].IsAlive = true;
            foreach (int candidate in waiting[state] ?? [])
            {
                if (!states[candidate].IsAlive && BecomesAlive(states, candidate))
                {
                    queue.Enqueue(candidate);
                }
            }
        }

        foreach (BuildState state in states)
        {
            state.KeepAlive(states);
        }
    }

    private static bool BecomesAlive(List<BuildState> states, int index)
    {
        BuildState state = states[index];
        return state.Edges.Exists(edge => states[edge.Target].IsAlive)
            || state.Empty.Exists(target => states[target].IsAlive)
            || state.Calls.Exists(c => states[c.Start].IsAlive && states[c.Return].IsAlive);
    }
}
