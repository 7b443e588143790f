using Engine.Devices;

namespace Engine.Execution;

/// <summary>What the model sees of one step, as flat arrays made once for the largest step.</summary>
internal sealed class StepInputs
{
    private readonly int[] _tokenIds;
    private readonly int[] _positions;
    private readonly int[] _tokenTypeIds;
    private readonly int[] _slotMapping;
    private readonly int[] _cuSeqlensQ;
    private readonly int[] _contextLens;
    private readonly int[] _blockTables;
    private DeviceTokens? _tokenSource;
    private int[] _tokenPlaces = [];

    public StepInputs(int maxNumTokens, int maxNumSeqs, int maxBlocksPerSeq)
    {
        _tokenIds = Pinned(maxNumTokens);
        _positions = Pinned(maxNumTokens);
        _tokenTypeIds = Pinned(maxNumTokens);
        _slotMapping = Pinned(maxNumTokens);
        _cuSeqlensQ = Pinned(maxNumSeqs + 1);
        _contextLens = Pinned(maxNumSeqs);
        _blockTables = Pinned(checked(maxNumSeqs * maxBlocksPerSeq));
        MaxBlocksPerSeq = maxBlocksPerSeq;
    }

    public int NumTokens { get; private set; }

    public int NumSeqs { get; private set; }

    public int MaxBlocksPerSeq { get; }

    public int MaxNumSeqs => _contextLens.Length;

    public int MaxNumTokens => _tokenIds.Length;

    /// <summary>[NumTokens].</summary>
    public ReadOnlySpan<int> TokenIds => _tokenIds.AsSpan(0, NumTokens);

    /// <summary>[NumTokens] index of each token in its sequence.</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, NumTokens);

    /// <summary>[NumTokens] which text of a pair each token is of; 0 where nobody said.</summary>
    public ReadOnlySpan<int> TokenTypeIds => _tokenTypeIds.AsSpan(0, NumTokens);

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

    /// <summary>What every layer shares, for a device that takes it once.</summary>
    public StepMetadata Metadata => new()
    {
        TokenIds = TokenIds,
        Positions = Positions,
        SlotMapping = SlotMapping,
        Attention = AttentionBatch,
        TokenSource = _tokenSource,
        TokenPlaces = _tokenSource is null ? [] : _tokenPlaces.AsSpan(0, NumTokens),
    };

    /// <summary>The tokens are where a device has put them.</summary>
    /// <param name="source">The device's.</param>
    /// <param name="places">[MaxNumTokens] where; read when the step begins.</param>
    public void TakeTokensFrom(DeviceTokens source, int[] places)
    {
        _tokenSource = source;
        _tokenPlaces = places;
    }

    public void Clear()
    {
        NumTokens = 0;
        NumSeqs = 0;
        _tokenSource = null;
    }

    /// <summary>Adds a sequence's part of the step.</summary>
    /// <param name="tokens">The tokens to compute.</param>
    /// <param name="start">Position of the first of them; everything before has KV.</param>
    /// <param name="blockTable">Blocks of the sequence, the new tokens' among them.</param>
    /// <param name="blockSize">Tokens of a block.</param>
    /// <param name="tokenTypeIds">Types of the tokens; empty is 0 for all.</param>
    public void Add(
        ReadOnlySpan<int> tokens, int start, ReadOnlySpan<int> blockTable, int blockSize,
        ReadOnlySpan<int> tokenTypeIds = default)
    {
        Span<int> types = _tokenTypeIds.AsSpan(NumTokens, tokens.Length);
        types.Clear();
        tokenTypeIds.CopyTo(types);
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
    /// <summary>Adds sequences of one token that write nothing, up to a number of sequences.</summary>
    /// <param name="numSeqs">Sequences in all.</param>
    /// <param name="block">What they read.</param>
    public void Pad(int numSeqs, int block)
    {
        while (NumSeqs < numSeqs)
        {
            _tokenIds[NumTokens] = 0;
            _positions[NumTokens] = 0;
            _slotMapping[NumTokens] = -1;
            _blockTables[NumSeqs * MaxBlocksPerSeq] = block;
            _contextLens[NumSeqs] = 1;
            NumTokens++;
            NumSeqs++;
            _cuSeqlensQ[NumSeqs] = NumTokens;
        }
    }

    // A device finds a list that it was told of by its address, so the arrays must not move.
    private static int[] Pinned(int length) => GC.AllocateArray<int>(length, pinned: true);
}
