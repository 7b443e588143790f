using System.Numerics;

namespace Engine.Grammar;

/// <summary>What is known of one set of positions.</summary>
internal struct SetFacts
{
    public int Chunk;
    public int Offset;
    public int Count;
    public bool MayEnd;

    /// <summary>With the byte that led here, an array begins whose items have to differ.</summary>
    public bool BeginsUnique;

    /// <summary>Characters of plain text that certainly fit from here, whatever they are.</summary>
    public int PlainReach;

    /// <summary>With one character more, not all do.</summary>
    public bool PlainReachIsExact;

    /// <summary>With one character more, none does.</summary>
    public bool PlainEnds;

    /// <summary>Loops has been found out.</summary>
    public bool KnowsLoops;

    /// <summary>Groups of characters (<see cref="PlainText.GroupOf"/>) of which each leads back to here.</summary>
    public ulong Loops;
}

/// <summary>
/// Numbered sets of positions and the steps between them, in arrays without references: many of them are no work for
/// the garbage collector, and a step taken before is one look-up. Who adds holds the network's lock; steps are read
/// without.
/// </summary>
internal sealed class StepTables
{
    /// <summary>The step has not been taken yet.</summary>
    public const int Unknown = 0;

    /// <summary>The step does not fit.</summary>
    public const int Dead = 1;

    /// <summary>There is no room for what the step leads to: the network has to forget.</summary>
    public const int Full = -1;

    private const int FirstSets = 8;
    private const int ChunkItems = 4096;

    private readonly int _stride;
    private readonly int _shift;
    private readonly HashIndex _index = new();
    private readonly Dictionary<int, PositionSet> _handles = [];
    private readonly Dictionary<(int Set, int ByteClass), int> _repeats = [];
    private int[][] _next = [[]];
    private SetFacts[][] _facts = [[]];
    private long[][] _items = [[]];
    private int _numItems;
    private int _count = 2;
    private long _bytes;

    public StepTables(int numClasses)
    {
        _stride = numClasses;
        _shift = Math.Clamp(BitOperations.Log2((uint)(16384 / numClasses)), 4, 10);
        Grow(FirstSets);
    }

    /// <summary>Tells these tables from others without keeping them alive.</summary>
    public object Identity { get; } = new();

    /// <summary>Memory it takes, roughly.</summary>
    public long SizeBytes => _bytes + _index.SizeBytes + (160L * _handles.Count) + (32L * _repeats.Count);

    /// <summary>Where a step leads, if it has been taken before.</summary>
    public int Next(int set, int byteClass) => Volatile.Read(
        ref _next[set >> _shift][((set & ((1 << _shift) - 1)) * _stride) + byteClass]);

    /// <summary>Where all classes of bytes lead; steps taken later may not show in it.</summary>
    public ReadOnlySpan<int> Row(int set) =>
        Volatile.Read(ref _next[set >> _shift]).AsSpan((set & ((1 << _shift) - 1)) * _stride, _stride);

    /// <summary>Written under the network's lock alone.</summary>
    public ref SetFacts Facts(int set) => ref _facts[set >> _shift][set & ((1 << _shift) - 1)];

    public void SetNext(int set, int byteClass, int target) => Volatile.Write(
        ref _next[set >> _shift][((set & ((1 << _shift) - 1)) * _stride) + byteClass], target);

    /// <summary>Where a step leads that completes an item that there has been, under the network's lock.</summary>
    public int NextOfRepeat(int set, int byteClass) => _repeats.GetValueOrDefault((set, byteClass));

    public void SetNextOfRepeat(int set, int byteClass, int target) => _repeats[(set, byteClass)] = target;

    public ReadOnlySpan<long> Items(int set)
    {
        ref SetFacts facts = ref Facts(set);
        return _items[facts.Chunk].AsSpan(facts.Offset, facts.Count);
    }

    /// <summary>The number of a set; 0 if it has none.</summary>
    public int Find(ReadOnlySpan<long> items, bool mayEnd, uint hash)
    {
        for (int id = _index.First(hash, out int slot); id != 0; id = _index.Next(hash, ref slot))
        {
            if (Facts(id).MayEnd == mayEnd && Items(id).SequenceEqual(items))
            {
                return id;
            }
        }

        return 0;
    }

    public int Add(ReadOnlySpan<long> items, bool mayEnd, uint hash)
    {
        int id = _count;
        if (id >> _shift >= _facts.Length || (id & ((1 << _shift) - 1)) >= _facts[id >> _shift].Length)
        {
            Grow(id + 1);
        }

        int offset = Room(items.Length);
        items.CopyTo(_items[^1].AsSpan(offset));
        Facts(id) = new SetFacts { Chunk = _items.Length - 1, Offset = offset, Count = items.Length, MayEnd = mayEnd };
        _index.Add(hash, id);
        _count++;
        return id;
    }

    /// <summary>The set as an object, for those who stay at it.</summary>
    public PositionSet Handle(int set)
    {
        if (!_handles.TryGetValue(set, out PositionSet? handle))
        {
            handle = new PositionSet(Items(set).ToArray(), Facts(set).MayEnd, Identity, set);
            _handles.Add(set, handle);
            _bytes += 8L * handle.Items.Length;
        }

        return handle;
    }

    // The first chunk grows by doubling, so that small grammars stay small; those after it are made whole, and where no
    // collection moves them.
    private void Grow(int numSets)
    {
        int most = 1 << _shift;
        if (numSets <= most)
        {
            int length = Math.Min(most, Math.Max(numSets, 2 * _facts[0].Length));
            _bytes += (length - _facts[0].Length) * (40L + (4L * _stride));
            SetFacts[] facts = _facts[0];
            int[] next = _next[0];
            Array.Resize(ref facts, length);
            Array.Resize(ref next, length * _stride);
            _facts[0] = facts;
            Volatile.Write(ref _next[0], next);
            return;
        }

        _bytes += most * (40L + (4L * _stride));
        _facts = [.. _facts, new SetFacts[most]];
        Volatile.Write(ref _next, [.. _next, GC.AllocateArray<int>(most * _stride, pinned: true)]);
    }

    private int Room(int count)
    {
        long[] last = _items[^1];
        if (_numItems + count > last.Length)
        {
            bool doubles = _items.Length == 1 && last.Length < ChunkItems;
            int length = Math.Max(doubles ? Math.Max(32, 2 * last.Length) : ChunkItems, count);
            if (doubles && _numItems + count <= length)
            {
                _bytes += 8L * (length - last.Length);
                Array.Resize(ref last, length);
                _items[0] = last;
            }
            else
            {
                _items = [.. _items, GC.AllocateArray<long>(length, pinned: true)];
                _bytes += 8L * length;
                _numItems = 0;
            }
        }

        _numItems += count;
        return _numItems - count;
    }
}
