using System.Diagnostics.CodeAnalysis;
using Engine.Devices;
using Engine.Scheduling;

namespace Engine.Execution;

/// <summary>
/// The step that is computed before it is asked for: the sequences of the last one, each with the token that the device
/// has just chosen, while the host reads the tokens and plans. A plan then finds some of its sequences done. What
/// nobody asks for is dropped: its keys and values lie behind the end of their sequence, or in a spare block.
/// </summary>
internal sealed class StepAhead : IDisposable
{
    private readonly Dictionary<Sequence, int> _index;
    private readonly Row[] _rows;
    private readonly int[] _blocks;
    private readonly int[] _sources;
    private readonly int _stride;
    private readonly int _blockSize;
    private readonly int _firstSpare;
    private readonly int _numSpares;

    /// <param name="tokens">Owned.</param>
    /// <param name="inputs">Their limits.</param>
    /// <param name="blockSize">Tokens of a block.</param>
    /// <param name="spares">Blocks that a token may go to until its sequence has one for it.</param>
    public StepAhead(DeviceTokens tokens, StepInputs inputs, int blockSize, Range spares)
    {
        Tokens = tokens;
        _blockSize = blockSize;
        _stride = inputs.MaxBlocksPerSeq;
        _rows = new Row[inputs.MaxNumSeqs];
        _sources = new int[inputs.MaxNumTokens];
        _blocks = new int[checked(inputs.MaxNumSeqs * _stride)];
        _index = new Dictionary<Sequence, int>(inputs.MaxNumSeqs);
        _firstSpare = spares.Start.Value;
        _numSpares = spares.End.Value - spares.Start.Value;
        Copies = new BlockCopy[_numSpares];
    }

    public DeviceTokens Tokens { get; }

    /// <summary>Rows that are computed ahead.</summary>
    public int Count { get; private set; }

    /// <summary>Where their tokens are.</summary>
    public int Slot { get; private set; }

    /// <summary>Blocks to be moved from spare ones, by Take.</summary>
    public BlockCopy[] Copies { get; }

    public int NumCopies { get; private set; }

    /// <summary>Forgets what was computed.</summary>
    public void Drop()
    {
        Count = 0;
        NumCopies = 0;
        _index.Clear();
    }

    /// <summary>Begins rows whose tokens will be in a slot.</summary>
    public void Begin(int slot)
    {
        Drop();
        Slot = slot;
    }

    /// <summary>Adds the token that a sequence has just been given; false if there is no block for it.</summary>
    /// <param name="sequence">Its tokens have keys and values, but for the new one.</param>
    /// <param name="source">Place of the new token.</param>
    /// <param name="inputs">Gets the row.</param>
    public bool TryAdd(Sequence sequence, int source, StepInputs inputs)
    {
        int position = sequence.NumTokens, needed = (position / _blockSize) + 1;
        Span<int> blocks = _blocks.AsSpan(Count * _stride, needed);
        sequence.BlockTable[..Math.Min(needed, sequence.BlockTable.Length)].CopyTo(blocks);
        bool isSpare = sequence.BlockTable.Length < needed;
        if (isSpare)
        {
            if (NumCopies == _numSpares) return false;
            blocks[^1] = _firstSpare + NumCopies++;
        }

        _sources[Count] = source;
        inputs.Add([0], position, blocks, _blockSize);
        _rows[Count] = new Row(sequence, position, needed, isSpare);
        _index[sequence] = Count++;
        return true;
    }

    /// <summary>The rows are complete.</summary>
    /// <returns>[tokens] places among all slots of the tokens that they begin with; padding reads any token.</returns>
    public int[] EndRows()
    {
        NumCopies = 0;
        _sources.AsSpan(Count).Clear();
        return _sources;
    }

    /// <summary>Whose row it is.</summary>
    public Sequence SequenceOf(int row) => _rows[row].Sequence;

    /// <summary>What a sequence was given before its row: the row counts only if this is what it became.</summary>
    public void SetToken(Sequence sequence, int token)
    {
        if (_index.TryGetValue(sequence, out int row)) _rows[row].Token = token;
    }

    /// <summary>The row that has computed what a plan asks of a sequence; a spare block that it wrote is to be copied.
    /// </summary>
    public bool TryTake(in ScheduledSequence scheduled, out int row)
    {
        Sequence sequence = scheduled.Sequence;
        if (!_index.TryGetValue(sequence, out row)) return false;
        ref readonly Row found = ref _rows[row];
        if (scheduled.Start != found.Position || scheduled.Count != 1 || !scheduled.Samples
            || scheduled.NumDraftTokens != 0 || scheduled.PromptLogprobCount != 0
            || sequence.Tokens[found.Position] != found.Token || sequence.BlockTable.Length != found.NumBlocks)
        {
            return false;
        }

        ReadOnlySpan<int> blocks = _blocks.AsSpan(row * _stride, found.NumBlocks);
        int shared = found.NumBlocks - (found.IsSpare ? 1 : 0);
        if (!blocks[..shared].SequenceEqual(sequence.BlockTable[..shared])) return false;
        if (found.IsSpare) Copies[NumCopies++] = new BlockCopy(blocks[^1], sequence.BlockTable[^1]);
        return true;
    }

    public void Dispose() => Tokens.Dispose();

    [SuppressMessage("Performance", "CA1815", Justification = "never compared")]
    private struct Row(Sequence sequence, int position, int numBlocks, bool isSpare)
    {
        public readonly Sequence Sequence = sequence;
        public readonly int Position = position;
        public readonly int NumBlocks = numBlocks;
        public readonly bool IsSpare = isSpare;

        /// <summary>-1 until the host knows it.</summary>
        public int Token = -1;
    }
}
