using System.Runtime.InteropServices;

namespace Engine.Grammar;

/// <summary>
/// A grammar as states with byte edges, empty edges and calls. What may be open after some text is a set of
/// positions (state, stack); stacks and sets are numbered, and steps between sets remembered, so that text
/// already seen anywhere costs one look-up a byte. Safe for concurrent use.
/// </summary>
internal sealed partial class Network
{
    private const int Bottom = 0;

    private readonly Lock _lock = new();
    private readonly NetworkStates _states;
    private readonly StackNumbers _stacks = new();
    private readonly Dictionary<ulong, TokenMask> _masks = [];
    private readonly OpenPositions _seen = new();
    private readonly string _field;
    private readonly int _start;
    private readonly int _maxPositions;
    private long[] _todo = new long[64];
    private int _numTodo;
    private long[] _items = new long[64];
    private StepTables _tables;
    private PositionSet? _startSet;
    private long _maskBytes;
    private long _countedBytes;
    private WeakReference<TokenTrie>? _vocabulary;
    private int _isPrepared;
    private bool _isRepeat;
    private bool _begins;

    public Network(string field, int start, List<BuildState> states, int maxPositions = 20_000)
    {
        _field = field;
        _start = start;
        _maxPositions = maxPositions;
        Classes = new ByteClasses(states.SelectMany(state => state.Edges));
        _states = new NetworkStates(states, Classes);
        Plain = new PlainText(Classes);
        _tables = new StepTables(Classes.Count);
        _ = Start;
    }

    ~Network() => GrammarMemory.Add(-_countedBytes);

    /// <summary>Before any text.</summary>
    public PositionSet Start
    {
        get
        {
            lock (_lock)
            {
                if (_startSet is null || _startSet.Tables != _tables.Identity)
                {
                    Begin();
                    Push(_start, Bottom);
                    _startSet = _tables.Handle(Close(_tables, mayForget: false));
                    Count();
                }

                return _startSet;
            }
        }
    }

    /// <summary>Held by whoever changes tables.</summary>
    public Lock Gate => _lock;

    /// <summary>Bytes that are never told apart.</summary>
    public ByteClasses Classes { get; }

    /// <summary>Some arrays must not have the same item twice: steps are those of <see cref="UniqueSteps"/>.</summary>
    public bool HasMarks => _states.HasMarks;

    /// <summary>Steps that were not remembered, so far.</summary>
    public long NumStepsMade { get; private set; }

    /// <summary>How far plain text fits.</summary>
    public PlainText Plain { get; }

    /// <summary>Memory of the states themselves, roughly.</summary>
    public long StateBytes => _states.SizeBytes;

    /// <summary>Memory of the steps and masks that are remembered, roughly.</summary>
    public long RememberedBytes => Interlocked.Read(ref _countedBytes);

    /// <summary>Beyond it, what is remembered is forgotten.</summary>
    public long MaxRememberedBytes { get; set; } = GrammarMemory.MaxBytesOfOne;

    /// <summary>True if this network's masks are, or from now on shall be, those of a vocabulary.</summary>
    public bool TryClaim(TokenTrie vocabulary)
    {
        WeakReference<TokenTrie>? owner = Interlocked.CompareExchange(
            ref _vocabulary, new WeakReference<TokenTrie>(vocabulary), null);
        return owner is null || (owner.TryGetTarget(out TokenTrie? known) && ReferenceEquals(known, vocabulary));
    }

    /// <summary>True for the first who asks, who then makes masks ahead.</summary>
    public bool TryPrepare() => Interlocked.Exchange(ref _isPrepared, 1) == 0;

    /// <summary>What is open after one more byte; null if nothing is.</summary>
    public PositionSet? Step(PositionSet from, byte next) => Step(from, [next]);

    /// <summary>What is open after some bytes more; null if nothing is, or the work budget is spent.</summary>
    public PositionSet? Step(PositionSet from, ReadOnlySpan<byte> text)
    {
        if (HasMarks)
        {
            return UniqueSteps.Step(this, from, text);
        }

        int at = Enter(from, out StepTables tables);
        foreach (byte value in text)
        {
            int byteClass = Classes.Of[value];
            int next = tables.Next(at, byteClass);
            if (next == StepTables.Unknown && (next = StepClass(tables, at, byteClass)) == StepTables.Full
                && !WorkBudget.IsSpent)
            {
                at = Renew(ref tables, at);
                next = StepClass(tables, at, byteClass, mayForget: false);
            }

            if (next is StepTables.Dead or StepTables.Full)
            {
                return null;
            }

            at = next;
        }

        lock (_lock)
        {
            return tables.Handle(at);
        }
    }

