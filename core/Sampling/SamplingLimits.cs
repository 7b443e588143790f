using Engine.Grammar;

namespace Engine.Sampling;

/// <summary>How much one request may ask of the sampler; all configurable.</summary>
public sealed record SamplingLimits
{
    /// <summary>The defaults below.</summary>
    public static SamplingLimits Default { get; } = new();

    /// <summary>Largest logprobs and prompt_logprobs; -1 allows the whole vocabulary.</summary>
    public int MaxLogprobs { get; init; } = 20;

    /// <summary>Largest n.</summary>
    public int MaxN { get; init; } = 128;

    /// <summary>Stop strings of a request.</summary>
    public int MaxStopStrings { get; init; } = 64;

    /// <summary>UTF-16 units of a stop string.</summary>
    public int MaxStopLength { get; init; } = 1024;

    /// <summary>Entries of logit_bias.</summary>
    public int MaxLogitBias { get; init; } = 1024;

    /// <summary>Entries of stop_token_ids.</summary>
    public int MaxStopTokenIds { get; init; } = 1024;

    /// <summary>Bad words, and DRY sequence breakers, of a request.</summary>
    public int MaxWords { get; init; } = 1024;

    /// <summary>What a grammar may cost.</summary>
    public GrammarLimits Grammar { get; init; } = GrammarLimits.Default;

    /// <summary>UTF-16 units of a bad word or a sequence breaker.</summary>
    public int MaxWordLength { get; init; } = 1024;
}
