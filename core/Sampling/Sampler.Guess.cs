using Engine.Grammar;

namespace Engine.Sampling;

/// <summary>What a draft's logits suggest.</summary>
internal sealed partial class Sampler
{
    /// <summary>Chooses as Sample does, and leaves the sequence's state as it was.</summary>
    /// <param name="logits">[rowLength] of the draft; overwritten.</param>
    /// <param name="state">The sequence's.</param>
    /// <param name="tokens">The sequence so far, drafts included.</param>
    /// <param name="numPromptTokens">Of tokens, how many are the prompt.</param>
    /// <param name="numPending">Of tokens, how many at the end are drafts.</param>
    /// <param name="token">The choice.</param>
    /// <returns>As Sample.</returns>
    public EngineStatus Guess(
        Span<float> logits, SamplerState state, ReadOnlySpan<int> tokens, int numPromptTokens, int numPending,
        out int token)
    {
        token = -1;
        if (!LogitMath.ScanBlocks(logits, _blockMax))
        {
            return EngineStatus.CorruptData;
        }

        Span<float> row = Trim(logits, state.Program.VocabSize);
        GrammarMark mark = state.Grammar?.Mark ?? default;
        long allowance = GrammarState.MaskWork / 4;
        bool fits = state.Grammar?.IsReady(tokens[numPromptTokens..], ref allowance) != false
            && Edit(row, state, tokens, numPromptTokens, numPending);
        state.Grammar?.Return(mark);
        float max = fits ? LogitMath.Max(BlockMax(row)) : float.NegativeInfinity;
        if (max == float.NegativeInfinity)
        {
            return EngineStatus.InvalidArgument;
        }

        token = Choose(row, max, state, tokens.Length - numPromptTokens);
        return EngineStatus.Ok;
    }
}
