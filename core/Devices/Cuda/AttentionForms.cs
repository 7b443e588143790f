namespace Engine.Devices.Cuda;

/// <summary>
/// How a batch's sequences divide between the two tensor-core forms of attention, for one number of query heads per
/// KV head: short queries are split along their keys, long ones are cut into tiles.
/// </summary>
internal sealed class AttentionForms(int group)
{
    private const int ChunkKeys = 256;
    private const int SplitRows = 16;
    private int[] _chunkStarts = [];

    /// <summary>Query heads of a KV head.</summary>
    public int Group => group;

    /// <summary>Some sequence is of the tiled form.</summary>
    public bool HasTiled { get; private set; }

    /// <summary>Queries of the longest of those.</summary>
    public int MaxTiledQueries { get; private set; }

    /// <summary>Some sequence of the split form has more than one chunk.</summary>
    public bool Combines { get; private set; }

    /// <summary>Launches of the split form: as many as its scratch memory makes needed.</summary>
    public int NumParts { get; private set; }

    /// <summary>[NumParts, numSeqs + 1] first chunk of each sequence; none for those of another part.</summary>
    public ReadOnlySpan<int> ChunkStarts => _chunkStarts.AsSpan(0, NumInts);

    public int NumInts { get; private set; }

    /// <summary>ChunkStarts on the device.</summary>
    public nint Address { get; set; }

    /// <summary>Pieces of so many keys.</summary>
    public static int Chunks(int keys) => (int)(((long)keys + ChunkKeys - 1) / ChunkKeys);

    /// <summary>Divides a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="maxChunks">Chunks that a launch has scratch memory for; at least those of any sequence.</param>
    public void Read(in AttentionBatch batch, int maxChunks)
    {
        int numSeqs = batch.ContextLens.Length;
        HasTiled = false;
        MaxTiledQueries = 0;
        Combines = false;
        NumParts = 0;
        NumInts = 0;
        int[]? part = null;
        int used = 0;
        for (int s = 0; s < numSeqs; s++)
        {
            int queries = batch.CuSeqlensQ[s + 1] - batch.CuSeqlensQ[s];
            if (queries == 0) continue;
            if ((long)queries * group > SplitRows)
            {
                HasTiled = true;
                MaxTiledQueries = Math.Max(MaxTiledQueries, queries);
                continue;
            }

            int chunks = Chunks(batch.ContextLens[s]);
            if (chunks > maxChunks) throw new ArgumentException("no scratch memory for a sequence", nameof(batch));
            if (part is null || used + chunks > maxChunks)
            {
                part = AddPart(numSeqs);
                used = 0;
            }

            Combines |= chunks > 1;
            used += chunks;
            Span<int> starts = part.AsSpan((NumParts - 1) * (numSeqs + 1), numSeqs + 1);
            starts[(s + 1)..].Fill(used);
        }
    }

    private int[] AddPart(int numSeqs)
    {
        int first = NumInts;
        NumInts += numSeqs + 1;
        if (_chunkStarts.Length < NumInts) Array.Resize(ref _chunkStarts, Math.Max(NumInts, 2 * _chunkStarts.Length));
        Array.Clear(_chunkStarts, first, numSeqs + 1);
        NumParts++;
        return _chunkStarts;
    }
}
