namespace Engine.Pooling;

/// <summary>What is wanted of a text.</summary>
public enum PoolingTask
{
    /// <summary>One vector.</summary>
    Embed,

    /// <summary>One number per label; of a reranker one number.</summary>
    Classify,

    /// <summary>The final hidden state of every token.</summary>
    TokenEmbed,

    /// <summary>How well a pair fits: one number.</summary>
    Score,
}

/// <summary>One text, or pair of texts, and what is wanted of it.</summary>
public sealed record PoolingRequest
{
    /// <summary>The ids, special tokens among them.</summary>
    public required IReadOnlyList<int> TokenIds { get; init; }

    /// <summary>Which text of a pair each token is of; null is the first.</summary>
    public IReadOnlyList<int>? TokenTypeIds { get; init; }

    /// <summary>What is wanted.</summary>
    public PoolingTask Task { get; init; }

    /// <summary>Embed: the leading part of the vector (Kusupati et al. 2022); null is all of it.</summary>
    public int? Dimensions { get; init; }

    /// <summary>Embed: to length 1; null is as the model's files say.</summary>
    public bool? Normalize { get; init; }

    /// <summary>Leading tokens that are a prompt the model's vectors leave out; 0 where they do not.</summary>
    internal int NumPromptTokens { get; init; }

    /// <summary>Classify: false gives the logits as they are.</summary>
    public bool UseActivation { get; init; } = true;
}

/// <summary>What came of a text.</summary>
/// <param name="Values">Embed: the vector. Classify: a number per label. TokenEmbed: [NumTokens, width].</param>
/// <param name="NumTokens">Tokens computed.</param>
public sealed record PoolingResult(float[] Values, int NumTokens);
