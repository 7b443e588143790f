using System.Diagnostics;
using Engine.Devices;
using Engine.Hosting;
using Engine.Memory;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Execution;

/// <summary>
/// Steps on a device that keeps the tokens it chooses: the next step is under way before the host has read this one's,
/// so that the device does not wait for commit, output and planning. A row's result is the same in whatever company it
/// is computed, so a plan may be computed in parts.
/// </summary>
internal sealed partial class ModelRunner
{
    private StepAhead? _ahead;
    private bool[] _isTaken = [];
    private int[] _expectedPlace = [];
    private int _numDeferred;
    private int _deferSlot = -1;

    /// <summary>Rows that were computed before they were asked for, for tests.</summary>
    public long NumTakenAhead { get; private set; }

    // With a drafter every step waits for drafts.
    private StepAhead? CreateAhead()
    {
        if (_drafter is not null || _weights.Device is not IDeviceSampler sampler) return null;
        DeviceTokens? tokens = sampler.CreateTokens(_maxNumSeqs, _limits.MaxLogprobs);
        if (tokens is null) return null;
        _isTaken = new bool[_maxNumSeqs];
        _expectedPlace = new int[_maxNumSeqs];
        return new StepAhead(tokens, _inputs, BlockSize, _kv.SpareBlocks);
    }

    // Drafts, of a grammar too, need this step's tokens before the next step exists.
    private StepAhead? AheadFor(StepPlan plan)
    {
        if (plan.NumDraftTokens == 0) return _ahead;
        _ahead?.Drop();
        return null;
    }

    private void ExecuteAhead(StepAhead ahead, StepPlan plan, SampledTokens results)
    {
        long started = Stopwatch.GetTimestamp(), before = KernelTicks;
        int taken = ahead.Slot, own = (taken + 1) % DeviceTokens.NumSlots, next = (own + 1) % DeviceTokens.NumSlots;
        int numTaken = ahead.Count;
        try
        {
            bool hasRest = TakeRows(ahead, plan, taken);
            if (ahead.NumCopies > 0) _weights.Device.CopyBlocks(_kv, ahead.Copies.AsSpan(0, ahead.NumCopies));
            ahead.Drop();
            BeginMasks(plan);
            _deferSlot = own;
            _numDeferred = 0;
            if (hasRest) Sample(plan, _step.Forward(_weights.Model), results);
            if (_numDeferred > 0) ahead.Tokens.Send(own, _numDeferred);
            Launch(ahead, plan, next);
            Collect(ahead, plan, results, (taken, numTaken), (own, _numDeferred));
        }
        catch
        {
            ahead.Drop();
            throw;
        }
        finally
        {
            _deferSlot = -1;
            Array.Clear(_isTaken);
            // All of it is the device's, what Sample counted too.
            KernelTicks = before + (Stopwatch.GetTimestamp() - started);
        }
    }

    // Takes what was computed ahead; true if something is left, which is then the step's inputs.
    private bool TakeRows(StepAhead ahead, StepPlan plan, int slot)
    {
        _inputs.Clear();
        for (int i = 0; i < plan.NumSequences; i++)
        {
            ref readonly ScheduledSequence s = ref plan.Sequences[i];
            _expectedPlace[i] = -1;
            _isTaken[i] = ahead.TryTake(s, out int row);
            if (_isTaken[i])
            {
                _expectedPlace[i] = (slot * ahead.Tokens.MaxRows) + row;
                NumTakenAhead++;
                continue;
            }

            _inputs.Add(s.Sequence.Tokens.Slice(s.Start, s.Count), s.Start, s.Sequence.BlockTable, BlockSize);
        }

        return _inputs.NumTokens > 0;
    }

