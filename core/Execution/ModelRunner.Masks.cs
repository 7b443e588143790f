using System.Diagnostics;
using Engine.Grammar;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Execution;

/// <summary>
/// What a grammar's next mask costs is not known before it is made. A step spends so much on masks and no more; what
/// takes longer is made on another thread while the step computes, and if it is not there when the row is to be
/// sampled, the sequence computes its last token again in the next step. A row's result is the same in each.
/// </summary>
internal sealed partial class ModelRunner
{
    private static readonly TimeSpan _mostWait = TimeSpan.FromMicroseconds(500);
    private long _maskWork;
    private TimeSpan _wait;

    private void BeginMasks(StepPlan plan)
    {
        (_maskWork, _wait) = (2 * GrammarState.MaskWork, _mostWait);
        foreach (ref readonly ScheduledSequence s in plan.Sequences)
        {
            if (!s.Samples || s.Sequence.SamplerState is not SamplerState { Grammar: { } grammar }) continue;
            Sequence sequence = s.Sequence;
            ReadOnlySpan<int> output = sequence.TokensAndDrafts[sequence.NumPromptTokens..];
            bool isReady = grammar.IsReady(output[..sequence.NumOutputTokens], ref _maskWork);
            GrammarMark mark = grammar.Mark;
            for (int drafted = 1; isReady && drafted <= sequence.NumDraftTokens; drafted++)
            {
                isReady = grammar.IsReady(output[..(sequence.NumOutputTokens + drafted)], ref _maskWork);
            }

            grammar.Return(mark);
        }
    }

    private bool HasMask(SamplerState state, Sequence sequence, int numDrafts, bool waits = true)
    {
        if (state.Grammar is not { } grammar) return true;
        ReadOnlySpan<int> output = sequence.TokensAndDrafts.Slice(
            sequence.NumPromptTokens, sequence.NumOutputTokens + numDrafts);
        if (grammar.IsReady(output, ref _maskWork)) return true;
        if (!waits || _wait <= TimeSpan.Zero) return false;
        long begun = Stopwatch.GetTimestamp();
        grammar.WaitForMask(_wait);
        _wait -= Stopwatch.GetElapsedTime(begun);
        return grammar.IsReady(output, ref _maskWork);
    }
}
