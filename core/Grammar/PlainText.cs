namespace Engine.Grammar;

/// <summary>
/// How far plain text (no control characters, quotes or backslashes) fits from somewhere, whatever it is: inside
/// of strings, far; there the many tokens of plain text need not be looked at one by one.
/// </summary>
internal sealed class PlainText
{
    /// <summary>Nobody needs to know of more.</summary>
    public const int MaxReach = 32;

    // Looked ahead, so that the characters that follow need not look again.
    private const int Horizon = MaxReach + 16;

    // Sets looked at for one answer; beyond them it is what was certain until then.
    private const int MaxVisited = 512;

    private static readonly (byte Low, byte High) Tail = (0x80, 0xBF);

    private readonly byte[] _ascii;
    private readonly byte[][][] _longer;

    public PlainText(ByteClasses classes)
    {
        (byte Low, byte High)[] ascii = [(0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7F)];
        _ascii = classes.Within(ascii);
        (byte Low, byte High)[][] sequences =
        [
            [(0xC2, 0xDF), Tail],
            [(0xE0, 0xE0), (0xA0, 0xBF), Tail],
            [(0xE1, 0xEC), Tail, Tail],
            [(0xED, 0xED), (0x80, 0x9F), Tail],
            [(0xEE, 0xEF), Tail, Tail],
            [(0xF0, 0xF0), (0x90, 0xBF), Tail, Tail],
            [(0xF1, 0xF3), Tail, Tail, Tail],
            [(0xF4, 0xF4), (0x80, 0x8F), Tail, Tail],
        ];
        _longer = [.. sequences.Select(ranges => ranges.Select(range => classes.Within([range])).ToArray())];
    }

    /// <summary>True for the code points that count as plain.</summary>
    public static bool IsPlain(int point) => point >= ' ' && point is not ('"' or '\\');

    /// <summary>Characters of plain text that fit from here; more than <see cref="MaxReach"/> says no more.</summary>
    public int Reach(Network network, PositionSet from)
    {
        if (from.PlainReach < MaxReach && !from.PlainReachIsExact)
        {
            Measure(network, from);
        }

        return from.PlainReach;
    }

    private void Measure(Network network, PositionSet from)
    {
        // All sets met, level after level; a level begins where the one before it ends.
        var visited = new Dictionary<PositionSet, int> { [from] = 0 };
        List<PositionSet> met = [from];
        List<int> ends = [1];
        List<PositionSet> inside = [];
        int reach = 0;
        bool isClosed = false;
        bool fits = true;
        bool cameBack = false;
        while (fits && !isClosed && reach < Horizon && met.Count <= MaxVisited)
        {
            for (int i = reach == 0 ? 0 : ends[reach - 1]; i < ends[reach] && fits; i++)
            {
                fits = AddAll(network, met[i], reach + 1, visited, met, inside, ref cameBack);
            }

            if (fits)
            {
                reach++;
                isClosed = met.Count == ends[^1];
                ends.Add(met.Count);
            }
        }

        for (int level = 0; level <= reach; level++)
        {
            for (int i = level == 0 ? 0 : ends[level - 1]; i < ends[level]; i++)
            {
                int known = isClosed ? int.MaxValue : reach - level;
                met[i].PlainReach = Math.Max(met[i].PlainReach, known);
            }
        }

        from.PlainReachIsExact = !fits;
        if (!fits && !cameBack)
        {
            int begin = reach == 0 ? 0 : ends[reach - 1];
            from.PlainEnds = met[begin..ends[reach]].TrueForAll(at => !MayGoOn(network, at));
        }
    }

    /// <summary>True if some plain character fits, or may.</summary>
    private bool MayGoOn(Network network, PositionSet from)
    {
        foreach (byte value in _ascii)
        {
            if (network.Step(from, value) is not null)
            {
                return true;
            }
        }

        foreach (byte[][] sequence in _longer)
        {
            foreach (byte value in sequence[0])
            {
                if (network.Step(from, value) is not null)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>What one character leads to; false if some character does not fit.</summary>
    private bool AddAll(
        Network network,
        PositionSet from,
        int level,
        Dictionary<PositionSet, int> visited,
        List<PositionSet> next,
        List<PositionSet> inside,
        ref bool cameBack)
    {
        foreach (byte value in _ascii)
        {
            PositionSet? target = network.Step(from, value);
            if (target is null)
            {
                return false;
            }

            Visit(target, ref cameBack);
        }

        foreach (byte[][] sequence in _longer)
        {
            // What is open after each byte of the sequence, one after another in one list; mostly it is one set.
            inside.Clear();
            inside.Add(from);
            int begin = 0;
            foreach (byte[] values in sequence)
            {
                int end = inside.Count;
                for (int i = begin; i < end; i++)
                {
                    foreach (byte value in values)
                    {
                        PositionSet? target = network.Step(inside[i], value);
                        if (target is null)
                        {
                            return false;
                        }

                        if (inside.IndexOf(target, end) < 0)
                        {
                            inside.Add(target);
                        }
                    }
                }

                begin = end;
            }

            for (int i = begin; i < inside.Count; i++)
            {
                Visit(inside[i], ref cameBack);
            }
        }

        return true;

        void Visit(PositionSet target, ref bool cameBack)
        {
            if (visited.TryAdd(target, level))
            {
                next.Add(target);
            }
            else
            {
                cameBack |= visited[target] != level;
            }
        }
    }
}
