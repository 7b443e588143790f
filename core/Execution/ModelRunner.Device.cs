using Engine.Grammar;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Execution;

/// <summary>
/// What the device is asked for where it chooses tokens. Which rows these are depends on each row's request and tokens
/// alone; logits of the others come to the host.
/// </summary>
internal sealed partial class ModelRunner
{
    // True if rows are held whose masks are not there yet.
    private bool AskDevice(ReadOnlySpan<ScheduledSequence> sequences, SampledTokens results)
    {
        bool hasLate = false;
        for (int r = 0; r < _rows.Count; r++)
        {
            int index = _rows.SequenceIndex(r), position = _rows.Position(r);
            if (results.Status(index).IsError()) continue;
            Sequence sequence = sequences[index].Sequence;
            if (position > LogitsRows.SamplesNext)
            {
                _rows.TryScore(r, sequence.Tokens[position], sequence.Sampling.PromptLogprobs ?? 0);
                continue;
            }

            if (StateOf(sequence, index, results) is SamplerState state)
                hasLate |= !Ask(r, state, sequence, waits: false);
        }

        return hasLate;
    }

    // The device has computed meanwhile, and so have the threads that make masks.
    private void AskForHeld(ReadOnlySpan<ScheduledSequence> sequences, SampledTokens results)
    {
        bool hasMore = false;
        _rows.BeginHeld();
        for (int r = 0; r < _rows.Count; r++)
        {
            int index = _rows.SequenceIndex(r);
            if (!_rows.IsHeld(r) || results.Status(index).IsError()) continue;
            Sequence sequence = sequences[index].Sequence;
            if (!Ask(r, (SamplerState)sequence.SamplerState!, sequence, waits: true)) continue;
            if (_rows.IsChosen(r)) hasMore = true;
            else _rows.FetchLogits(r);
        }

        if (hasMore) _rows.FetchHeld();
    }

    // False if what the row's grammar allows is not known yet; then it is held.
    private bool Ask(int r, SamplerState state, Sequence sequence, bool waits)
    {
        int numDrafts = LogitsRows.SamplesNext - _rows.Position(r);
        GrammarMark mark = state.Grammar?.Mark ?? default;
        bool isReady = HasMask(state, sequence, numDrafts, waits);
        if (isReady)
        {
            _rows.TryChoose(
                r, state, sequence.TokensAndDrafts[..(sequence.NumTokens + numDrafts)], sequence.NumPromptTokens,
                numDrafts);
        }
        else
        {
            _rows.Hold(r);
        }

        // Drafts may yet be rejected.
        if (numDrafts > 0) state.Grammar?.Return(mark);
        return isReady;
    }
}
