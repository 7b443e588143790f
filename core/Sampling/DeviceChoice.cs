using Engine.Devices;
using Engine.Hosting;

namespace Engine.Sampling;

/// <summary>Requests whose tokens a device can choose as <see cref="Sampler"/> would.</summary>
internal static class DeviceChoice
{
    /// <summary>
    /// Asks for a row's token; false if the host has to choose it, which depends on the request and its own tokens
    /// alone.
    /// </summary>
    /// <param name="chooser">Is asked.</param>
    /// <param name="row">Of its batch.</param>
    /// <param name="state">The sequence's. What its grammar may go on with is known.</param>
    /// <param name="tokens">The sequence so far.</param>
    /// <param name="numPromptTokens">Of tokens, how many are the prompt.</param>
    /// <param name="numPending">Of tokens, the last ones are drafts that may yet be rejected.</param>
    /// <param name="suffixes">Scratch.</param>
    /// <param name="unseen">
    /// Where the device has one more token of the output; then <see cref="MayFollowUnseen"/> must be true. -1 if there
    /// is none.
    /// </param>
    /// <param name="scores">Log probabilities are wanted where the request asks for them.</param>
    public static bool TryAsk(
        DeviceChooser chooser, int row, SamplerState state, ReadOnlySpan<int> tokens, int numPromptTokens,
        int numPending, SuffixMatches suffixes, int unseen = -1, bool scores = true)
    {
        SamplingParams p = state.Program.Params;
        int numIds = Math.Min(state.Program.VocabSize, chooser.Limits.RowLength);
        if (!IsForDevice(p) || (scores && !IsScoredOnDevice(p, chooser.Limits))) return false;
        TokenChoice choice = Choice(state, tokens.Length - numPromptTokens + (unseen < 0 ? 0 : 1));
        choice.NumIds = numIds;
        if (state.Program.EditsLogits)
        {
            int before = chooser.Used;
            EditWriter writer = chooser.Edit(row, numIds);
            if (!RowEdits.Apply(
                writer, state, tokens, numPromptTokens, numPending, suffixes, unseen < 0 ? 0 : 1))
            {
                writer.KeepNothing();
            }

            RowEdits.LimitThought(writer, state, tokens, numPromptTokens);
            if (state.Program.Penalizes) writer.Await(unseen);
            if (!writer.Fits)
            {
                chooser.DropEdit(before);
                return false;
            }

            choice.IsEdited = 1;
        }

        chooser.Choose(row, choice);
        if (scores && p.Logprobs is int count)
        {
            bool isMasked = choice.IsEdited != 0 && state.NumPromptOutputs is not null;
            chooser.Score(new LogprobRow
            {
                Row = row,
                NumIds = numIds,
                Top = Math.Min(count, numIds),
                Token = -1,
                IsEdited = isMasked ? 1 : 0,
                Place = row,
            });
        }

        return true;
    }

    /// <summary>
    /// True if a token can be asked for before the one in front of it is known: nothing but its count depends on that.
    /// </summary>
    public static bool MayFollowUnseen(
        SamplerState state, ReadOnlySpan<int> tokens, int numPromptTokens, ChooserLimits limits)
    {
        SamplingProgram program = state.Program;
        if (program.Grammar is not null || program.Thoughts is not null || program.Params.NoRepeatNgramSize > 0
            || state.NumPromptOutputs is not null)
        {
            return false;
        }

        foreach (int[] word in program.BadWords)
        {
            if (word.Length > 1) return false;
        }

        int numCounted = state.CountsOf(tokens, numPromptTokens)?.Count ?? 0;
        return numCounted + program.BiasIds.Length + program.BadWords.Length + program.MinTokensMask.Length
            <= limits.MaxEntries;
    }

    private static bool IsForDevice(SamplingParams p) =>
        p.MirostatMode == 0 && !(p.TypicalP < 1f) && !(p.XtcProbability > 0) && !(p.TopNSigma > 0)
        && !(p.DynatempRange > 0) && !(p.DryMultiplier > 0);

    private static bool IsScoredOnDevice(SamplingParams p, ChooserLimits limits) =>
        p.Logprobs is not int count || (p.LogprobTokenIds is null && count >= 0 && count <= limits.MaxLogprobs);

    private static TokenChoice Choice(SamplerState state, int position)
    {
        SamplingParams p = state.Program.Params;
        TokenChoice choice = new() { TopP = TokenChoice.Whole, MinOffset = 1 };
        if (p.IsGreedy) return choice;
        float scale = (float)(1 / Math.Max(p.Temperature, 0.01));
        choice.Scale = scale;
        // The number of 53 bits, whole again.
        double uniform = Philox.Uniforms(state.Seed, state.OutputIndex, position).First;
        choice.Uniform = (ulong)(uniform * TokenChoice.Whole);
        if (p.TopK > 0) choice.TopK = p.TopK;
        if (p.TopP < 1f) choice.TopP = (ulong)((double)p.TopP * TokenChoice.Whole);
        if (p.MinP > 0) choice.MinOffset = Math.Log(p.MinP) / scale;
        return choice;
    }
}
