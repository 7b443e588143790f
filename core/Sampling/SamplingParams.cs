namespace Engine.Sampling;

/// <summary>How to choose tokens and when to stop; names, defaults and order as in vLLM.</summary>
public sealed class SamplingParams
{
    /// <summary>Number of outputs per prompt.</summary>
    public int N { get; init; } = 1;

    /// <summary>Divides the logits; 0 is greedy.</summary>
    public float Temperature { get; init; } = 1f;

    /// <summary>Nucleus mass kept; 1 is off.</summary>
    public float TopP { get; init; } = 1f;

    /// <summary>Candidates kept; 0 and -1 are off.</summary>
    public int TopK { get; init; }

    /// <summary>Keeps tokens of at least this share of the largest probability; 0 is off.</summary>
    public float MinP { get; init; }

    /// <summary>Locally typical mass kept; 1 is off.</summary>
    public float TypicalP { get; init; } = 1f;

    /// <summary>Subtracted once from every token of the output.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Subtracted per occurrence in the output.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Divides positive and multiplies negative logits of tokens seen; 1 is off.</summary>
    public float RepetitionPenalty { get; init; } = 1f;

    /// <summary>Added to the logit of a token id, clamped to +-100.</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <summary>Only these ids may be sampled.</summary>
    public IReadOnlyList<int>? AllowedTokenIds { get; init; }

    /// <summary>Texts that must not be produced.</summary>
    public IReadOnlyList<string>? BadWords { get; init; }

    /// <summary>No n-gram of this size occurs twice; 0 is off.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Texts that end the output.</summary>
    public IReadOnlyList<string>? Stop { get; init; }

    /// <summary>Ids that end the output.</summary>
    public IReadOnlyList<int>? StopTokenIds { get; init; }

    /// <summary>Keeps the stop text in the output.</summary>
    public bool IncludeStopStrInOutput { get; init; }

    /// <summary>Goes on after the end-of-sequence token.</summary>
    public bool IgnoreEos { get; init; }

    /// <summary>New tokens at most; null is up to the model's length.</summary>
    public int? MaxTokens { get; init; } = 16;

    /// <summary>No stop before this many new tokens.</summary>
    public int MinTokens { get; init; }

    /// <summary>Keys the random numbers; null draws a seed at admission.</summary>
    public long? Seed { get; init; }

    /// <summary>Log probabilities of this many best tokens with each output token; -1 is all.</summary>
    public int? Logprobs { get; init; }

    /// <summary>The same for each prompt token.</summary>
    public int? PromptLogprobs { get; init; }

    /// <summary>False leaves the text empty.</summary>
    public bool Detokenize { get; init; } = true;

    /// <summary>Leaves special tokens out of the text.</summary>
    public bool SkipSpecialTokens { get; init; } = true;
}
