using Engine.Diagnostics;
using Engine.KvCache;

namespace Engine.Scheduling;

/// <summary>The invariants that take a walk over everything; tests call this after each half of a step.</summary>
internal sealed partial class Scheduler
{
    /// <summary>Throws if an invariant is broken. O(blocks + tokens).</summary>
    public void CheckIntegrity()
    {
        BlockPool pool = _cache.Pool;
        pool.CheckIntegrity();
        int[] references = new int[pool.NumBlocks];
        int reserved = 0;
        for (int i = 0; i < _numRunning; i++)
        {
            Sequence sequence = _running[i];
            Invariant.Check(i == 0 || SequenceOrder.CompareRunning(_running[i - 1], sequence) < 0,
                "running sequences are out of order");
            CheckRunning(sequence, references);
            reserved += Reservation(sequence);
        }

        Invariant.Check(reserved == _numReserved, "reserved blocks are miscounted");
        Invariant.Check(pool.NumFree >= reserved, "reserved blocks were given away");
        for (int block = 0; block < references.Length; block++)
        {
            Invariant.Check(references[block] == pool.RefCount(block),
                "a reference count differs from the live references");
        }

        foreach (Sequence? sequence in _waiting.Items)
        {
            Invariant.Check(sequence!.State == SequenceState.Waiting && sequence.NumBlocks == 0
                && sequence.NumComputedTokens == 0 && sequence.NumScheduledTokens == 0,
                "a waiting sequence holds something");
        }
    }

    private void CheckRunning(Sequence sequence, int[] references)
    {
        int computed = sequence.NumComputedTokens;
        int scheduled = sequence.NumScheduledTokens;
        Invariant.Check(sequence.State == SequenceState.Running, "a running sequence has another state");
        Invariant.Check(_planIsOpen || scheduled == 0, "tokens are scheduled outside of a step");
        int drafts = sequence.NumDraftTokens;
        Invariant.Check(_planIsOpen || drafts == 0, "tokens are drafted outside of a step");
        Invariant.Check(drafts == 0 || computed + scheduled == sequence.NumTokens + drafts,
            "drafts do not follow the last token");
        Invariant.Check(sequence.NumTokens + drafts < Math.Max(sequence.MaxTokensTotal, sequence.NumPromptTokens + 1),
            "drafts reach beyond the output");
        Invariant.Check(computed + scheduled <= sequence.NumTokens + drafts, "more is computed than exists");
        Invariant.Check(sequence.NumTokens < Math.Max(sequence.MaxTokensTotal, sequence.NumPromptTokens + 1),
            "a sequence outlived its last token");
        Invariant.Check(sequence.NumPreemptions <= ProtectAfterPreemptions, "preempted too often");
        Invariant.Check(sequence.NumBlocks == _cache.NumBlocksFor(computed + scheduled),
            "a block table has the wrong length");
        foreach (int block in sequence.BlockTable)
        {
            references[block]++;
        }

        CheckContents(sequence);
        if (scheduled > 0)
        {
            CheckWritable(sequence, computed / _cache.BlockSize);
        }
    }

    /// <summary>What the prefix cache says of a block is what the sequence has in it.</summary>
    private void CheckContents(Sequence sequence)
    {
        PrefixCache? cache = _cache.Cache;
        for (int i = 0; cache != null && i < sequence.NumBlocks; i++)
        {
            int block = sequence.BlockIds[i];
            int start = i * _cache.BlockSize;
            if (cache.IsRegistered(block))
            {
                Invariant.Check(cache.RootOf(block) == sequence.Request.CacheRoot,
                    "a cached block belongs to another salt");
                Invariant.Check(start + _cache.BlockSize <= sequence.NumTokens
                    && cache.TokensOf(block).SequenceEqual(
                        sequence.Tokens.Slice(start, _cache.BlockSize)),
                    "a cached block's tokens differ from its owner's");
            }
        }
    }

    private void CheckWritable(Sequence sequence, int firstIndex)
    {
        for (int i = firstIndex; i < sequence.NumBlocks; i++)
        {
            int block = sequence.BlockIds[i];
            Invariant.Check(_cache.Pool.RefCount(block) == 1, "a shared block is written");
            Invariant.Check(_cache.Cache?.IsRegistered(block) != true, "a cached block is written");
        }
    }
}
