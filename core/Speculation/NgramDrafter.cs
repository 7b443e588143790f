using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Speculation;

/// <summary>Prompt lookup: what followed the last tokens when they occurred before. Costs no model.</summary>
internal sealed class NgramDrafter(SpeculativeOptions options, int maxModelLen) : IModelDrafter
{
    private readonly NgramProposer _proposer = new(options.PromptLookupMin, options.PromptLookupMax, maxModelLen);
    private int _back;

    public int MaxDraftTokens => options.NumSpeculativeTokens;

    /// <summary>Looking up is done while the step is scheduled.</summary>
    public double LastDraftSeconds => 0;

    /// <summary>A long repetition goes on more often than a short one.</summary>
    public int Grade(Sequence sequence) => _proposer.Find(sequence.Tokens, out _back) switch
    {
        0 => -1,
        <= 2 => 0,
        3 => 1,
        <= 6 => 2,
        _ => 3,
    };

    public int Propose(Sequence sequence, Span<int> drafts) => NgramProposer.Copy(sequence.Tokens, _back, drafts);

    public void Dispose()
    {
    }
}
