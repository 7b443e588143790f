using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Scheduling;

/// <summary>Drafted tokens: blocks for them before the step, and giving back what was not accepted after it.</summary>
internal sealed partial class Scheduler
{
    /// <summary>
    /// Schedules the last token of a sequence with drafts behind it. Nobody is preempted for drafts, and none reach
    /// beyond the tokens that the output may have.
    /// </summary>
    /// <returns>False, and nothing has changed, if there are no drafts or no blocks for them.</returns>
    private bool TryAddDrafted(Sequence sequence, int share, ref int budget)
    {
        int room = Math.Min(share, sequence.MaxTokensTotal - sequence.NumTokens) - 1;
        if (room <= 0 || sequence.NumOutputTokens == 0)
        {
            return false;
        }

        int numDrafts = _grammarDrafts?.Propose(sequence, room) ?? 0;
        sequence.HasGivenDrafts = numDrafts > 0;
        if (numDrafts == 0)
        {
            numDrafts = _drafts?.Propose(sequence, room) ?? 0;
        }

        if (numDrafts == 0 || !TryAllocate(sequence, 1 + numDrafts))
        {
            return false;
        }

        sequence.NumDraftTokens = numDrafts;
        sequence.NumScheduledTokens = 1 + numDrafts;
        _plan.Add(new ScheduledSequence(
            sequence, sequence.NumComputedTokens, 1 + numDrafts, true, NumDraftTokens: numDrafts));
        budget -= 1 + numDrafts;
        return true;
    }

    /// <summary>Appends what was sampled; the sequence's computed tokens end before the last one.</summary>
    /// <returns>How many tokens it gained: all, or those up to the one that ends it.</returns>
    private int AppendTokens(
        in ScheduledSequence scheduled, ReadOnlySpan<int> tokens, out FinishReason reason, out int stopTokenId)
    {
        Sequence sequence = scheduled.Sequence;
        int numDrafts = sequence.NumDraftTokens;
        sequence.NumDraftTokens = 0;
        reason = FinishReason.None;
        stopTokenId = -1;
        int count = 0;
        while (count < tokens.Length && reason == FinishReason.None)
        {
            int token = tokens[count++];
            sequence.Append(token);
            reason = StopChecker.CheckToken(
                sequence.Sampling, sequence.EosTokenIds, token, sequence.NumOutputTokens,
                sequence.MaxTokensTotal - sequence.NumPromptTokens, out stopTokenId);
        }

        // Postponed: the last token is computed once more, and nothing was found out about drafts.
        bool isPostponed = count == 0 && scheduled.Samples;
        int accepted = isPostponed ? -1 : Math.Max(0, count - 1);
        sequence.NumComputedTokens = scheduled.Start + scheduled.Count - scheduled.NumDraftTokens + accepted;
        if (scheduled.NumDraftTokens > 0 && !isPostponed)
        {
            if (sequence.HasGivenDrafts) _grammarDrafts!.Observe(sequence, numDrafts, tokens.Length - 1);
            else _drafts!.Observe(sequence, numDrafts, tokens.Length - 1);
        }

        if (scheduled.NumDraftTokens > 0 || isPostponed)
        {
            int numBlocks = sequence.NumBlocks;
            _cache.Trim(sequence);
            _numReserved += sequence.IsProtected ? numBlocks - sequence.NumBlocks : 0;
        }

        return count;
    }

    /// <summary>All but the last of the tokens are the drafted ones, in their order.</summary>
    private static bool FollowsDrafts(Sequence sequence, ReadOnlySpan<int> tokens) =>
        tokens.Length <= sequence.NumDraftTokens + 1
        && tokens[..^1].SequenceEqual(sequence.DraftTokens[..(tokens.Length - 1)]);
}
