namespace Engine.Pooling;

/// <summary>A text as a user gives it: text or ids, of a pair both texts.</summary>
public sealed record PoolingInput
{
    /// <summary>The text; null if ids are given.</summary>
    public string? Text { get; init; }

    /// <summary>The second text of a pair, or null.</summary>
    public string? Pair { get; init; }

    /// <summary>The ids, special tokens among them; null if text is given.</summary>
    public IReadOnlyList<int>? TokenIds { get; init; }

    /// <summary>Which text of a pair each id is of; null is the first.</summary>
    public IReadOnlyList<int>? TokenTypeIds { get; init; }
}

/// <summary>What texts handed in together have in common; names as in vLLM's PoolingParams.</summary>
public sealed record PoolingSettings
{
    /// <summary>Embed: the leading part of the vector; null is all of it.</summary>
    public int? Dimensions { get; init; }

    /// <summary>Embed: to length 1; null is as the model's files say.</summary>
    public bool? Normalize { get; init; }

    /// <summary>Classify and score: false gives the logits as they are.</summary>
    public bool UseActivation { get; init; } = true;

    /// <summary>Keeps so many tokens of a text, -1 as many as the model takes; null refuses longer ones.</summary>
    public int? TruncatePromptTokens { get; init; }

    /// <summary>One of the model's prompts to put before each text; null is its default one.</summary>
    public string? PromptName { get; init; }

    /// <summary>With the tokens that the tokenizer puts around a text.</summary>
    public bool AddSpecialTokens { get; init; } = true;
}

/// <summary>What came of one input.</summary>
/// <param name="TokenIds">Its tokens; of two texts that were compared by their vectors, both after one another.</param>
/// <param name="Values">Embed: the vector. Classify: a number per label. Score: one number. TokenEmbed: [tokens,
/// width]. Null if it failed.</param>
/// <param name="Rows">Rows of Values: the tokens, or 1.</param>
/// <param name="Error">Why it failed, or null.</param>
public readonly record struct PoolingOutcome(
    IReadOnlyList<int> TokenIds, float[]? Values, int Rows, EngineException? Error);
