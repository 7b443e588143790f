using System.Diagnostics;
using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Hosting;
using Engine.Memory;
using Engine.Models;
using Engine.Sampling;
using Engine.Scheduling;
using Engine.Speculation;
using Engine.Tokenization;

namespace Engine.Execution;

/// <summary>
/// Runs steps of a real model: prepare, forward, gather rows, logits, sample. Everything a step needs is
/// made here for the largest step; logits are computed some rows at a time so that they stay bounded.
/// </summary>
internal sealed partial class ModelRunner : IModelRunner
{
    private const long LogitsBytesMax = 32L << 20;
    private readonly RunnerLimits _limits;
    private readonly LoadedModel? _owner;
    private readonly StepInputs _inputs;
    private readonly IModelDrafter? _drafter;
    private readonly ITokenizer? _tokenizer;
    private readonly int[] _eosTokenIds;
    private readonly int _maxNumTokens;
    private readonly int _maxNumSeqs;
    private ModelWeights _weights;
    private KvStorage _kv = null!;
    private StepContext _step = null!;
    private LogitsRows _rows = null!;
    private bool _isAsleep;

    /// <summary>Allocates everything that steps will use.</summary>
    /// <param name="weights">The model; not owned.</param>
    /// <param name="limits">Limits of a step.</param>
    /// <param name="tokenizer">For parameters given as text; null without.</param>
    /// <param name="eosTokenIds">Ids that min_tokens masks.</param>
    /// <param name="drafter">Guesses tokens; owned by the runner once it is made. Null does not speculate.</param>
    /// <param name="owner">Frees the weights and loads them again; null keeps them.</param>
    public ModelRunner(
        ModelWeights weights, RunnerLimits limits, ITokenizer? tokenizer, IReadOnlyList<int> eosTokenIds,
        IModelDrafter? drafter = null, LoadedModel? owner = null)
    {
        _drafter = drafter;
        _owner = owner;
        _limits = limits;
        _weights = weights;
        _tokenizer = tokenizer;
        _maxNumTokens = limits.MaxNumTokens;
        _maxNumSeqs = limits.MaxNumSeqs;
        _eosTokenIds = [.. eosTokenIds];
        NumBlocks = limits.NumBlocks;
        BlockSize = limits.KvShape.BlockSize;
        MaxModelLen = limits.MaxModelLen;
        VocabSize = Math.Min(weights.Config.VocabSize, tokenizer?.VocabSize ?? int.MaxValue);
        _early = new EarlyRow[limits.LogitsRows];
        _together = new int[limits.LogitsRows];
        _sampleEarly = SampleEarly;
        _inputs = new StepInputs(_maxNumTokens, _maxNumSeqs, limits.MaxBlocksPerSeq);
        Allocate();
    }

    public int NumBlocks { get; }

    public int BlockSize { get; }

    public int VocabSize { get; }

    public int MaxModelLen { get; }

    public IDraftProposer? Proposer => _drafter;

    public bool VerifiesDrafts => true;

    public long KernelTicks { get; private set; }

    public string? LastError { get; private set; }

    /// <summary>Bytes of the KV memory.</summary>
    public long KvBytes => _kv.Bytes;

    /// <summary>Bytes of activations and logits.</summary>
    public long ActivationBytes =>
        _step.Bytes + _rows.Bytes + _kv.SpareBytes + (_ahead?.Tokens.Bytes ?? 0);

    /// <summary>Rows of logits computed at a time.</summary>
    public static int LogitsRowsOf(int maxNumSeqs, int vocabSize) =>
        (int)Math.Clamp(LogitsBytesMax / ((long)vocabSize * sizeof(float)), 1, maxNumSeqs);

