namespace Engine.Grammar;

/// <summary>
/// Takes out of a mask the tokens that would write an item twice where items have to differ. Those of a vocabulary that
/// could are found by walking it along what may still repeat; text that repeats nothing so far is not walked.
/// </summary>
internal sealed class UniqueTokens
{
    private readonly TokenTrie _trie;
    private readonly TriePart _all;
    private readonly bool[] _closesBelow;
    private readonly int[] _openers;
    private readonly int[] _closers;

    public UniqueTokens(TokenTrie trie, byte[]?[] texts, int[] sorted)
    {
        _trie = trie;
        _all = new TriePart(texts, sorted, isPlain: false);
        _closesBelow = ClosesBelow(_all);
        _openers = [.. sorted.Where(id => HasAfter(texts[id], '[', ",") && texts[id].AsSpan().IndexOf((byte)',') > 0)];
        _closers = [.. sorted.Where(id => HasAfter(texts[id], '"', ",]}"))];
    }

    /// <summary>Memory it takes, roughly.</summary>
    public long SizeBytes => _all.SizeBytes + _closesBelow.Length + (4L * (_openers.Length + _closers.Length));

    /// <summary>Takes them out.</summary>
    /// <param name="network">Where.</param>
    /// <param name="at">What is open, and what there has been.</param>
    /// <param name="mask">The tokens that fit without regard to what there has been.</param>
    /// <returns>False if the work budget is spent: the mask is not right then.</returns>
    public bool Filter(Network network, PositionSet at, Span<uint> mask)
    {
        if (!at.Scan.IsActive || at.Scan.RepeatsNothing)
        {
            foreach (int id in at.Scan.IsActive ? _closers : _openers)
            {
                if ((mask[id >> 5] >> (id & 31) & 1) != 0 && !UniqueSteps.Fits(network, at, _trie.Text(id)))
                {
                    mask[id >> 5] &= ~(1u << (id & 31));
                }
            }

            return !WorkBudget.IsSpent;
        }

        int set = network.Enter(at, out StepTables tables);
        return Walk(network, tables, set, at.Scan, 0, _all.NumNodes, mask);
    }

    /// <summary>The nodes of one level from a node on.</summary>
    private bool Walk(
        Network network, StepTables tables, int from, in JsonScan scan, int node, int end, Span<uint> mask)
    {
        for (; node < end; node = _all.EndOf(node))
        {
            (StepTables same, int at, JsonScan after) = (tables, from, scan);
            WorkBudget.Spend(WorkBudget.Node);
            if (!UniqueSteps.TryStep(network, ref same, ref at, _all.ByteOf(node), ref after, mayForget: false))
            {
                Clear(_all.TokensIn(node, _all.EndOf(node)), mask);
            }
            else
            {
                ReadOnlySpan<int> ended = _all.TokensIn(node, node + 1);
                if (!ended.IsEmpty && !UniqueSteps.MayGoOn(network, same, at, after))
                {
                    Clear(ended, mask);
                }

                if ((!after.RepeatsNothing || _closesBelow[node])
                    && !Walk(network, same, at, after, node + 1, _all.EndOf(node), mask))
                {
                    return false;
                }
            }

            if (WorkBudget.IsSpent)
            {
                return false;
            }
        }

        return true;
    }

    private static void Clear(ReadOnlySpan<int> ids, Span<uint> mask)
    {
        foreach (int id in ids)
        {
            mask[id >> 5] &= ~(1u << (id & 31));
        }
    }

    private static bool HasAfter(ReadOnlySpan<byte> text, char first, ReadOnlySpan<char> then)
    {
        int at = text.IndexOf((byte)first);
        foreach (char value in at < 0 ? [] : then)
        {
            if (text[(at + 1)..].Contains((byte)value))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Nodes below which a quote comes and then something that ends an item.</summary>
    private static bool[] ClosesBelow(TriePart all)
    {
        var ends = new bool[all.NumNodes];
        var closes = new bool[all.NumNodes];
        for (int node = all.NumNodes - 1; node >= 0; node--)
        {
            for (int child = node + 1; child < all.EndOf(node); child = all.EndOf(child))
            {
                ends[node] |= ends[child] || all.ByteOf(child) is (byte)',' or (byte)']' or (byte)'}';
                closes[node] |= closes[child] || (all.ByteOf(child) == '"' && ends[child]);
            }
        }

        return closes;
    }
}
