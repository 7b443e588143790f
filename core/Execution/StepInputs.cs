using Engine.Devices;

namespace Engine.Execution;

/// <summary>What the model sees of one step, as flat arrays made once for the largest step.</summary>
internal sealed class StepInputs
{
    private readonly int[] _tokenIds;
    private readonly int[] _positions;
    private readonly int[] _slotMapping;
    private readonly int[] _cuSeqlensQ;
    private readonly int[] _contextLens;
    private readonly int[] _blockTables;

    public StepInputs(int maxNumTokens, int maxNumSeqs, int maxBlocksPerSeq)
    {
        _tokenIds = new int[maxNumTokens];
        _positions = new int[maxNumTokens];
        _slotMapping = new int[maxNumTokens];
        _cuSeqlensQ = new int[maxNumSeqs + 1];
        _contextLens = new int[maxNumSeqs];
        _blockTables = new int[checked(maxNumSeqs * maxBlocksPerSeq)];
        MaxBlocksPerSeq = maxBlocksPerSeq;
    }

    public int NumTokens { get; private set; }

    public int NumSeqs { get; private set; }

    public int MaxBlocksPerSeq { get; }

    /// <summary>[NumTokens].</summary>
    public ReadOnlySpan<int> TokenIds => _tokenIds.AsSpan(0, NumTokens);

    /// <summary>[NumTokens] index of each token in its sequence.</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, NumTokens);

    /// <summary>[NumTokens] blockId * blockSize + offset.</summary>
    public ReadOnlySpan<int> SlotMapping => _slotMapping.AsSpan(0, NumTokens);

    /// <summary>[NumSeqs + 1] first row of each sequence.</summary>
    public ReadOnlySpan<int> CuSeqlensQ => _cuSeqlensQ.AsSpan(0, NumSeqs + 1);

    public AttentionBatch AttentionBatch => new()
    {
        CuSeqlensQ = CuSeqlensQ,
        ContextLens = _contextLens.AsSpan(0, NumSeqs),
        BlockTables = _blockTables.AsSpan(0, NumSeqs * MaxBlocksPerSeq),
        MaxBlocksPerRequest = MaxBlocksPerSeq,
    };

    public void Clear()
    {
        NumTokens = 0;
        NumSeqs = 0;
    }

    /// <summary>Adds a sequence's part of the step.</summary>
    /// <param name="tokens">The tokens to compute.</param>
    /// <param name="start">Position of the first of them; everything before has KV.</param>
    /// <param name="blockTable">Blocks of the sequence, the new tokens' among them.</param>
    /// <param name="blockSize">Tokens of a block.</param>
    public void Add(ReadOnlySpan<int> tokens, int start, ReadOnlySpan<int> blockTable, int blockSize)
    {
        tokens.CopyTo(_tokenIds.AsSpan(NumTokens));
        for (int i = 0; i < tokens.Length; i++)
        {
            int position = start + i;
            _positions[NumTokens + i] = position;
            _slotMapping[NumTokens + i] =
                (blockTable[position / blockSize] * blockSize) + (position % blockSize);
        }
        blockTable.CopyTo(_blockTables.AsSpan(NumSeqs * MaxBlocksPerSeq));
        _contextLens[NumSeqs] = start + tokens.Length;
        NumTokens += tokens.Length;
        NumSeqs++;
        _cuSeqlensQ[NumSeqs] = NumTokens;
    }
}
