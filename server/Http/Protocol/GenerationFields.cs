using Engine.Sampling;

namespace Engine.Server.Http.Protocol;

/// <summary>What completions and chat completions have in common, parsed and checked.</summary>
internal sealed record GenerationFields
{
    public required SamplingParams Sampling { get; init; }

    /// <summary>What the client asked for, which must fit; null if it left that open.</summary>
    public int? MaxTokensGiven { get; init; }

    public bool Stream { get; init; }

    public bool IncludeUsage { get; init; }

    public bool ContinuousUsage { get; init; }

    public bool ReturnTokenIds { get; init; }

    public bool ReturnTokensAsTokenIds { get; init; }

    /// <summary>Log probabilities of this many best tokens per output token; null is none at all.</summary>
    public int? NumLogprobs { get; init; }

    /// <summary>Of so many outputs to each prompt, Sampling.N, the best are the answer; null is all of them.</summary>
    public int? KeptOutputs { get; init; }

    /// <summary>How to search with beams; null samples.</summary>
    public BeamSearchParams? Beams { get; init; }

    public string? RequestId { get; init; }

    public int Priority { get; init; }

    public string? CacheSalt { get; init; }

    public int? TruncatePromptTokens { get; init; }

    public bool AddSpecialTokens { get; init; } = true;
}
