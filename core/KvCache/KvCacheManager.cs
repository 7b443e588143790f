using Engine.Devices;
using Engine.Diagnostics;
using Engine.Scheduling;

namespace Engine.KvCache;

/// <summary>
/// Gives sequences the blocks for their tokens. Shared blocks are full, or are copied before they are written.
/// A failed allocation changes nothing.
/// </summary>
internal sealed class KvCacheManager
{
    private readonly BlockPool _pool;
    private readonly PrefixCache? _cache;
    private readonly int _maxBlocksPerSequence;
    private readonly Stack<int[]> _tables;
    private readonly int[] _hits;
    private readonly CacheRoots _roots = new();

    public KvCacheManager(
        int numBlocks, int blockSize, int maxModelLen, int maxNumSeqs, bool enablePrefixCaching,
        BlockHash? hash = null)
    {
        _tables = new Stack<int[]>(maxNumSeqs);
        BlockSize = blockSize;
        _pool = new BlockPool(numBlocks);
        _cache = enablePrefixCaching ? new PrefixCache(numBlocks, blockSize, hash) : null;
        _maxBlocksPerSequence = Math.Min(NumBlocksFor(maxModelLen), numBlocks);
        _hits = new int[_maxBlocksPerSequence];
    }

    public int BlockSize { get; }

    public int NumBlocks => _pool.NumBlocks;

    public int NumFree => _pool.NumFree;

    public int NumReferenced => _pool.NumReferenced;

    public int NumCached => _cache?.Count ?? 0;

    internal BlockPool Pool => _pool;

    internal PrefixCache? Cache => _cache;

    public int NumBlocksFor(int numTokens) => (int)(((long)numTokens + BlockSize - 1) / BlockSize);

    public long RootOf(string? salt) => _roots.RootOf(salt);

    /// <summary>
    /// Gives a sequence without blocks the cached blocks of its longest known prefix (never all of its tokens: the
    /// last one has to be computed).
    /// </summary>
    /// <param name="sequence">Holds no blocks.</param>
    /// <param name="maxCachedTokens">Tokens that may come from the cache, at most.</param>
    /// <param name="numFreeAfter">Blocks that must be left if all tokens of the sequence get blocks.</param>
    /// <returns>False, and nothing has changed, if there are fewer.</returns>
    public bool TryAdmit(Sequence sequence, int maxCachedTokens, int numFreeAfter)
    {
        Invariant.Check(sequence.NumBlocks == 0 && sequence.NumComputedTokens == 0,
            "a sequence was admitted twice");
        int numHits = FindHits(sequence, maxCachedTokens, out long lastNode, out int numIdleHits);
        int needed = NumBlocksFor(sequence.NumTokens) - numHits + numIdleHits;
        if (needed > (long)_pool.NumFree - numFreeAfter)
        {
            return false;
        }

        int[] table = _tables.Count > 0 ? _tables.Pop() : new int[_maxBlocksPerSequence];
        for (int i = 0; i < numHits; i++)
        {
            table[i] = _hits[i];
            _pool.AddReference(_hits[i]);
        }

        sequence.BlockIds = table;
        sequence.NumBlocks = numHits;
        sequence.NumHashedBlocks = numHits;
        sequence.LastNode = lastNode;
        sequence.NumComputedTokens = numHits * BlockSize;
        return true;
    }

    /// <summary>
    /// Makes the table cover the computed tokens and numNewTokens more, and the block of the first new token
    /// writable.
    /// </summary>
    /// <param name="sequence">Has been admitted.</param>
    /// <param name="numNewTokens">At least one.</param>
    /// <param name="numReserved">Free blocks that must be left.</param>
    /// <param name="plan">Takes the copy if one is needed.</param>
    /// <returns>False, and nothing has changed, if there are not enough free blocks.</returns>
    public bool TryAllocateSlots(Sequence sequence, int numNewTokens, int numReserved, StepPlan plan)
    {
        int start = sequence.NumComputedTokens;
        int numBlocks = NumBlocksFor(start + numNewTokens);
        int writeIndex = start / BlockSize;
        bool copies = writeIndex < sequence.NumBlocks
            && _pool.RefCount(sequence.BlockIds[writeIndex]) > 1;
        int needed = numBlocks - sequence.NumBlocks + (copies ? 1 : 0);
        if (needed > 0 && needed > _pool.NumFree - numReserved)
        {
            return false;
        }

        if (copies)
        {
            CopyBlock(sequence, writeIndex, plan);
        }
        else if (writeIndex < sequence.NumBlocks)
        {
            // Its only owner writes into it: whatever it was known for, it no longer is.
            ForgetFrom(sequence, writeIndex);
        }

        while (sequence.NumBlocks < numBlocks)
        {
            sequence.BlockIds[sequence.NumBlocks++] = AllocateBlock();
        }

        return true;
    }

    /// <summary>Offers blocks that have become full to the prefix cache.</summary>
    public void CacheFullBlocks(Sequence sequence)
    {
        int numFull = sequence.NumComputedTokens / BlockSize;
        if (_cache == null || numFull <= sequence.NumHashedBlocks)
        {
            return;
        }

        // A node that stands for a block of ours may have been another sequence's and be gone: start over, our own
        // blocks take the place.
        if (sequence.NumHashedBlocks > 0 && !_cache.IsAlive(sequence.LastNode))
        {
            sequence.NumHashedBlocks = 0;
            sequence.LastNode = PrefixCache.NoNode;
        }

        ReadOnlySpan<int> tokens = sequence.Tokens;
        for (int i = sequence.NumHashedBlocks; i < numFull; i++)
        {
            ReadOnlySpan<int> blockTokens = tokens.Slice(i * BlockSize, BlockSize);
            int block = sequence.BlockIds[i];
            long root = sequence.Request.CacheRoot;
            if (_cache.IsRegistered(block))
            {
                // Found again when starting over; its parent node died, so nobody else can find it.
                long known = _cache.Find(root, sequence.LastNode, blockTokens);
                if (known != PrefixCache.NoNode)
                {
                    sequence.LastNode = known;
                    continue;
                }

                _cache.Forget(block);
            }

            sequence.LastNode = _cache.Register(block, root, sequence.LastNode, blockTokens);
        }

        sequence.NumHashedBlocks = numFull;
    }

