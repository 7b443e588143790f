namespace Engine.Grammar;

/// <summary>
/// Some tokens' byte strings as a trie in preorder: a whole subtree is stepped over at once, or taken at once where
/// all its characters lead back to where they came from.
/// </summary>
internal sealed class TriePart
{
    // Below it, walking is as cheap as finding out.
    private const int MinTakenNodes = 6;

    // Nodes walked between looks at the work budget.
    private const int NodesPerLook = 512;

    // What is open at each depth, and where each depth's subtree ends.
    [ThreadStatic]
    private static int[]? _open;

    [ThreadStatic]
    private static int[]? _closes;

    private readonly byte[] _bytes;
    private readonly int[] _ends;
    private readonly int[] _firstTokens;
    private readonly int[] _tokens;
    private readonly ulong[] _groups;
    private readonly int _maxDepth;

    /// <param name="texts">Bytes by id.</param>
    /// <param name="sortedIds">Ids with bytes, in the order of their bytes.</param>
    /// <param name="isPlain">All are plain text.</param>
    public TriePart(byte[]?[] texts, IEnumerable<int> sortedIds, bool isPlain)
    {
        var bytes = new List<byte>();
        var ends = new List<int>();
        var first = new List<int>();
        var tokens = new List<int>();
        var path = new List<int>();
        byte[] before = [];
        foreach (int id in sortedIds)
        {
            byte[] text = texts[id]!;
            int common = before.AsSpan().CommonPrefixLength(text);
            Close(path, ends, bytes.Count, common);
            for (int i = common; i < text.Length; i++)
            {
                path.Add(bytes.Count);
                bytes.Add(text[i]);
                ends.Add(0);
                first.Add(tokens.Count);
            }

            tokens.Add(id);
            _maxDepth = Math.Max(_maxDepth, text.Length);
            before = text;
        }

        Close(path, ends, bytes.Count, 0);
        first.Add(tokens.Count);
        _bytes = [.. bytes];
        _ends = [.. ends];
        _firstTokens = [.. first];
        _tokens = [.. tokens];
        _groups = isPlain ? Groups() : [];
    }

    /// <summary>Memory it takes, roughly.</summary>
    public long SizeBytes => (9L * _bytes.Length) + (4L * _tokens.Length) + (8L * _groups.Length);

    public int NumNodes => _bytes.Length;

    public byte ByteOf(int node) => _bytes[node];

    /// <summary>Behind all that is below a node.</summary>
    public int EndOf(int node) => _ends[node];

    /// <summary>The tokens that end at some nodes.</summary>
    public ReadOnlySpan<int> TokensIn(int firstNode, int endNode) =>
        _tokens.AsSpan(_firstTokens[firstNode].._firstTokens[endNode]);

    /// <summary>Sets the bit of each token that may come next.</summary>
    /// <param name="network">Where.</param>
    /// <param name="tables">Its tables; others, when they had to be renewed.</param>
    /// <param name="from">What is open; the same in the other tables.</param>
    /// <param name="mask">Gets the bits.</param>
    /// <param name="targets">Gets what is open after the tokens; null does not ask.</param>
    /// <returns>False if the work budget is spent: the mask is not complete then.</returns>
    public bool Fill(
        Network network, ref StepTables tables, ref int from, Span<uint> mask, HashSet<int>? targets = null)
    {
        (int[] open, int[] closes) = Stacks();
        open[0] = from;
        closes[0] = _bytes.Length;
        ReadOnlySpan<byte> classOf = network.Classes.Of;
        ReadOnlySpan<int> row = tables.Row(from);
        int depth = 0;
        int untilLook = NodesPerLook;
        for (int node = 0; node < _bytes.Length;)
        {
            if (--untilLook == 0 && !MayGoOn(ref untilLook))
            {
                return false;
            }

            if (node >= closes[depth])
            {
                int left = open[depth];
                depth = Leave(closes, depth, node);
                row = open[depth] == left ? row : tables.Row(open[depth]);
            }

            int byteClass = classOf[_bytes[node]];
            int next = row[byteClass];
            if (next == StepTables.Unknown)
            {
                next = Step(network, ref tables, open.AsSpan(0, depth + 1), byteClass);
                if (next == StepTables.Full)
                {
                    return false;
                }

                row = tables.Row(open[depth]);
            }

            if (next == StepTables.Dead)
            {
                node = _ends[node];
                continue;
            }

            bool takesAll = MayTake(network, tables, open[depth], next, node);
            int after = takesAll ? _ends[node] : node + 1;
            if (Take(node, after, mask))
            {
                targets?.Add(next);
            }

            if (takesAll)
            {
                node = after;
                continue;
            }

            row = next == open[depth] ? row : tables.Row(next);
            depth++;
            open[depth] = next;
            closes[depth] = _ends[node];
            node++;
        }

        from = open[0];
        WorkBudget.Spend((NodesPerLook - untilLook) * WorkBudget.Node);
        return !WorkBudget.IsSpent;
    }

