namespace Engine.Grammar;

/// <summary>
/// Takes out of a mask the tokens that would write an item twice where items have to differ. Those of a vocabulary that
/// could are found by walking it along what may still repeat; text that repeats nothing so far is not walked.
/// </summary>
internal sealed class UniqueTokens
{
    private readonly TriePart _all;
    private readonly bool[] _closesBelow;
    private readonly bool[] _isWhite;
    private readonly TriePart _openers;
    private readonly TriePart _closers;

    public UniqueTokens(byte[]?[] texts, int[] sorted)
    {
        _all = new TriePart(texts, sorted, isPlain: false);
        _closesBelow = ClosesBelow(_all);
        _isWhite = IsWhite(_all);
        _openers = new TriePart(texts, sorted.Where(id => HasAfter(texts[id], '[', ",")), isPlain: false);
        _closers = new TriePart(texts, sorted.Where(id => HasAfter(texts[id], '"', ",]}")), isPlain: false);
    }

    /// <summary>Memory it takes, roughly.</summary>
    public long SizeBytes => _all.SizeBytes + (2 * _closesBelow.Length) + _openers.SizeBytes + _closers.SizeBytes;

    /// <summary>Takes them out.</summary>
    /// <param name="network">Where.</param>
    /// <param name="at">What is open, and what there has been.</param>
    /// <param name="mask">The tokens that fit without regard to what there has been.</param>
    /// <returns>False if the work budget is spent: the mask is not right then.</returns>
    public bool Filter(Network network, PositionSet at, Span<uint> mask)
    {
        TriePart part = !at.Scan.IsActive ? _openers : at.Scan.RepeatsNothing ? _closers : _all;
        int set = network.Enter(at, out StepTables tables);
        bool? mayGoOn = null;
        return Walk(part, network, tables, set, at.Scan, false, ref mayGoOn, 0, part.NumNodes, mask);
    }

    /// <summary>The nodes of one level from a node on.</summary>
    private bool Walk(
        TriePart part, Network network, StepTables tables, int from, in JsonScan scan, bool hasRepeated,
        ref bool? mayGoOn, int node, int end, Span<uint> mask)
    {
        Span<ulong> judged = stackalloc ulong[4];
        AddJudged(scan, judged);
        for (; node < end; node = part.EndOf(node))
        {
            byte value = part.ByteOf(node);
            WorkBudget.Spend(WorkBudget.Node);
            bool isJudged = (judged[value >> 6] >> (value & 63) & 1) != 0 || part != _all || _closesBelow[node];
            if (!hasRepeated && (!isJudged || tables.Next(from, network.Classes.Of[value]) == StepTables.Dead))
            {
                // What does not fit anyway is not in the mask.
                continue;
            }

            (StepTables same, int at, JsonScan after) = (tables, from, scan);
            if (!UniqueSteps.TryStep(network, ref same, ref at, value, ref after, false, out bool isRepeat))
            {
                Clear(part.TokensIn(node, part.EndOf(node)), mask);
            }
            else if (value <= ' ' && at == from && scan.IsBetween)
            {
                // White space that leads nowhere else is common, and judged once.
                bool isAll = part == _all && _isWhite[node];
                mayGoOn ??= UniqueSteps.MayGoOn(network, same, at, after);
                int below = isAll ? part.EndOf(node) : node + 1;
                Clear(mayGoOn.Value ? [] : part.TokensIn(node, below), mask);
                if (!Walk(part, network, same, at, after, hasRepeated, ref mayGoOn, below, part.EndOf(node), mask))
                {
                    return false;
                }
            }
            else
            {
                bool? mayGoOnThere = null;
                ReadOnlySpan<int> ended = part.TokensIn(node, node + 1);
                if (!ended.IsEmpty && !(mayGoOnThere = UniqueSteps.MayGoOn(network, same, at, after)).Value)
                {
                    Clear(ended, mask);
                }

                bool repeats = hasRepeated || isRepeat;
                if (!Walk(part, network, same, at, after, repeats, ref mayGoOnThere, node + 1, part.EndOf(node), mask))
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

    /// <summary>
    /// Bytes after which something may have to be taken out: in a string that no other item begins with, that is its
    /// end.
    /// </summary>
    private static void AddJudged(in JsonScan scan, Span<ulong> bytes)
    {
        if (!scan.IsInString || scan.IsInEscape)
        {
            bytes.Fill(ulong.MaxValue);
            return;
        }

        bytes.Clear();
        if (scan.MayRepeat)
        {
            scan.NextOfOthers(bytes);
            bytes['\\' >> 6] |= 1ul << ('\\' & 63);
        }

        bytes['"' >> 6] |= 1ul << ('"' & 63);
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

    /// <summary>Nodes that are white space, like all below them.</summary>
    private static bool[] IsWhite(TriePart all)
    {
        var white = new bool[all.NumNodes];
        for (int node = all.NumNodes - 1; node >= 0; node--)
        {
            white[node] = all.ByteOf(node) is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r';
            for (int child = node + 1; child < all.EndOf(node) && white[node]; child = all.EndOf(child))
            {
                white[node] = white[child];
            }
        }

        return white;
    }
}
