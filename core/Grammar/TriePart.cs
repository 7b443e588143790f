namespace Engine.Grammar;

/// <summary>Some tokens' byte strings as a trie in preorder: a whole subtree is stepped over at once.</summary>
internal sealed class TriePart
{
    // What is open at each depth, and where each depth's subtree ends.
    [ThreadStatic]
    private static PositionSet[]? _open;

    [ThreadStatic]
    private static int[]? _closes;

    private readonly byte[] _bytes;
    private readonly int[] _ends;
    private readonly int[] _firstTokens;
    private readonly int[] _tokens;
    private readonly int _maxDepth;

    /// <param name="texts">Bytes by id.</param>
    /// <param name="sortedIds">Ids with bytes, in the order of their bytes.</param>
    public TriePart(byte[]?[] texts, IEnumerable<int> sortedIds)
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
    }

    /// <summary>Sets the bit of each token that may come next.</summary>
    public void Fill(Network network, PositionSet from, Span<uint> mask)
    {
        if (_open is null || _open.Length <= _maxDepth)
        {
            _open = new PositionSet[_maxDepth + 1];
            _closes = new int[_maxDepth + 1];
        }

        PositionSet[] open = _open;
        int[] closes = _closes!;
        open[0] = from;
        closes[0] = _bytes.Length;
        ReadOnlySpan<byte> classOf = network.Classes.Of;
        int depth = 0;
        for (int node = 0; node < _bytes.Length;)
        {
            while (node >= closes[depth])
            {
                depth--;
            }

            PositionSet at = open[depth];
            int byteClass = classOf[_bytes[node]];
            PositionSet next = at.Next?[byteClass] ?? network.StepClass(at, byteClass);
            if (ReferenceEquals(next, PositionSet.Dead))
            {
                node = _ends[node];
                continue;
            }

            for (int t = _firstTokens[node]; t < _firstTokens[node + 1]; t++)
            {
                int id = _tokens[t];
                mask[id >> 5] |= 1u << (id & 31);
            }

            depth++;
            open[depth] = next;
            closes[depth] = _ends[node];
            node++;
        }

        Array.Clear(open);
    }

    /// <summary>Memory it takes, roughly.</summary>
    public long SizeBytes => (9L * _bytes.Length) + (4L * _tokens.Length);

    private static void Close(List<int> path, List<int> ends, int end, int depth)
    {
        for (int i = path.Count - 1; i >= depth; i--)
        {
            ends[path[i]] = end;
        }

        path.RemoveRange(depth, path.Count - depth);
    }
}
