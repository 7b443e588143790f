using System.Diagnostics;
using Engine.Devices;
using Engine.Execution;
using Engine.Memory;
using Engine.Models;
using Engine.Scheduling;

namespace Engine.Speculation;

/// <summary>
/// An EAGLE head drafts. After each step it reads the features of the rows that stay, so that its own KV keeps up with
/// the model's; slot p belongs to the feature of token p and the embedding of token p + 1. Its guess of the last
/// feature is kept for the next step, which goes on from there.
/// </summary>
/// <remarks>The last slot of a block from the prefix cache was made with the token that followed in another request.
/// That may cost an acceptance, never an output.</remarks>
internal sealed class EagleDrafter : IModelDrafter
{
    private readonly EagleHead _head;
    private readonly ModelWeights _target;
    private readonly KvStorage _kv;
    private readonly StepInputs _inputs;
    private readonly StepContext _step;
    private readonly LogitsRows _rows;
    private readonly FilledBlocks _filled;
    private readonly DeviceBuffer _kept;
    private readonly int[] _featureRows;
    private readonly int[] _lastRows;
    private readonly int[] _next;
    private readonly int _blockSize;
    private readonly int _maxNumSeqs;
    private readonly int _maxModelLen;
    private long _numLearned;

    /// <param name="head">Owned from here on, also if this throws.</param>
    /// <param name="target">The model; not owned.</param>
    /// <param name="limits">Of the runner that it drafts for.</param>
    /// <param name="maxDraftTokens">At a time.</param>
    /// <param name="maxModelLen">Positions that the head knows.</param>
    /// <param name="vocabSize">Ids that the model may sample.</param>
    public EagleDrafter(
        EagleHead head, ModelWeights target, RunnerLimits limits, int maxDraftTokens, int maxModelLen, int vocabSize)
    {
        _head = head;
        _target = target;
        _blockSize = limits.KvShape.BlockSize;
        _maxNumSeqs = limits.MaxNumSeqs;
        _maxModelLen = maxModelLen;
        MaxDraftTokens = maxDraftTokens;
        _filled = new FilledBlocks(limits.NumBlocks, _blockSize);
        _inputs = new StepInputs(limits.MaxNumTokens, _maxNumSeqs, limits.MaxBlocksPerSeq);
        _featureRows = new int[limits.MaxNumTokens];
        _next = new int[limits.MaxNumTokens];
        _lastRows = new int[_maxNumSeqs];
        try
        {
            _kv = target.Device.CreateKvStorage(limits.DraftKvShape!, limits.NumBlocks);
            _step = new StepContext(target.Device, head.Activations, _kv, _inputs, limits.MaxNumTokens);
            _kept = target.Device.Allocate((long)_maxNumSeqs * head.Width * sizeof(float));
            _rows = new LogitsRows(
                target, ModelRunner.LogitsRowsOf(_maxNumSeqs, target.Config.VocabSize), vocabSize);
        }
        catch
        {
            _kept?.Dispose();
            _step?.Dispose();
            _kv?.Dispose();
            head.Dispose();
            throw;
        }
    }

    public int MaxDraftTokens { get; }

    /// <summary>Of drafting alone: what is learnt after a step is learnt with or without drafts.</summary>
    public double LastDraftSeconds { get; private set; }

    public long Bytes => _kv.Bytes + _kv.SpareBytes + _step.Bytes + _rows.Bytes + _kept.Bytes;

    public int Propose(Sequence sequence, Span<int> drafts)
    {
        bool isReady = sequence.DraftState.Step == _numLearned
            && _filled.FirstMissing(sequence, sequence.NumTokens - 1) == sequence.NumTokens - 1;
        return isReady ? Math.Clamp(_maxModelLen - sequence.NumTokens, 0, drafts.Length) : 0;
    }

