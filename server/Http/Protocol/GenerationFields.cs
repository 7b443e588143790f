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

    /// <summary>Of a chat: the prompt as the template has worded it.</summary>
    public bool ReturnPromptText { get; init; }

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

    /// <summary>truncation_side right: the prompt's first tokens are kept, not its last.</summary>
    public bool TruncatesEnd { get; init; }

    /// <summary>Tokens of one write of a stream, at least; 0 is as the server does.</summary>
    public int StreamInterval { get; init; }

    public bool AddSpecialTokens { get; init; } = true;

    /// <summary>How a prompt that is too long is cut.</summary>
    public Truncation Truncation => new(TruncatePromptTokens, TruncatesEnd, Math.Max(1, MaxTokensGiven ?? 1));
}
