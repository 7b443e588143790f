using Engine.Devices;
using Engine.Execution;
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
        for (int r = 0; rows.Chooses && r < rows.Count; r++)
        {
            Sequence sequence = plan.Sequences[rows.SequenceIndex(r)].Sequence;
            if (sequence.SamplerState is SamplerState state
                && DeviceChoice.TryMake(state, sequence.NumOutputTokens + drafted, out TokenChoice choice))
            {
                rows.Choose(r, choice);
            }
        }

        rows.Fetch();
        for (int r = 0; r < rows.Count; r++)
        {
            Sequence sequence = plan.Sequences[rows.SequenceIndex(r)].Sequence;
            int token = -1;
            EngineStatus status = rows.IsChosen(r)
                ? rows.Chosen(r, out token)
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
}
