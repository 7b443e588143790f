using Engine.Scheduling;

namespace Engine.Speculation;

/// <summary>
/// Guesses the next tokens of a sequence, for a step to verify beside the one it computes anyway. A guess changes how
/// soon an output is there, never what it is. Called from the engine's thread alone; allocates nothing.
/// </summary>
public interface IDraftProposer
{
    /// <summary>Tokens drafted for one sequence in one step, at most.</summary>
    int MaxDraftTokens { get; }

    /// <summary>
    /// How drafts for a sequence would fare, in a word: those of one grade are expected to fare alike, and are judged
    /// by how others of it did. Asked before each Propose.
    /// </summary>
    /// <returns>0 .. DraftGrades.Count - 1; negative if there is nothing to draft.</returns>
    int Grade(Sequence sequence) => 0;

    /// <summary>Drafts for a sequence whose last token is about to be computed.</summary>
    /// <param name="sequence">The sequence; it has an output token.</param>
    /// <param name="drafts">Takes the tokens. A runner that drafts with a model leaves them open here and fills them
    /// in when it executes the plan, when the blocks for them are there.</param>
    /// <returns>How many there are or will be: 0 .. drafts.Length.</returns>
    int Propose(Sequence sequence, Span<int> drafts);

    /// <summary>Seconds that the last executed plan spent on drafts, so that their price is known; NaN if it was no
    /// measure of that.</summary>
    double LastDraftSeconds { get; }
}