    /// <summary>
    /// The text that is the only one that may come next, but for white space, as far as that is so and it does not
    /// end.
    /// </summary>
    /// <returns>How many bytes of it there are.</returns>
    public int OnlyText(PositionSet from, Span<byte> text)
    {
        int at = Enter(from, out StepTables tables);
        int length = 0;
        for (; length < text.Length && !tables.Facts(at).MayEnd; length++)
        {
            int only = -1;
            int white = -1;
            for (int byteClass = 0; byteClass < Classes.Count; byteClass++)
            {
                int next = tables.Next(at, byteClass);
                next = next == StepTables.Unknown ? StepClass(tables, at, byteClass) : next;
                if (next == StepTables.Dead)
                {
                    continue;
                }

                if (Classes.IsWhite(byteClass))
                {
                    white = white == -1 ? byteClass : -2;
                    continue;
                }

                if (next == StepTables.Full || only >= 0 || Classes.OnlyByte(byteClass) < 0)
                {
                    return length;
                }

                only = byteClass;
            }

            only = only < 0 ? white : only;
            if (only < 0 || Classes.OnlyByte(only) < 0)
            {
                return length;
            }

            text[length] = (byte)Classes.OnlyByte(only);
            at = tables.Next(at, only);
        }

        return length;
    }

    /// <summary>A set by its number, and the tables that it has the number in.</summary>
    public int Enter(PositionSet from, out StepTables tables)
    {
        tables = Volatile.Read(ref _tables);
        return from.Tables == tables.Identity ? from.Id : Import(tables, from.Items, from.MayEnd);
    }

    /// <summary>
    /// Where a byte of a class leads; <see cref="StepTables.Dead"/> if it does not fit, and
    /// <see cref="StepTables.Full"/> if the tables have to be renewed before, or the work budget is spent.
    /// </summary>
    public int StepClass(StepTables tables, int from, int byteClass, bool mayForget = true)
    {
        if (WorkBudget.IsSpent)
        {
            return StepTables.Full;
        }

        lock (_lock)
        {
            int known = tables.Next(from, byteClass);
            if (known != StepTables.Unknown)
            {
                return known;
            }

            int result = MakeStep(tables, from, byteClass, mayForget);
            if (result != StepTables.Full)
            {
                if (_begins)
                {
                    tables.Facts(result).BeginsUnique = true;
                }

                tables.SetNext(from, byteClass, result);
            }

            return result;
        }
    }

    /// <summary>The same where the byte completes an item that there has been.</summary>
    public int StepRepeat(StepTables tables, int from, int byteClass, bool mayForget = true)
    {
        if (WorkBudget.IsSpent)
        {
            return StepTables.Full;
        }

        lock (_lock)
        {
            int known = tables.NextOfRepeat(from, byteClass);
            if (known != StepTables.Unknown)
            {
                return known;
            }

            _isRepeat = true;
            try
            {
                int result = MakeStep(tables, from, byteClass, mayForget);
                if (result != StepTables.Full)
                {
                    tables.SetNextOfRepeat(from, byteClass, result);
                }

                return result;
            }
            finally
            {
                _isRepeat = false;
            }
        }
    }

    /// <summary>A set as an object.</summary>
    public PositionSet Handle(StepTables tables, int set)
    {
        lock (_lock)
        {
            return tables.Handle(set);
        }
    }

    /// <summary>Gives sets as objects.</summary>
    public void AddHandles(StepTables tables, IEnumerable<int> sets, ICollection<PositionSet> handles)
    {
        lock (_lock)
        {
            foreach (int set in sets)
            {
                handles.Add(tables.Handle(set));
            }
        }
    }

    /// <summary>Forgets the tables, unless somebody has; returns the number that a set has in the new ones.</summary>
    public int Renew(ref StepTables tables, int set)
    {
        StepTables old = tables;
        lock (_lock)
        {
            if (_tables == old)
            {
                Volatile.Write(ref _tables, new StepTables(Classes.Count));
                _masks.Clear();
                _maskBytes = 0;
                Count();
            }

            tables = _tables;
            return Import(tables, old.Items(set), old.Facts(set).MayEnd);
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
                _maskBytes += mask.SizeBytes;
                Count();
            }

            at.Mask = mask;
            return mask;
        }
    }

    private int Import(StepTables tables, ReadOnlySpan<long> items, bool mayEnd)
    {
        lock (_lock)
        {
            uint hash = HashIndex.HashOf(items);
            int id = tables.Find(items, mayEnd, hash);
            return id != 0 ? id : tables.Add(items, mayEnd, hash);
        }
    }

    private void Count()
    {
        long bytes = _tables.SizeBytes + _maskBytes + _stacks.SizeBytes + _states.LazyBytes;
        GrammarMemory.Add(bytes - _countedBytes);
        Interlocked.Exchange(ref _countedBytes, bytes);
    }
}