    /// <summary>Gives back all blocks of a sequence; the tail first, so that it is evicted first.</summary>
    public void Free(Sequence sequence)
    {
        if (sequence.BlockIds.Length == 0)
        {
            return;
        }

        for (int i = sequence.NumBlocks - 1; i >= 0; i--)
        {
            ReleaseBlock(sequence.BlockIds[i]);
        }

        _tables.Push(sequence.BlockIds);
        sequence.BlockIds = [];
        sequence.NumBlocks = 0;
        sequence.NumHashedBlocks = 0;
        sequence.LastNode = PrefixCache.NoNode;
        sequence.NumComputedTokens = 0;
    }

    /// <summary>
    /// The child shares the parent's blocks of the first numTokens tokens; whoever writes into the last, partial one
    /// while the other holds it gets a copy first.
    /// </summary>
    public void Fork(Sequence parent, Sequence child, int numTokens)
    {
        Invariant.Check(child.NumBlocks == 0 && numTokens <= parent.NumComputedTokens,
            "a fork of tokens that are not computed");
        int[] table = _tables.Count > 0 ? _tables.Pop() : new int[_maxBlocksPerSequence];
        int numBlocks = NumBlocksFor(numTokens);
        for (int i = 0; i < numBlocks; i++)
        {
            table[i] = parent.BlockIds[i];
            _pool.AddReference(table[i]);
        }

        child.BlockIds = table;
        child.NumBlocks = numBlocks;
        child.NumHashedBlocks = 0;
        child.LastNode = PrefixCache.NoNode;
        child.NumComputedTokens = numTokens;
    }

    /// <summary>Gives back the blocks beyond the computed tokens (those of drafts that were not accepted).</summary>
    public void Trim(Sequence sequence)
    {
        int keep = NumBlocksFor(sequence.NumComputedTokens);
        while (sequence.NumBlocks > keep)
        {
            ReleaseBlock(sequence.BlockIds[--sequence.NumBlocks]);
        }
    }

    /// <summary>Undoes TryAllocateSlots of a step that did not run.</summary>
    public void Rollback(Sequence sequence, StepPlan plan)
    {
        Trim(sequence);
        int writeIndex = sequence.NumComputedTokens / BlockSize;
        if (writeIndex >= sequence.NumBlocks)
        {
            return;
        }

        foreach (BlockCopy copy in plan.BlockCopies)
        {
            if (copy.Destination == sequence.BlockIds[writeIndex])
            {
                // The source is fenced, so its content is still what it was.
                _pool.AddReference(copy.Source);
                ReleaseBlock(copy.Destination);
                sequence.BlockIds[writeIndex] = copy.Source;
                return;
            }
        }
    }

    /// <summary>The step is over: what it read may be reused.</summary>
    public void EndStep() => _pool.LiftFences();

    /// <summary>Forgets all cached prefixes; blocks in use stay in use.</summary>
    public void ResetPrefixCache() => _cache?.Clear();

    private int FindHits(Sequence sequence, int maxCachedTokens, out long lastNode, out int numIdle)
    {
        lastNode = PrefixCache.NoNode;
        numIdle = 0;
        if (_cache == null)
        {
            return 0;
        }

        int limit = Math.Min(maxCachedTokens, sequence.NumTokens - 1) / BlockSize;
        int numHits = 0;
        ReadOnlySpan<int> tokens = sequence.Tokens;
        while (numHits < limit)
        {
            long node = _cache.Find(
                sequence.Request.CacheRoot, lastNode, tokens.Slice(numHits * BlockSize, BlockSize));
            if (node == PrefixCache.NoNode)
            {
                break;
            }

            int block = PrefixCache.BlockOf(node);
            numIdle += _pool.RefCount(block) == 0 ? 1 : 0;
            _hits[numHits++] = block;
            lastNode = node;
        }

        return numHits;
    }

    private void CopyBlock(Sequence sequence, int index, StepPlan plan)
    {
        int source = sequence.BlockIds[index];
        int destination = AllocateBlock();
        _pool.Fence(source);
        ReleaseBlock(source);
        sequence.BlockIds[index] = destination;
        if (sequence.NumHashedBlocks > index)
        {
            sequence.NumHashedBlocks = 0;
            sequence.LastNode = PrefixCache.NoNode;
        }

        plan.AddBlockCopy(new BlockCopy(source, destination));
    }

    private void ForgetFrom(Sequence sequence, int index)
    {
        _cache?.Forget(sequence.BlockIds[index]);
        if (sequence.NumHashedBlocks > index)
        {
            sequence.NumHashedBlocks = 0;
            sequence.LastNode = PrefixCache.NoNode;
        }
    }

    private int AllocateBlock()
    {
        int block = _pool.Allocate();
        Invariant.Check(block >= 0, "blocks ran out after they were counted");
        _cache?.Forget(block);
        return block;
    }

    private void ReleaseBlock(int block) =>
        _pool.Release(block, _cache != null && _cache.IsRegistered(block));
}
