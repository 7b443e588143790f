namespace Engine.Grammar;

/// <summary>The states of a network in a few flat arrays, for many states.</summary>
internal sealed class NetworkStates
{
    // States with more edges get a table by class when they are first read from.
    private const int MaxPlainEdges = 6;

    private readonly int[] _edgeAt;
    private readonly (byte LowClass, byte HighClass)[] _ranges;
    private readonly int[] _edgeTargets;
    private readonly int[] _emptyAt;
    private readonly int[] _empty;
    private readonly int[] _callAt;
    private readonly (int Start, int Return)[] _calls;
    private readonly bool[] _isFinal;
    private readonly bool[] _onlyEnds;
    private readonly StateMark[] _marks;
    private readonly int _numClasses;
    private readonly Dictionary<int, int[]> _byClass = [];
    private int[] _found = new int[MaxPlainEdges];

    public NetworkStates(List<BuildState> states, ByteClasses classes)
    {
        _numClasses = classes.Count;
        _edgeAt = Starts(states, state => state.Edges.Count);
        _ranges = [.. states.SelectMany(state => state.Edges).Select(
            edge => (classes.Of[edge.Low], classes.Of[edge.High]))];
        _edgeTargets = [.. states.SelectMany(state => state.Edges).Select(edge => edge.Target)];
        _emptyAt = Starts(states, state => state.Empty.Count);
        _empty = [.. states.SelectMany(state => state.Empty)];
        _callAt = Starts(states, state => state.Calls.Count);
        _calls = [.. states.SelectMany(state => state.Calls)];
        _isFinal = [.. states.Select(state => state.IsFinal)];
        HasMarks = states.Exists(state => state.Mark != StateMark.None);
        _marks = HasMarks ? [.. states.Select(state => state.Mark)] : [];
        _onlyEnds = [.. states.Select(s => s.IsFinal && s.Edges.Count + s.Empty.Count + s.Calls.Count == 0)];
    }

    /// <summary>Memory it takes, roughly.</summary>
    public long SizeBytes =>
        (14L * _isFinal.Length) + (6L * _ranges.Length) + (4L * _empty.Length) + (8L * _calls.Length);

    /// <summary>Memory of what was added on demand.</summary>
    public long LazyBytes { get; private set; }

    /// <summary>Some arrays must not have the same item twice.</summary>
    public bool HasMarks { get; }

    public StateMark Mark(int state) => _marks.Length == 0 ? StateMark.None : _marks[state];

    public bool IsFinal(int state) => _isFinal[state];

    /// <summary>Nothing is left to do but to end.</summary>
    public bool OnlyEnds(int state) => _onlyEnds[state];

    /// <summary>Has edges that read a byte.</summary>
    public bool Reads(int state) => _edgeAt[state] < _edgeAt[state + 1];

    public ReadOnlySpan<int> Empty(int state) => _empty.AsSpan(_emptyAt[state].._emptyAt[state + 1]);

    public ReadOnlySpan<(int Start, int Return)> Calls(int state) =>
        _calls.AsSpan(_callAt[state].._callAt[state + 1]);

    /// <summary>Where a byte of a class leads; valid until the next call. Not for concurrent use.</summary>
    public ReadOnlySpan<int> Targets(int state, int byteClass)
    {
        int begin = _edgeAt[state];
        int end = _edgeAt[state + 1];
        if (end - begin > MaxPlainEdges)
        {
            if (!_byClass.TryGetValue(state, out int[]? table))
            {
                table = MakeTable(begin, end);
                _byClass.Add(state, table);
                LazyBytes += 64 + (4L * table.Length);
            }

            return table.AsSpan(table[byteClass]..table[byteClass + 1]);
        }

        int count = 0;
        for (int edge = begin; edge < end; edge++)
        {
            if (byteClass >= _ranges[edge].LowClass && byteClass <= _ranges[edge].HighClass)
            {
                _found[count++] = _edgeTargets[edge];
            }
        }

        return _found.AsSpan(0, count);
    }

    /// <summary>Where each class's targets begin, then the targets.</summary>
    private int[] MakeTable(int begin, int end)
    {
        var counts = new int[_numClasses];
        for (int edge = begin; edge < end; edge++)
        {
            for (int c = _ranges[edge].LowClass; c <= _ranges[edge].HighClass; c++)
            {
                counts[c]++;
            }
        }

        int total = _numClasses + 1;
        var table = new int[total + counts.Sum()];
        for (int c = 0; c < _numClasses; c++)
        {
            table[c] = total;
            total += counts[c];
        }

        table[_numClasses] = total;
        Array.Copy(table, counts, _numClasses);
        for (int edge = begin; edge < end; edge++)
        {
            for (int c = _ranges[edge].LowClass; c <= _ranges[edge].HighClass; c++)
            {
                table[counts[c]++] = _edgeTargets[edge];
            }
        }

        return table;
    }

    private static int[] Starts(List<BuildState> states, Func<BuildState, int> count)
    {
        var starts = new int[states.Count + 1];
        for (int i = 0; i < states.Count; i++)
        {
            starts[i + 1] = starts[i] + count(states[i]);
        }

        return starts;
    }
}
