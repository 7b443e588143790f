using System.Runtime.InteropServices;

namespace Engine.Grammar;

/// <summary>
/// A grammar as states with byte edges, empty edges and calls. What may be open after some text is a set of
/// positions (state, stack); stacks and sets are numbered, and steps between sets remembered, so that text
/// already seen anywhere costs one look-up a byte. Safe for concurrent use.
/// </summary>
internal sealed class Network
{
    private const int Bottom = 0;

    private readonly Lock _lock = new();
    private readonly string _field;
    private readonly ByteEdge[][] _edges;
    private readonly int[][] _empty;
    private readonly (int Start, int Return)[][] _calls;
    private readonly bool[] _isFinal;
    private readonly bool[] _onlyEnds;
    private readonly byte[] _classByte;
    private readonly List<(int Return, int Parent)> _stacks = [(-1, -1)];
    private readonly Dictionary<(int Return, int Parent), int> _stackIds = [];
    private readonly Dictionary<long[], PositionSet> _sets = new(new SameItems());
    private readonly Dictionary<ulong, TokenMask> _masks = [];
    private readonly HashSet<long> _seen = [];
    private readonly Stack<long> _todo = new();
    private readonly List<long> _items = [];
    private readonly int _maxPositions;
    private long _rememberedBytes;
    private WeakReference<TokenTrie>? _vocabulary;

    public Network(string field, int start, List<BuildState> states, int maxPositions = 20_000)
    {
        _field = field;
        _maxPositions = maxPositions;
        _edges = [.. states.Select(s => s.Edges.ToArray())];
        _empty = [.. states.Select(s => s.Empty.ToArray())];
        _calls = [.. states.Select(s => s.Calls.ToArray())];
        _isFinal = [.. states.Select(s => s.IsFinal)];
        _onlyEnds = [.. states.Select(s => s.IsFinal && s.Edges.Count + s.Empty.Count + s.Calls.Count == 0)];
        Classes = new ByteClasses(_edges.SelectMany(edges => edges));
        Plain = new PlainText(Classes);
        _classByte = new byte[Classes.Count];
        for (int value = 255; value >= 0; value--)
        {
            _classByte[Classes.Of[value]] = (byte)value;
        }

        StateBytes = _edges.Sum(edges => 150L + (8 * edges.Length));
        lock (_lock)
        {
            _seen.Clear();
            Push(start, Bottom);
            Start = Close();
        }
    }

    ~Network() => GrammarMemory.Add(-_rememberedBytes);

    /// <summary>Before any text.</summary>
    public PositionSet Start { get; }

    /// <summary>Bytes that are never told apart.</summary>
    public ByteClasses Classes { get; }

    /// <summary>How far plain text fits.</summary>
    public PlainText Plain { get; }

    /// <summary>Memory of the states themselves, roughly.</summary>
    public long StateBytes { get; }

    /// <summary>Memory of the steps and masks that are remembered, roughly.</summary>
    public long RememberedBytes => Interlocked.Read(ref _rememberedBytes);

    /// <summary>True if this network's masks are, or from now on shall be, those of a vocabulary.</summary>
    public bool TryClaim(TokenTrie vocabulary)
    {
        WeakReference<TokenTrie>? owner = Interlocked.CompareExchange(
            ref _vocabulary, new WeakReference<TokenTrie>(vocabulary), null);
        return owner is null || (owner.TryGetTarget(out TokenTrie? known) && ReferenceEquals(known, vocabulary));
    }

    /// <summary>What is open after one more byte; null if nothing is.</summary>
    public PositionSet? Step(PositionSet from, byte next)
    {
        int byteClass = Classes.Of[next];
        PositionSet target = from.Next?[byteClass] ?? StepClass(from, byteClass);
        return ReferenceEquals(target, PositionSet.Dead) ? null : target;
    }

