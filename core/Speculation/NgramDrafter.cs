using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Speculation;

/// <summary>Prompt lookup: what followed the last tokens when they occurred before. Costs no model.</summary>
internal sealed class NgramDrafter(SpeculativeOptions options, int maxModelLen) : IModelDrafter
{
    private readonly NgramProposer _proposer = new(options.PromptLookupMin, options.PromptLookupMax, maxModelLen);

    public int MaxDraftTokens => options.NumSpeculativeTokens;

    /// <summary>Looking up is done while the step is scheduled.</summary>
    public double LastDraftSeconds => 0;

    public int Propose(Sequence sequence, Span<int> drafts) => _proposer.Propose(sequence.Tokens, drafts);

    public void Dispose()
    {
    }
}