    // The next step, if all of this one's sequences have been given a token by the device: a step of two parts reads
    // the weights twice.
    private void Launch(StepAhead ahead, StepPlan plan, int slot)
    {
        ahead.Begin(slot);
        _inputs.Clear();
        for (int i = 0; i < plan.NumSequences; i++)
        {
            Sequence sequence = plan.Sequences[i].Sequence;
            if (_expectedPlace[i] < 0)
            {
                ahead.Drop();
                return;
            }

            if (sequence.NumTokens + 1 >= sequence.MaxTokensTotal) continue;
            SamplerState state = (SamplerState)sequence.SamplerState!;
            if (DeviceChoice.MayFollowUnseen(
                    state, sequence.Tokens, sequence.NumPromptTokens, _rows.Chooser!.Limits)
                && ahead.TryAdd(sequence, _expectedPlace[i], _inputs)) continue;
            ahead.Drop();
            return;
        }

        if (ahead.Count == 0) return;
        int[] sources = ahead.EndRows();
        _inputs.TakeTokensFrom(ahead.Tokens, sources);
        TensorView hidden = _step.Forward(_weights.Model);
        for (int first = 0; first < ahead.Count; first += _rows.Count)
        {
            _rows.Begin();
            for (int r = first; r < ahead.Count && !_rows.IsFull; r++) _rows.Add(r, r, LogitsRows.SamplesNext);
            _rows.Compute(hidden);
            for (int r = 0; r < _rows.Count; r++)
            {
                Sequence sequence = ahead.SequenceOf(first + r);
                _rows.TryChoose(
                    r, (SamplerState)sequence.SamplerState!, sequence.Tokens, sequence.NumPromptTokens, 0,
                    sources[first + r]);
            }

            _rows.ChooseInto(ahead.Tokens, slot, first);
        }

        _rows.Begin();
        ahead.Tokens.Send(slot, ahead.Count);
    }

    // Reads this step's tokens while the device computes the next one.
    private void Collect(
        StepAhead ahead, StepPlan plan, SampledTokens results, (int Slot, int Count) taken, (int Slot, int Count) own)
    {
        ReadOnlySpan<int> takenTokens = [], ownTokens = [];
        for (int i = 0; i < plan.NumSequences; i++)
        {
            if (_expectedPlace[i] < 0) continue;
            (int slot, int place) = Math.DivRem(_expectedPlace[i], ahead.Tokens.MaxRows);
            int token;
            if (_isTaken[i])
            {
                if (takenTokens.IsEmpty) takenTokens = ahead.Tokens.Wait(taken.Slot, taken.Count);
                token = takenTokens[place];
            }
            else
            {
                if (ownTokens.IsEmpty) ownTokens = ahead.Tokens.Wait(own.Slot, own.Count);
                token = ownTokens[place];
            }

            EngineStatus status = LogitsRows.StatusOf(token);
            if (status != EngineStatus.Ok)
            {
                results.Fail(i, status, Sampler.Describe(status));
                continue;
            }

            Sequence sequence = plan.Sequences[i].Sequence;
            results.Add(i, token, LogprobsOf(ahead.Tokens, slot, place, (SamplerState)sequence.SamplerState!));
            ahead.SetToken(sequence, token);
        }
    }

    private TokenLogprob[]? LogprobsOf(DeviceTokens tokens, int slot, int place, SamplerState state)
    {
        if (state.Program.Params.Logprobs is not int count) return null;
        LogprobRecord record = tokens.Record(
            slot, place, Math.Min(count, VocabSize), out ReadOnlySpan<ScoredToken> best);
        return LogprobReader.Read(record, best);
    }

    // The rows collected, whose tokens this step's end will read; false if they are to be read at once.
    private bool TryDefer()
    {
        if (_deferSlot < 0 || _numDeferred + _rows.Count > _ahead!.Tokens.MaxRows) return false;
        for (int r = 0; r < _rows.Count; r++)
        {
            if (_rows.IsScored(r)) return false;
        }

        if (_rows.FetchLogits() == 0) return true;
        _rows.ChooseInto(_ahead.Tokens, _deferSlot, _numDeferred);
        for (int r = 0; r < _rows.Count; r++)
        {
            if (_rows.IsChosen(r))
                _expectedPlace[_rows.SequenceIndex(r)] = (_deferSlot * _ahead.Tokens.MaxRows) + _numDeferred + r;
        }

        _numDeferred += _rows.Count;
        return true;
    }
}