    /// <summary>What is open after one more byte of a class; <see cref="PositionSet.Dead"/> if nothing is.</summary>
    public PositionSet StepClass(PositionSet from, int byteClass)
    {
        lock (_lock)
        {
            byte next = _classByte[byteClass];
            _seen.Clear();
            foreach (long item in from.Items)
            {
                (int state, int stack) = ((int)(item >> 32), (int)item);
                foreach (ByteEdge edge in _edges[state])
                {
                    if (next >= edge.Low && next <= edge.High)
                    {
                        Push(edge.Target, stack);
                    }
                }
            }

            PositionSet result = _seen.Count == 0 ? PositionSet.Dead : Close();
            if (from.Next is null)
            {
                from.Next = new PositionSet?[Classes.Count];
                Count(32 + (8L * Classes.Count));
            }

            from.Next[byteClass] = result;
            return result;
        }
    }

    /// <summary>Keeps the tokens that may come after some text; equal sets of tokens are one object.</summary>
    public TokenMask Remember(PositionSet at, ReadOnlySpan<uint> bits)
    {
        ulong hash = 14695981039346656037;
        foreach (ulong word in MemoryMarshal.Cast<uint, ulong>(bits))
        {
            hash = System.Numerics.BitOperations.RotateLeft((hash ^ word) * 0x9E3779B97F4A7C15, 29);
        }

        lock (_lock)
        {
            if (!_masks.TryGetValue(hash, out TokenMask? mask) || !mask.Same(bits))
            {
                mask = TokenMask.Of(bits);
                _masks[hash] = mask;
                Count(mask.SizeBytes);
            }

            at.Mask = mask;
            return mask;
        }
    }

    private void Count(long bytes)
    {
        _rememberedBytes += bytes;
        GrammarMemory.Add(bytes);
    }

    private void Push(int state, int stack)
    {
        long item = ((long)state << 32) | (uint)stack;
        if (_seen.Add(item))
        {
            if (_seen.Count > _maxPositions)
            {
                _todo.Clear();
                throw EngineException.Invalid(
                    _field, $"has more than {_maxPositions} positions open at the same time");
            }

            _todo.Push(item);
        }
    }

    /// <summary>Follows what reads nothing; keeps the positions that read.</summary>
    private PositionSet Close()
    {
        _items.Clear();
        bool mayEnd = false;
        while (_todo.TryPop(out long item))
        {
            (int state, int stack) = ((int)(item >> 32), (int)item);
            if (_edges[state].Length > 0)
            {
                _items.Add(item);
            }

            foreach (int target in _empty[state])
            {
                Push(target, stack);
            }

            foreach ((int start, int back) in _calls[state])
            {
                // Nothing to do after the call but end as well: the caller's own frame serves.
                Push(start, _onlyEnds[back] ? stack : StackId(back, stack));
            }

            if (!_isFinal[state])
            {
                continue;
            }

            if (stack == Bottom)
            {
                mayEnd = true;
            }
            else
            {
                Push(_stacks[stack].Return, _stacks[stack].Parent);
            }
        }

        _items.Sort();
        return Intern(mayEnd);
    }

    private PositionSet Intern(bool mayEnd)
    {
        // The end belongs to the identity of a set; no state is negative.
        if (mayEnd)
        {
            _items.Add(-1);
        }

        long[] items = [.. _items];
        if (_sets.TryGetValue(items, out PositionSet? known))
        {
            return known;
        }

        if (GrammarMemory.MustForget(_rememberedBytes))
        {
            Forget();
        }

        var added = new PositionSet(mayEnd ? items[..^1] : items, mayEnd);
        _sets.Add(items, added);
        Count(160 + (16L * items.Length));
        return added;
    }

    /// <summary>Sets in use live on and take their steps anew; stacks stay, since their numbers are in use.</summary>
    private void Forget()
    {
        foreach (PositionSet set in _sets.Values)
        {
            set.Forget();
        }

        _sets.Clear();
        _masks.Clear();
        Count((48L * _stacks.Count) - _rememberedBytes);
    }

    private int StackId(int back, int parent)
    {
        ref int id = ref CollectionsMarshal.GetValueRefOrAddDefault(_stackIds, (back, parent), out bool exists);
        if (!exists)
        {
            id = _stacks.Count;
            _stacks.Add((back, parent));
            Count(48);
        }

        return id;
    }

    private sealed class SameItems : IEqualityComparer<long[]>
    {
        public bool Equals(long[]? x, long[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(long[] items)
        {
            var hash = default(HashCode);
            hash.AddBytes(MemoryMarshal.AsBytes(items.AsSpan()));
            return hash.ToHashCode();
        }
    }
}
