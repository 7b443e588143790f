using System.Diagnostics;
using Engine.Devices;
using Engine.Execution;
using Engine.Memory;
using Engine.Models;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Speculation;

/// <summary>
/// A smaller model drafts. Its KV lies in blocks of the same ids as the model's; what it lacks of a sequence it
/// computes when it first drafts for it, so a request that nobody drafts for costs it nothing. It samples with the
/// request's own parameters and random numbers: where it agrees with the model it draws the very token that the model
/// will.
/// </summary>
internal sealed class DraftModelDrafter : IModelDrafter
{
    private readonly ModelWeights _weights;
    private readonly KvStorage _kv;
    private readonly StepInputs _inputs;
    private readonly StepContext _step;
    private readonly LogitsRows _rows;
    private readonly FilledBlocks _filled;
    private readonly int _blockSize;
    private readonly int _maxNumTokens;
    private readonly int _maxNumSeqs;

    /// <param name="weights">The draft; owned from here on, also if this throws.</param>
    /// <param name="limits">Of the runner that it drafts for.</param>
    /// <param name="maxDraftTokens">At a time.</param>
    /// <param name="vocabSize">Ids that the model may sample.</param>
    public DraftModelDrafter(ModelWeights weights, RunnerLimits limits, int maxDraftTokens, int vocabSize)
    {
        _weights = weights;
        _blockSize = limits.KvShape.BlockSize;
        _maxNumTokens = limits.MaxNumTokens;
        _maxNumSeqs = limits.MaxNumSeqs;
        MaxDraftTokens = maxDraftTokens;
        _filled = new FilledBlocks(limits.NumBlocks, _blockSize);
        _inputs = new StepInputs(_maxNumTokens, _maxNumSeqs, limits.MaxBlocksPerSeq);
        try
        {
            _kv = weights.Device.CreateKvStorage(limits.DraftKvShape!, limits.NumBlocks);
            _step = new StepContext(weights.Device, weights.Activations, _kv, _inputs, _maxNumTokens);
            _rows = new LogitsRows(
                weights, ModelRunner.LogitsRowsOf(_maxNumSeqs, weights.Config.VocabSize), vocabSize);
        }
        catch
        {
            _step?.Dispose();
            _kv?.Dispose();
            weights.Dispose();
            throw;
        }
    }

    public int MaxDraftTokens { get; }

    public double LastDraftSeconds { get; private set; }

    public long Bytes => _kv.Bytes + _kv.SpareBytes + _step.Bytes + _rows.Bytes;

    public int Propose(Sequence sequence, Span<int> drafts) =>
        Math.Clamp(_weights.Config.MaxModelLen - sequence.NumTokens, 0, drafts.Length);

    public void Draft(StepPlan plan)
    {
        LastDraftSeconds = 0;
        _filled.Begin(plan);
        if (!plan.BlockCopies.IsEmpty) _weights.Device.CopyBlocks(_kv, plan.BlockCopies);
        if (plan.NumOpenDraftTokens == 0) return;
        long start = Stopwatch.GetTimestamp();
        bool caughtUp = CatchUp(plan);
        Forward(plan, 0);
        for (int drafted = 1; TakeDrafted(plan, drafted); drafted++) Forward(plan, drafted);

        // What a draft costs is told by steps that only draft.
        LastDraftSeconds = caughtUp ? double.NaN : Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    public void Dispose()
    {
        _rows.Dispose();
        _step.Dispose();
        _kv.Dispose();
        _weights.Dispose();
    }

    /// <summary>Collects what the draft lacks of each sequence, its last token at least.</summary>
    /// <returns>True if that is much more than a step adds.</returns>
    private bool CatchUp(StepPlan plan)
    {
        _inputs.Clear();
        _rows.Begin();
        bool caughtUp = false;
        for (int i = 0; i < plan.NumSequences; i++)
        {
            Sequence sequence = plan.Sequences[i].Sequence;
            if (sequence.NumOpenDraftTokens == 0) continue;
            int start = _filled.FirstMissing(sequence, sequence.NumTokens);
            int missing = sequence.NumTokens - start;
            int count = Math.Min(missing, _maxNumTokens - _inputs.NumTokens);
            caughtUp |= missing > MaxDraftTokens + 1;
            if (count < missing || _rows.IsFull) sequence.NumDraftTokens = 0;
            if (count == 0) continue;
            Add(sequence, start, count);
            if (sequence.NumDraftTokens > 0) _rows.Add(i, _inputs.NumTokens - 1, LogitsRows.SamplesNext);
        }

        return caughtUp;
    }

    /// <summary>Collects the tokens just drafted, of sequences that want more.</summary>
    private bool TakeDrafted(StepPlan plan, int drafted)
    {
        _inputs.Clear();
        _rows.Begin();
        for (int i = 0; i < plan.NumSequences; i++)
        {
            Sequence sequence = plan.Sequences[i].Sequence;
            if (sequence.NumOpenDraftTokens <= drafted) continue;
            Add(sequence, sequence.NumTokens + drafted - 1, 1);
            _rows.Add(i, _inputs.NumTokens - 1, LogitsRows.SamplesNext);
        }

        return _rows.Count > 0;
    }

    private void Add(Sequence sequence, int start, int count)
    {
        _inputs.Add(sequence.TokensAndDrafts.Slice(start, count), start, sequence.BlockTable, _blockSize);
        _filled.Fill(sequence, start, start + count);
    }

    private void Forward(StepPlan plan, int drafted)
    {
        if (_inputs.NumTokens == 0) return;
        TensorView hidden = _step.Forward(_weights.Model);
        if (_rows.Count == 0) return;
        _rows.Compute(hidden);
        DraftSampling.Sample(_rows, plan, drafted);
    }
}
