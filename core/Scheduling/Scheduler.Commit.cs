using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Scheduling;

/// <summary>What happens after a step ran, and how sequences end.</summary>
internal sealed partial class Scheduler
{
    /// <summary>Publishes a step: computed tokens, sampled tokens, forks, ends.</summary>
    public void Commit(StepPlan plan, SampledTokens results, StepOutput output)
    {
        Invariant.Check(_planIsOpen && plan == _plan, "a plan was committed twice");
        output.NumSequences = plan.NumSequences;
        output.NumTokens = plan.NumTokens;
        output.NumSamples = plan.NumSamples;
        for (int i = 0; i < plan.NumSequences; i++)
        {
            ScheduledSequence scheduled = plan.Sequences[i];
            Sequence sequence = scheduled.Sequence;
            sequence.NumScheduledTokens = 0;
            if (sequence.State != SequenceState.Running)
            {
                continue; // Another output of its request failed in this step.
            }

            if (Verify(scheduled, results, i, out string? message) is var status && status.IsError())
            {
                FailRequest(sequence.Request, status, message, output);
                continue;
            }

            int numTokens = AppendTokens(
                scheduled, results.Tokens(i), out FinishReason reason, out int stopTokenId);
            _cache.CacheFullBlocks(sequence);
            sequence.NumPromptLogprobsDone += scheduled.PromptLogprobCount;
            ForkSiblings(sequence, output);
            if (reason != FinishReason.None)
            {
                Finish(sequence, reason);
            }

            Publish(scheduled, results, i, numTokens, stopTokenId, output);
        }

        NumSteps++;
        _budget = _maxNumBatchedTokens;
        _numFutileSteps = 0;
        CloseStep();
        Invariant.Check(_cache.NumFree >= _numReserved, "reserved blocks were given away");
        Invariant.Check(HasWork || _cache.NumReferenced == 0, "blocks are referenced by nobody");
    }

    /// <summary>Ends all outputs of a request. Idempotent.</summary>
    public void Abort(Request request, StepOutput output)
    {
        foreach (Sequence sequence in request.Sequences)
        {
            if (!sequence.IsFinished)
            {
                Finish(sequence, FinishReason.Abort);
                output.Add(new StepOutputItem(sequence, -1, null, null, FinishReason.Abort));
            }
        }
    }

    /// <summary>Ends all outputs of a request with an error.</summary>
    public void FailRequest(Request request, EngineStatus status, string? message, StepOutput output)
    {
        foreach (Sequence sequence in request.Sequences)
        {
            if (!sequence.IsFinished)
            {
                Finish(sequence, FinishReason.Error);
                output.Add(new StepOutputItem(
                    sequence, -1, null, null, FinishReason.Error, -1, status, message));
            }
        }
    }

    /// <summary>Ends one output between steps and gives back what it holds. Idempotent.</summary>
    public void Finish(Sequence sequence, FinishReason reason)
    {
        switch (sequence.State)
        {
            case SequenceState.Running:
                RemoveRunningAt(IndexOfRunning(sequence));
                _cache.Free(sequence);
                break;
            case SequenceState.Waiting:
                _waiting.Remove(sequence);
                break;
            case SequenceState.Finished:
                return;
            default:
                break;
        }

        sequence.State = SequenceState.Finished;
        sequence.NumDraftTokens = 0;
        sequence.FinishReason = reason;
        sequence.Request.NumUnfinished--;
        (sequence.SamplerState as IDisposable)?.Dispose();
        sequence.SamplerState = null;
    }

    /// <summary>
    /// The step ran out of memory: the next one gets half the tokens. A single token is tried a few times; then its
    /// request fails.
    /// </summary>
    public void ShrinkBudget(StepPlan plan, string? message, StepOutput output)
    {
        Request request = plan.Sequences[0].Sequence.Request;
        bool isHopeless = plan.NumTokens == 1 && ++_numFutileSteps == MaxFutileSteps;
        _budget = Math.Max(1, plan.NumTokens / 2);
        Rollback(plan);
        if (isHopeless)
        {
            _numFutileSteps = 0;
            FailRequest(request, EngineStatus.OutOfMemory, message ?? "out of memory", output);
            _budget = _maxNumBatchedTokens;
        }
    }

