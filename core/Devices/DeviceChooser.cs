using Engine.Memory;

namespace Engine.Devices;

/// <summary>
/// Chooses tokens of batches of rows of logits: the host says row by row what is wanted, then the device does it for
/// all. Everything is made for the largest batch; nothing is allocated by one.
/// </summary>
internal abstract class DeviceChooser(ChooserLimits limits) : IDisposable
{
    private readonly TokenChoice[] _choices = new TokenChoice[limits.MaxRows];
    private readonly EditRow[] _edits = new EditRow[limits.MaxRows];
    private readonly LogprobRow[] _scores = new LogprobRow[limits.MaxRows];
    private int _numRows;
    private int _numEdits;
    private int _numScores;
    private int _used;

    public ChooserLimits Limits => limits;

    /// <summary>Bytes of the device's memory.</summary>
    public abstract long Bytes { get; }

    /// <summary>Begins a batch: nothing is wanted of any row.</summary>
    public void Begin(int numRows)
    {
        _numRows = numRows;
        Array.Clear(_choices, 0, numRows);
        _numEdits = _numScores = _used = 0;
    }

    /// <summary>A row's token is to be chosen.</summary>
    public void Choose(int row, in TokenChoice choice) => _choices[row] = choice;

    /// <summary>Log probabilities are wanted.</summary>
    public void Score(in LogprobRow score) => _scores[_numScores++] = score;

    /// <summary>A row is to be changed before its token is chosen, by what is written.</summary>
    public EditWriter Edit(int row, int numIds)
    {
        ref EditRow edit = ref _edits[_numEdits++];
        edit = new EditRow
        {
            Row = row,
            NumIds = numIds,
            Allowed = -1,
            Masked = _used,
            Changed = _used,
            Pending = -1,
            Only = -1,
            Repetition = 1,
        };
        return new EditWriter(Lists().Slice(0, _used + limits.RowInts), ref edit, ref _used);
    }

    /// <summary>Forgets the last row that was to be changed.</summary>
    public void DropEdit(int usedBefore)
    {
        _numEdits--;
        _used = usedBefore;
    }

    /// <summary>32-bit words in lists.</summary>
    public int Used => _used;

    /// <summary>Does what was asked for, and waits for it.</summary>
    /// <param name="logits">[rows, length] f32.</param>
    public abstract void Run(TensorView logits);

    /// <summary>[rows] tokens that Run has chosen, or what stands for one; rows left alone keep theirs.</summary>
    public abstract ReadOnlySpan<int> Tokens { get; }

    /// <summary>What Run has found for a row's log probabilities.</summary>
    public abstract LogprobRecord Record(int row, int top, out ReadOnlySpan<ScoredToken> best);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected ReadOnlySpan<TokenChoice> Choices => _choices.AsSpan(0, _numRows);

    protected ReadOnlySpan<EditRow> Edits => _edits.AsSpan(0, _numEdits);

    protected ReadOnlySpan<LogprobRow> Scores => _scores.AsSpan(0, _numScores);

    /// <summary>[MaxRows * RowInts] of the batch, the host's to write.</summary>
    protected abstract Span<int> Lists();

    /// <summary>Frees the memory; called once or more.</summary>
    protected abstract void Dispose(bool disposing);
}