    private (int[] Open, int[] Closes) Stacks()
    {
        if (_open is null || _open.Length <= _maxDepth)
        {
            _open = new int[_maxDepth + 1];
            _closes = new int[_maxDepth + 1];
        }

        return (_open, _closes!);
    }

    private static int Leave(int[] closes, int depth, int node)
    {
        do
        {
            depth--;
        }
        while (node >= closes[depth]);
        return depth;
    }

    private static bool MayGoOn(ref int untilLook)
    {
        WorkBudget.Spend(NodesPerLook * WorkBudget.Node);
        untilLook = NodesPerLook;
        return !WorkBudget.IsSpent;
    }

    /// <summary>Sets the bits of the tokens of some nodes; false if they have none.</summary>
    private bool Take(int firstNode, int endNode, Span<uint> mask)
    {
        int begin = _firstTokens[firstNode];
        int end = _firstTokens[endNode];
        for (int t = begin; t < end; t++)
        {
            int id = _tokens[t];
            mask[id >> 5] |= 1u << (id & 31);
        }

        if (end - begin > 1)
        {
            WorkBudget.Spend((end - begin) * WorkBudget.Token);
        }

        return end > begin;
    }

    /// <summary>True if all that follows is made of characters that lead back to here.</summary>
    private bool MayTake(Network network, StepTables tables, int from, int at, int node)
    {
        ulong groups = _groups.Length > 0 ? _groups[node] : 0;
        if (groups == 0)
        {
            return false;
        }

        ref SetFacts facts = ref tables.Facts(at);
        if (!facts.KnowsLoops)
        {
            // Worth finding out where one character has led back already.
            return from == at && (groups & ~network.Plain.Loops(network, tables, at)) == 0;
        }

        return (groups & ~facts.Loops) == 0;
    }

    /// <summary>
    /// A step not taken before; if there is no room for it, everything moves to new tables. Full if the work budget is
    /// spent.
    /// </summary>
    private static int Step(Network network, ref StepTables tables, Span<int> open, int byteClass)
    {
        int next = network.StepClass(tables, open[^1], byteClass);
        if (next != StepTables.Full || WorkBudget.IsSpent)
        {
            return next;
        }

        StepTables old = tables;
        for (int depth = 0; depth < open.Length; depth++)
        {
            tables = old;
            open[depth] = network.Renew(ref tables, open[depth]);
        }

        return network.StepClass(tables, open[^1], byteClass, mayForget: false);
    }

    private static void Close(List<int> path, List<int> ends, int end, int depth)
    {
        for (int i = path.Count - 1; i >= depth; i--)
        {
            ends[path[i]] = end;
        }

        path.RemoveRange(depth, path.Count - depth);
    }

    /// <summary>
    /// For nodes between characters with much below them: which groups of characters are in there; 0 for others.
    /// </summary>
    private ulong[] Groups()
    {
        var groups = new ulong[_bytes.Length];

        // From the back, so that what is below a node is known before it.
        for (int node = _bytes.Length - 1; node >= 0; node--)
        {
            for (int child = node + 1; child < _ends[node]; child = _ends[child])
            {
                groups[node] |= groups[child] | (_bytes[child] < 0x80 ? PlainText.GroupOf(_bytes[child]) : 1ul << 63);
            }
        }

        for (int node = 0; node < _bytes.Length; node++)
        {
            // Inside of a character there is a byte to come that begins none.
            bool isInside = node + 1 < _ends[node] && (_bytes[node + 1] & 0xC0) == 0x80;
            groups[node] = isInside || _ends[node] - node < MinTakenNodes ? 0 : groups[node];
        }

        return groups;
    }
}
