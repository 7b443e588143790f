namespace Engine.Models;

/// <summary>What a model is loaded for; it decides what is built on top of the layers.</summary>
internal enum ModelPurpose
{
    /// <summary>Next tokens: with the output matrix.</summary>
    Generate,

    /// <summary>Vectors and scores of whole texts: the final hidden states alone.</summary>
    Pool,

    /// <summary>A head to another model, which proposes its tokens: its architecture is not one of ours.</summary>
    DraftHead,
}