    public EngineStatus Execute(StepPlan plan, SampledTokens results)
    {
        LastError = null;
        if (_isAsleep)
        {
            LastError = "the runner is asleep";
            return EngineStatus.Internal;
        }
        if (plan.NumTokens > _maxNumTokens || plan.NumSequences > _maxNumSeqs)
        {
            LastError =
                $"a plan of {plan.NumTokens} tokens of {plan.NumSequences} sequences is above the limits " +
                $"{_maxNumTokens} and {_maxNumSeqs}";
            return EngineStatus.Internal;
        }
        try
        {
            lock (_weights.DeviceLock)
            {
                if (!plan.BlockCopies.IsEmpty) _weights.Device.CopyBlocks(_kv, plan.BlockCopies);
                if (AheadFor(plan) is StepAhead ahead)
                {
                    ExecuteAhead(ahead, plan, results);
                    return EngineStatus.Ok;
                }

                _drafter?.Draft(plan);
                Prepare(plan);
                BeginMasks(plan);
                long started = Stopwatch.GetTimestamp();
                TensorView hidden = _step.Forward(_weights.Model);
                KernelTicks += Stopwatch.GetTimestamp() - started;
                Sample(plan, hidden, results);
                _drafter?.Learn(plan, hidden, results);
                return EngineStatus.Ok;
            }
        }
        catch (EngineException e)
        {
            LastError = e.Message;
            // Half a step may have been done; a retry would do it over, with the same result.
            return e.Status;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            LastError = $"{e.GetType().Name}: {e.Message}";
            return EngineStatus.Internal;
        }
    }

    public void CheckCanSleep(bool freesWeights)
    {
        if (!freesWeights) return;
        if (_drafter is not null)
        {
            throw new EngineException(
                EngineStatus.Unsupported, "level 2: weights that speculation uses too cannot be freed", "level");
        }

        if (_owner is null) throw new EngineException(EngineStatus.Unsupported, "level 2: the weights are not ours", "level");
        _owner.CheckMayFree();
    }

    public void Sleep(bool freesWeights)
    {
        CheckCanSleep(freesWeights);
        if (!_isAsleep) Free();
        _isAsleep = true;
        if (freesWeights) _owner!.FreeWeights();
    }

    public void WakeUp(bool weightsOnly)
    {
        if (!_isAsleep) return;
        if (_owner is not null) _weights = _owner.LoadWeights();
        if (weightsOnly) return;
        Allocate();
        _isAsleep = false;
    }

    public void Dispose()
    {
        using CallerContext context = CallerContext.Keep();
        _drafter?.Dispose();
        if (!_isAsleep) Free();
        _owner?.Forget(this);
    }

    private void Allocate()
    {
        _kv = _weights.Device.CreateKvStorage(_limits.KvShape, NumBlocks);
        StepContext? step = null;
        LogitsRows? rows = null;
        try
        {
            step = new StepContext(_weights.Device, _weights.Activations, _kv, _inputs, _maxNumTokens);
            rows = new LogitsRows(
                _weights, _limits.LogitsRows, VocabSize, SamplersFor(_weights.Device, _limits.LogitsRows, VocabSize),
                _limits.MaxLogprobs);
            _ahead = CreateAhead();
            _step = step;
            _rows = rows;
        }
        catch
        {
            rows?.Dispose();
            step?.Dispose();
            _kv.Dispose();
            throw;
        }
    }

    private void Free()
    {
        _ahead?.Dispose();
        _ahead = null;
        _rows.Dispose();
        _step.Dispose();
        _kv.Dispose();
    }

    private void Prepare(StepPlan plan)
    {
        _inputs.Clear();
        foreach (ref readonly ScheduledSequence s in plan.Sequences)
        {
            int count = s.Count - s.NumDraftTokens + s.Sequence.NumDraftTokens;
            _inputs.Add(
                s.Sequence.TokensAndDrafts.Slice(s.Start, count), s.Start, s.Sequence.BlockTable, BlockSize);
        }
    }

