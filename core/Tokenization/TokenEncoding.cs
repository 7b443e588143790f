namespace Engine.Tokenization;

/// <summary>Everything known about the tokens of a text; all arrays have the same length.</summary>
public sealed class TokenEncoding
{
    /// <summary>Ids in the vocabulary.</summary>
    public required int[] Ids { get; init; }

    /// <summary>Tokens as spelled in the vocabulary, or the text itself where it has none.</summary>
    public required string[] Tokens { get; init; }

    /// <summary>
    /// Code points [Start, End) of the text that each token stands for; (0, 0) for tokens that the
    /// post-processor added.
    /// </summary>
    public required (int Start, int End)[] Offsets { get; init; }

    /// <summary>Which text a token belongs to, as the post-processor numbers them.</summary>
    public required int[] TypeIds { get; init; }

    /// <summary>True for tokens that the post-processor added.</summary>
    public required bool[] SpecialMask { get; init; }
}
