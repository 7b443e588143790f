using Engine.Devices;
using Engine.Execution;
using Engine.Grammar;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Speculation;

/// <summary>Chooses drafted tokens from rows of logits.</summary>
internal static class DraftSampling
{
    /// <summary>
    /// One token for each row: what the request's own sampler makes of the draft's logits, with the random number that
    /// the model's row of this position will be drawn with.
    /// </summary>
    /// <param name="rows">Computed.</param>
    /// <param name="plan">What the rows' sequence indices mean.</param>
    /// <param name="drafted">Tokens drafted before this one.</param>
    public static void Sample(LogitsRows rows, StepPlan plan, int drafted)
    {
        if (rows.Chooser is not null) Choose(rows, plan, drafted);
        rows.Fetch();
        for (int r = 0; r < rows.Count; r++)
        {
            Sequence sequence = plan.Sequences[rows.SequenceIndex(r)].Sequence;
            int token = -1;
            EngineStatus status = rows.IsHeld(r) ? EngineStatus.InvalidArgument
                : rows.IsChosen(r) ? rows.Chosen(r, null, out token, out _)
                : sequence.SamplerState is SamplerState state
                ? rows.Sampler.Guess(
                    rows.Logits(r), state, sequence.TokensAndDrafts[..(sequence.NumTokens + drafted)],
                    sequence.NumPromptTokens, drafted, out token)
                : EngineStatus.NotFound;
            if (status != EngineStatus.Ok)
            {
                // What the model makes of this the model will say.
                sequence.NumDraftTokens = drafted;
                continue;
            }

            sequence.DraftRoom(drafted + 1)[drafted] = token;
        }
    }

    private static void Choose(LogitsRows rows, StepPlan plan, int drafted)
    {
        for (int r = 0; r < rows.Count; r++)
        {
            Sequence sequence = plan.Sequences[rows.SequenceIndex(r)].Sequence;
            if (sequence.SamplerState is not SamplerState state) continue;
            ReadOnlySpan<int> tokens = sequence.TokensAndDrafts[..(sequence.NumTokens + drafted)];
            // As Sampler.Guess does: the sequence's state stays, and a mask that takes long ends the drafts.
            GrammarMark mark = state.Grammar?.Mark ?? default;
            long allowance = GrammarState.MaskWork / 4;
            if (state.Grammar?.IsReady(tokens[sequence.NumPromptTokens..], ref allowance) == false) rows.Hold(r);
            else rows.TryChoose(r, state, tokens, sequence.NumPromptTokens, drafted, scores: false);
            state.Grammar?.Return(mark);
        }
    }
}
