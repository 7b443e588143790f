namespace Engine.Tokenization.Text;

/// <summary>
/// A set of strings of code points, walked one code point at a time. Edges are one hash table, so
/// that a large vocabulary costs two arrays.
/// </summary>
internal sealed class StringTrie
{
    private readonly Dictionary<long, int> _edges = [];
    private readonly List<int> _values = [-1];

    public int Count { get; private set; }

    /// <summary>The value of a node, or -1.</summary>
    public int Value(int node) => _values[node];

    /// <summary>The node after an edge, or -1. The root is 0.</summary>
    public int Next(int node, int c) =>
        _edges.TryGetValue(((long)node << 32) | (uint)c, out int next) ? next : -1;

    /// <summary>Adds a string; false (and nothing changed) if it is there already.</summary>
    public bool Add(ReadOnlySpan<int> text, int value)
    {
        int node = 0;
        foreach (int c in text)
        {
            int next = Next(node, c);
            if (next < 0)
            {
                next = _values.Count;
                _values.Add(-1);
                _edges.Add(((long)node << 32) | (uint)c, next);
            }

            node = next;
        }

        if (_values[node] >= 0)
        {
            return false;
        }

        _values[node] = value;
        Count++;
        return true;
    }
}
