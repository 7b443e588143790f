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
    private const int MaxVisited = 128;

    private static readonly (byte Low, byte High) Tail = (0x80, 0xBF);

    [ThreadStatic]
    private static PlainScratch? _scratch;

    private readonly byte[] _ascii;
    private readonly ulong[] _asciiGroups;
    private readonly byte[][][] _longer;

    public PlainText(ByteClasses classes)
    {
        (byte Low, byte High)[] ascii = [(0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7F)];
        _ascii = classes.Numbers(classes.Within(ascii));
        _asciiGroups = GroupsOf(classes, _ascii);
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
        _longer = [.. sequences.Select(ranges => ranges.Select(
            range => classes.Numbers(classes.Within([range]))).ToArray())];
    }

    /// <summary>True for the code points that count as plain.</summary>
    public static bool IsPlain(int point) => point >= ' ' && point is not ('"' or '\\');

    /// <summary>One bit for characters that are judged together; every plain character has one.</summary>
    public static ulong GroupOf(int point) => point switch
    {
        >= 'a' and <= 'z' => 1ul << (point - 'a'),
        >= 'A' and <= 'Z' => 1ul << (26 + point - 'A'),
        >= '0' and <= '9' => 1ul << 52,
        ' ' => 1ul << 53,
        '_' => 1ul << 54,
        '-' => 1ul << 55,
        '.' => 1ul << 56,
        '/' or ':' => 1ul << 57,
        '@' => 1ul << 58,
        '\'' or ',' or ';' or '!' or '?' => 1ul << 59,
        '(' or ')' or '[' or ']' => 1ul << 60,
        '{' or '}' or '<' or '>' => 1ul << 61,
        < 0x80 => 1ul << 62,
        _ => 1ul << 63,
    };

    /// <summary>Characters of plain text that fit from here; more than <see cref="MaxReach"/> says no more.</summary>
    public int Reach(Network network, StepTables tables, int from)
    {
        SetFacts facts = tables.Facts(from);
        if (facts.PlainReach >= MaxReach || facts.PlainReachIsExact)
        {
            return facts.PlainReach;
        }

        _scratch ??= new PlainScratch();
        Measure(network, tables, from, _scratch);
        return tables.Facts(from).PlainReach;
    }

    /// <summary>Groups of characters of which each leads back to where it came from.</summary>
    public ulong Loops(Network network, StepTables tables, int from)
    {
        ulong broken = 0;
        for (int i = 0; i < _ascii.Length; i++)
        {
            broken |= Step(network, tables, from, _ascii[i]) == from ? 0 : _asciiGroups[i];
        }

        _scratch ??= new PlainScratch();
        List<int> inside = _scratch.Inside;
        for (int i = 0; i < _longer.Length && broken >> 63 == 0; i++)
        {
            bool fits = Follow(network, tables, from, _longer[i], inside, out int begin);
            broken |= fits && inside.Count == begin + 1 && inside[begin] == from ? 0 : 1ul << 63;
        }

        if (WorkBudget.IsSpent)
        {
            return ~broken;
        }

        lock (network.Gate)
        {
            ref SetFacts facts = ref tables.Facts(from);
            facts.Loops = ~broken;
            facts.KnowsLoops = true;
        }

        return ~broken;
    }

    private static ulong[] GroupsOf(ByteClasses classes, byte[] numbers)
    {
        var groups = new ulong[256];
        for (int value = 0; value < 0x80; value++)
        {
            groups[classes.Of[value]] |= IsPlain(value) ? GroupOf(value) : 0;
        }

        return [.. numbers.Select(number => groups[number])];
    }

    // Where there is no room for what follows, it counts as not fitting: nothing is claimed then.
    private static int Step(Network network, StepTables tables, int from, int byteClass)
    {
        WorkBudget.Spend(WorkBudget.LookUp);
        int next = tables.Next(from, byteClass);
        return next == StepTables.Unknown ? network.StepClass(tables, from, byteClass) : next;
    }

    private void Measure(Network network, StepTables tables, int from, PlainScratch scratch)
    {
        // All sets met, level after level; a level begins where the one before it ends.
        scratch.Clear(from);
        (List<int> met, List<int> ends) = (scratch.Met, scratch.Ends);
        int reach = 0;
        bool isClosed = false;
        bool fits = true;
        scratch.CameBack = false;
        scratch.IsFull = false;
        while (fits && !isClosed && reach < Horizon && met.Count <= MaxVisited)
        {
            for (int i = reach == 0 ? 0 : ends[reach - 1]; i < ends[reach] && fits; i++)
            {
                fits = AddAll(network, tables, met[i], reach + 1, scratch);
            }

            if (fits)
            {
                reach++;
                isClosed = met.Count == ends[^1];
                ends.Add(met.Count);
            }
        }

        bool plainEnds = false;
        if (!fits && !scratch.CameBack && !scratch.IsFull)
        {
            int begin = reach == 0 ? 0 : ends[reach - 1];
            plainEnds = true;
            for (int i = begin; i < ends[reach] && plainEnds; i++)
            {
                plainEnds = !MayGoOn(network, tables, met[i]);
            }
        }

        if (WorkBudget.IsSpent)
        {
            return;
        }

        lock (network.Gate)
        {
            for (int level = 0; level <= reach; level++)
            {
                int known = isClosed ? int.MaxValue : reach - level;
                for (int i = level == 0 ? 0 : ends[level - 1]; i < ends[level]; i++)
                {
                    ref SetFacts facts = ref tables.Facts(met[i]);
                    facts.PlainReach = Math.Max(facts.PlainReach, known);
                }
            }

            ref SetFacts own = ref tables.Facts(from);
            own.PlainReachIsExact = !fits && !scratch.IsFull;
            own.PlainEnds = plainEnds;
        }
    }

    /// <summary>True if some plain character fits, or may.</summary>
    private bool MayGoOn(Network network, StepTables tables, int from)
    {
        foreach (byte value in _ascii)
        {
            if (Step(network, tables, from, value) != StepTables.Dead)
            {
                return true;
            }
        }

        foreach (byte[][] sequence in _longer)
        {
            foreach (byte value in sequence[0])
            {
                if (Step(network, tables, from, value) != StepTables.Dead)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>What one character leads to; false if some character does not fit.</summary>
    private bool AddAll(Network network, StepTables tables, int from, int level, PlainScratch scratch)
    {
        if (WorkBudget.IsSpent)
        {
            scratch.IsFull = true;
            return false;
        }

        foreach (byte value in _ascii)
        {
            int target = Step(network, tables, from, value);
            if (target <= StepTables.Dead)
            {
                scratch.IsFull |= target == StepTables.Full;
                return false;
            }

            scratch.Visit(target, level);
        }

        foreach (byte[][] sequence in _longer)
        {
            if (!Follow(network, tables, from, sequence, scratch.Inside, out int begin))
            {
                scratch.IsFull |= begin == StepTables.Full;
                return false;
            }

            for (int i = begin; i < scratch.Inside.Count; i++)
            {
                scratch.Visit(scratch.Inside[i], level);
            }
        }

        return true;
    }

    /// <summary>
    /// What is open after each byte of a sequence, one after another in one list; mostly it is one set.
    /// </summary>
    /// <returns>False if some character does not fit; begin is the step that did not, then.</returns>
    private static bool Follow(
        Network network, StepTables tables, int from, byte[][] sequence, List<int> inside, out int begin)
    {
        inside.Clear();
        inside.Add(from);
        begin = 0;
        foreach (byte[] values in sequence)
        {
            int end = inside.Count;
            for (int i = begin; i < end; i++)
            {
                foreach (byte value in values)
                {
                    int target = Step(network, tables, inside[i], value);
                    if (target <= StepTables.Dead)
                    {
                        begin = target;
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

        return true;
    }

    /// <summary>Lists that are used over and over.</summary>
    private sealed class PlainScratch
    {
        private readonly Dictionary<int, int> _levels = [];

        public List<int> Met { get; } = [];

        public List<int> Ends { get; } = [];

        public List<int> Inside { get; } = [];

        /// <summary>Some set was met at two levels.</summary>
        public bool CameBack { get; set; }

        /// <summary>The tables had no room.</summary>
        public bool IsFull { get; set; }

        public void Clear(int first)
        {
            _levels.Clear();
            Met.Clear();
            Ends.Clear();
            _levels.Add(first, 0);
            Met.Add(first);
            Ends.Add(1);
        }

        public void Visit(int set, int level)
        {
            if (_levels.TryAdd(set, level))
            {
                Met.Add(set);
            }
            else
            {
                CameBack |= _levels[set] != level;
            }
        }
    }
}
