using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Execution;

/// <summary>
/// Rows whose tokens depend on nothing but their own sequences are sampled together by several threads before the
/// others, which are sampled in order: those with a grammar, whose mask may have to be waited for, and with drafts.
/// </summary>
internal sealed partial class ModelRunner
{
    // Logits below which threads would be woken for less than their waking costs.
    private const long MinTogether = 1 << 20;

    // Each has megabytes of scratch where vocabularies are large.
    private const int MaxSamplers = 16;

    private readonly EarlyRow[] _early;
    private readonly int[] _together;
    private readonly Action<int, Sampler> _sampleEarly;

    /// <summary>
    /// Threads that sample: as many as the device computes with; beside another device, no more than the host can well
    /// spare.
    /// </summary>
    public static int SamplersFor(IDevice device, int rows, int vocabSize)
    {
        if ((long)rows * vocabSize < MinTogether) return 1;
        int threads = device is CpuDevice cpu ? cpu.NumThreads : CpuDevice.CpuCount / 2;
        return Math.Clamp(threads, 1, Math.Min(rows, MaxSamplers));
    }

    private void SampleTogether(ReadOnlySpan<ScheduledSequence> sequences, SampledTokens results)
    {
        if (_rows.Crew is not SamplerCrew crew || _rows.Count < 2) return;
        int count = 0;
        for (int r = 0; r < _rows.Count; r++)
        {
            int index = _rows.SequenceIndex(r);
            Sequence sequence = sequences[index].Sequence;
            if (_rows.Position(r) != LogitsRows.SamplesNext || sequence.NumDraftTokens > 0 || _rows.IsChosen(r)
                || results.Status(index).IsError()
                || StateOf(sequence, index, results) is not SamplerState { Grammar: null } state)
            {
                continue;
            }

            _early[r] = new EarlyRow { Sequence = sequence, State = state };
            _together[count++] = r;
        }

        if (count < 2 || (long)count * VocabSize < MinTogether) return;
        crew.Run(count, _sampleEarly);
    }

    private void SampleEarly(int i, Sampler sampler)
    {
        int row = _together[i];
        ref EarlyRow early = ref _early[row];
        Sequence sequence = early.Sequence!;
        early.Status = sampler.Sample(
            _rows.Logits(row), early.State!, sequence.TokensAndDrafts[..sequence.NumTokens],
            sequence.NumPromptTokens, out early.Token, out early.Logprobs);
        early.IsDone = true;
    }

    // The row's token, if it has not been found yet.
    private EngineStatus TokenOf(
        int r, SamplerState state, Sequence sequence, int numDrafts, out int token, out TokenLogprob[]? logprobs)
    {
        if (_rows.IsChosen(r)) return _rows.Chosen(r, state.Program.Params.Logprobs, out token, out logprobs);
        if (_early[r].IsDone)
        {
            (token, logprobs) = (_early[r].Token, _early[r].Logprobs);
            return _early[r].Status;
        }

        return _rows.Sampler.Sample(
            _rows.Logits(r), state, sequence.TokensAndDrafts[..(sequence.NumTokens + numDrafts)],
            sequence.NumPromptTokens, out token, out logprobs);
    }

    private struct EarlyRow
    {
        public Sequence? Sequence;
        public SamplerState? State;
        public TokenLogprob[]? Logprobs;
        public EngineStatus Status;
        public int Token;
        public bool IsDone;
    }
}