    private void Sample(StepPlan plan, TensorView hidden, SampledTokens results)
    {
        ReadOnlySpan<ScheduledSequence> sequences = plan.Sequences;
        _rows.Begin();
        int computed = -1;
        for (int i = 0; i < sequences.Length; i++)
        {
            if (_ahead is not null && _isTaken[i]) continue;
            ref readonly ScheduledSequence s = ref sequences[i];
            int first = _inputs.CuSeqlensQ[++computed];
            for (int j = 0; j < s.PromptLogprobCount; j++)
            {
                int position = s.PromptLogprobStart + j;
                _rows.Add(i, first + position - 1 - s.Start, position);
                if (_rows.IsFull) Finish(sequences, hidden, results);
            }
            if (!s.Samples) continue;
            int last = _inputs.CuSeqlensQ[computed + 1] - 1 - s.Sequence.NumDraftTokens;
            for (int j = 0; j <= s.Sequence.NumDraftTokens; j++)
            {
                _rows.Add(i, last + j, LogitsRows.SamplesNext - j);
                if (_rows.IsFull) Finish(sequences, hidden, results);
            }
        }
        Finish(sequences, hidden, results);
    }

    // Computes the logits of the rows collected so far and uses them up.
    private void Finish(
        ReadOnlySpan<ScheduledSequence> sequences, TensorView hidden, SampledTokens results)
    {
        if (_rows.Count == 0) return;
        long started = Stopwatch.GetTimestamp();
        _rows.Compute(hidden);
        bool hasLate = _rows.Chooser is not null && AskDevice(sequences, results);
        bool isDeferred = !hasLate && TryDefer();
        if (!isDeferred) _rows.Fetch(hasLate);
        if (hasLate) AskForHeld(sequences, results);
        KernelTicks += Stopwatch.GetTimestamp() - started;
        SampleTogether(sequences, results);
        for (int r = 0; r < _rows.Count; r++)
        {
            int index = _rows.SequenceIndex(r);
            if (results.Status(index).IsError() || (isDeferred && _rows.IsChosen(r))) continue;
            Sequence sequence = sequences[index].Sequence;
            EngineStatus status;
            if (_rows.Position(r) <= LogitsRows.SamplesNext)
            {
                // A row behind drafts counts if all of them are what was sampled. Each token is sampled as it would
                // be without drafts, so the output is the same to the last token, whatever was drafted.
                int numDrafts = LogitsRows.SamplesNext - _rows.Position(r);
                if (!results.Tokens(index).SequenceEqual(sequence.DraftTokens[..numDrafts])) continue;
                if (StateOf(sequence, index, results) is not SamplerState state) continue;
                if (_rows.IsHeld(r) || (!_rows.IsChosen(r) && !HasMask(state, sequence, numDrafts)))
                {
                    if (numDrafts == 0) results.Postpone(index);
                    continue;
                }

                status = TokenOf(r, state, sequence, numDrafts, out int token, out TokenLogprob[]? logprobs);
                if (status == EngineStatus.Ok) results.Add(index, token, logprobs);
                else if (numDrafts > 0) continue; // Found again, if it matters, when this is the sequence's end.
            }
            else
            {
                int position = _rows.Position(r), count = sequence.Sampling.PromptLogprobs ?? 0;
                status = _rows.IsScored(r)
                    ? _rows.Scored(r, count, out TokenLogprob[]? logprobs)
                    : _rows.Sampler.Score(
                        _rows.Logits(r), sequence.Tokens[position], count, VocabSize, out logprobs);
                if (status == EngineStatus.Ok) results.AddPromptLogprobs(index, position, logprobs!);
            }
            if (status != EngineStatus.Ok) results.Fail(index, status, Sampler.Describe(status));
        }
        Array.Clear(_early, 0, _rows.Count);
        _rows.Begin();
    }

    // Made when a sequence samples for the first time; lives as long as the sequence.
    private SamplerState? StateOf(Sequence sequence, int index, SampledTokens results)
    {
        if (sequence.SamplerState is SamplerState state) return state;
        try
        {
            SamplingProgram program = SamplingProgram.Compile(
                sequence.Sampling, _tokenizer, VocabSize, _eosTokenIds);
            state = new SamplerState(
                program, sequence.Seed, sequence.OutputIndex, sequence.MaxTokensTotal);
            sequence.SamplerState = state;
            return state;
        }
        catch (EngineException e)
        {
            results.Fail(index, e.Status, e.Message);
            return null;
        }
    }
}