    public void Draft(StepPlan plan)
    {
        long start = Stopwatch.GetTimestamp();
        _filled.Begin(plan);
        if (!plan.BlockCopies.IsEmpty) _target.Device.CopyBlocks(_kv, plan.BlockCopies);
        if (plan.NumOpenDraftTokens > 0)
        {
            GuessFirst(plan);
            TensorView features = _kept.View(_target.Device.ActivationType, _maxNumSeqs, _head.Width);
            for (int drafted = 1; TakeDrafted(plan, drafted); drafted++)
            {
                features = _head.Forward(
                    _step, _target.Model.Embedding, features, _featureRows.AsSpan(0, _inputs.NumTokens));
                _rows.Compute(features);
                DraftSampling.Sample(_rows, plan, drafted);
            }
        }

        LastDraftSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    public void Learn(StepPlan plan, TensorView hidden, SampledTokens results)
    {
        _numLearned++;
        _inputs.Clear();
        int numLast = 0;
        int row = 0;
        for (int i = 0; i < plan.NumSequences; i++)
        {
            ref readonly ScheduledSequence s = ref plan.Sequences[i];
            int numComputed = s.Count - s.NumDraftTokens + s.Sequence.NumDraftTokens;
            if (!results.Status(i).IsError() && AddRows(s, results.Tokens(i), row)
                && results.Tokens(i).Length > 0)
            {
                _lastRows[numLast] = _inputs.NumTokens - 1;
                s.Sequence.DraftState = (_numLearned, numLast++);
            }

            row += numComputed;
        }

        if (_inputs.NumTokens > 0)
        {
            TensorView features = _head.Forward(
                _step, _target.Model.Embedding, hidden, _featureRows.AsSpan(0, _inputs.NumTokens));
            if (numLast > 0)
            {
                _target.Device.GatherRows(
                    _kept.View(_target.Device.ActivationType, numLast, _head.Width), features,
                    _lastRows.AsSpan(0, numLast));
            }
        }
    }

    public void Dispose()
    {
        _kept.Dispose();
        _rows.Dispose();
        _step.Dispose();
        _kv.Dispose();
        _head.Dispose();
    }

    /// <summary>The rows of a sequence that stay, each with the token after it.</summary>
    /// <returns>False if there are none, or the head knows nothing of what is before them.</returns>
    private bool AddRows(in ScheduledSequence s, ReadOnlySpan<int> sampled, int firstRow)
    {
        Sequence sequence = s.Sequence;
        int known = sequence.NumTokens + sampled.Length;
        int end = Math.Min(s.Start + s.Count - s.NumDraftTokens + Math.Max(0, sampled.Length - 1), known - 1);
        int count = end - s.Start;
        if (!sequence.Sampling.Speculative || count <= 0 || end > _maxModelLen
            || _filled.FirstMissing(sequence, s.Start) < s.Start)
        {
            return false;
        }

        Span<int> next = _next.AsSpan(0, count);
        for (int r = 0; r < count; r++)
        {
            int at = s.Start + r + 1;
            next[r] = at < sequence.NumTokens ? sequence.Tokens[at] : sampled[at - sequence.NumTokens];
            _featureRows[_inputs.NumTokens + r] = firstRow + r;
        }

        _inputs.Add(next, s.Start, sequence.BlockTable, _blockSize);
        _filled.Fill(sequence, s.Start, end);
        return true;
    }

    /// <summary>The first drafts, from the features kept.</summary>
    private void GuessFirst(StepPlan plan)
    {
        _rows.Begin();
        for (int i = 0; i < plan.NumSequences; i++)
        {
            Sequence sequence = plan.Sequences[i].Sequence;
            if (sequence.NumOpenDraftTokens == 0) continue;
            if (_rows.IsFull)
            {
                sequence.NumDraftTokens = 0;
                continue;
            }

            _rows.Add(i, sequence.DraftState.Row, LogitsRows.SamplesNext);
        }

        if (_rows.Count == 0) return;
        _rows.Compute(_kept.View(_target.Device.ActivationType, _maxNumSeqs, _head.Width));
        DraftSampling.Sample(_rows, plan, 0);
        for (int r = 0; r < _rows.Count; r++)
        {
            _lastRows[_rows.SequenceIndex(r)] = plan.Sequences[_rows.SequenceIndex(r)].Sequence.DraftState.Row;
        }
    }

    /// <summary>Collects the tokens just drafted, of sequences that want more, with the features that they were drafted
    /// from.</summary>
    private bool TakeDrafted(StepPlan plan, int drafted)
    {
        _inputs.Clear();
        _rows.Begin();
        for (int i = 0; i < plan.NumSequences; i++)
        {
            Sequence sequence = plan.Sequences[i].Sequence;
            if (sequence.NumOpenDraftTokens <= drafted) continue;
            _featureRows[_inputs.NumTokens] = _lastRows[i];
            _lastRows[i] = _inputs.NumTokens;
            int position = sequence.NumTokens + drafted - 2;
            _inputs.Add(
                sequence.TokensAndDrafts.Slice(sequence.NumTokens + drafted - 1, 1), position, sequence.BlockTable,
                _blockSize);
            _rows.Add(i, _inputs.NumTokens - 1, LogitsRows.SamplesNext);
        }

        return _rows.Count > 0;
    }
}