    private EngineStatus Verify(
        in ScheduledSequence scheduled, SampledTokens results, int index, out string? message)
    {
        message = results.Message(index);
        EngineStatus status = results.Status(index);
        if (status.IsError())
        {
            return status;
        }

        ReadOnlySpan<int> tokens = results.Tokens(index);
        int numPromptLogprobs = results.PromptLogprobs(index)?.Count ?? 0;
        if (tokens.IsEmpty == (scheduled.Samples && !results.IsPostponed(index))
            || numPromptLogprobs != scheduled.PromptLogprobCount)
        {
            message = "the runner returned another number of results than the plan asked for";
            return EngineStatus.Internal;
        }

        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)_vocabSize)
            {
                message = $"the runner returned token {token}, outside of a vocabulary of {_vocabSize}";
                return EngineStatus.Internal;
            }
        }

        if (tokens.Length > 1 && !FollowsDrafts(scheduled.Sequence, tokens))
        {
            message = "the runner returned tokens that were not drafted";
            return EngineStatus.Internal;
        }

        return EngineStatus.Ok;
    }

    private void Publish(
        in ScheduledSequence scheduled, SampledTokens results, int index, int numTokens, int stopTokenId,
        StepOutput output)
    {
        Sequence sequence = scheduled.Sequence;
        IReadOnlyList<PromptLogprob>? promptLogprobs = results.PromptLogprobs(index);
        for (int i = 0; i < numTokens; i++)
        {
            bool isLast = i == numTokens - 1;
            output.Add(new StepOutputItem(
                sequence, results.Tokens(index)[i], results.Logprobs(index, i), i == 0 ? promptLogprobs : null,
                isLast ? sequence.FinishReason : FinishReason.None, isLast ? stopTokenId : -1));
        }

        if (numTokens > 0)
        {
            return;
        }

        // With max_tokens 0 the prompt is all there is.
        bool ends = !scheduled.Samples && sequence.NumComputedTokens == sequence.MaxTokensTotal;
        if (ends)
        {
            Finish(sequence, FinishReason.Length);
        }

        if (ends || promptLogprobs != null)
        {
            output.Add(new StepOutputItem(sequence, -1, null, promptLogprobs, sequence.FinishReason));
        }
    }

    /// <summary>
    /// Once the prompt is computed the other outputs start from its blocks. Each computes the last prompt token again,
    /// to sample its own first token from it.
    /// </summary>
    private void ForkSiblings(Sequence first, StepOutput output)
    {
        Request request = first.Request;
        if (first.OutputIndex != 0 || request.HasForked
            || first.NumComputedTokens < first.NumPromptTokens)
        {
            return;
        }

        request.HasForked = true;
        foreach (Sequence child in request.Sequences[1..])
        {
            child.NumCachedTokens = first.NumCachedTokens;
            if (child.MaxTokensTotal == child.NumPromptTokens)
            {
                Finish(child, FinishReason.Length);
                output.Add(new StepOutputItem(child, -1, null, null, FinishReason.Length));
            }
            else if (_numRunning < _maxNumSeqs)
            {
                _cache.Fork(first, child, first.NumPromptTokens - 1);
                child.WasScheduled = true;
                Start(child);
            }
            else
            {
                Enqueue(child);
            }
        }
    }

    private int IndexOfRunning(Sequence sequence)
    {
        int low = 0;
        int high = _numRunning - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = SequenceOrder.CompareRunning(_running[middle], sequence);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        Invariant.Break("a running sequence is not in the list");
        return -1;
    }
}
