namespace Engine.Grammar;

/// <summary>
/// Grammars compiled before, the least recently used going first when they hold too much memory. What is
/// remembered while following a grammar depends on the vocabulary, so each vocabulary has networks of its own.
/// </summary>
internal sealed class GrammarCache
{
    private const int MaxEntries = 1024;

    private readonly Lock _lock = new();
    private readonly long _maxBytes;
    private readonly Dictionary<StructuredOutputs, List<LinkedListNode<Entry>>> _byKey = [];
    private readonly LinkedList<Entry> _byUse = new();

    public GrammarCache(long maxBytes) => _maxBytes = maxBytes;

    /// <summary>The one that requests share.</summary>
    public static GrammarCache Shared { get; } = new(256L << 20);

    /// <summary>Grammars held.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _byUse.Count;
            }
        }
    }

    /// <summary>Memory of the grammars held, roughly.</summary>
    public long TotalBytes
    {
        get
        {
            lock (_lock)
            {
                return _byUse.Sum(entry => entry.Bytes);
            }
        }
    }

    /// <summary>The network of a request, compiled now if it is not held.</summary>
    /// <param name="key">What the output has to look like.</param>
    /// <param name="vocabulary">Whose tokens it will judge; null to only see that it compiles.</param>
    /// <param name="compile">Makes it; not called under a lock.</param>
    public Network Get(StructuredOutputs key, TokenTrie? vocabulary, Func<Network> compile)
    {
        lock (_lock)
        {
            foreach (LinkedListNode<Entry> node in _byKey.GetValueOrDefault(key) ?? [])
            {
                if (vocabulary is null || node.Value.Network.TryClaim(vocabulary))
                {
                    _byUse.Remove(node);
                    _byUse.AddFirst(node);
                    return node.Value.Network;
                }
            }
        }

        Network network = compile();
        if (vocabulary is not null)
        {
            network.TryClaim(vocabulary);
        }

        lock (_lock)
        {
            var node = new LinkedListNode<Entry>(new Entry(key, network));
            _byUse.AddFirst(node);
            if (!_byKey.TryGetValue(key, out List<LinkedListNode<Entry>>? same))
            {
                _byKey.Add(key, same = []);
            }

            same.Add(node);
            Shrink();
        }

        return network;
    }

    private void Shrink()
    {
        long bytes = _byUse.Sum(entry => entry.Bytes);
        while (_byUse.Count > 1 && (bytes > _maxBytes || _byUse.Count > MaxEntries))
        {
            LinkedListNode<Entry> last = _byUse.Last!;
            _byUse.RemoveLast();
            bytes -= last.Value.Bytes;
            List<LinkedListNode<Entry>> same = _byKey[last.Value.Key];
            same.Remove(last);
            if (same.Count == 0)
            {
                _byKey.Remove(last.Value.Key);
            }
        }
    }

    private sealed record Entry(StructuredOutputs Key, Network Network)
    {
        public long Bytes => Network.StateBytes + Network.RememberedBytes + Key.TextBytes;
    }
}
