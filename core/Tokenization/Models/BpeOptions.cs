namespace Engine.Tokenization.Models;

/// <summary>What a byte-pair vocabulary says besides its tokens and merges.</summary>
internal sealed class BpeOptions
{
    public string? UnknownToken { get; init; }

    public string ContinuingPrefix { get; init; } = "";

    public string WordSuffix { get; init; } = "";

    public bool FuseUnknown { get; init; }

    public bool ByteFallback { get; init; }

    /// <summary>A word that is a token is that token, whatever the merges give.</summary>
    public bool IgnoreMerges { get; init; }
}
