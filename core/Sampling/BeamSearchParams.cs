using Engine.Hosting;

namespace Engine.Sampling;

/// <summary>When a beam search may end before max_tokens.</summary>
public enum BeamEarlyStopping
{
    /// <summary>When the best live beam, at its present length, cannot beat the worst finished one.</summary>
    Heuristic = 0,

    /// <summary>As soon as beam_width beams have finished.</summary>
    WhenFull = 1,

    /// <summary>When no live beam can ever beat the worst finished one.</summary>
    Never = 2,
}

/// <summary>How to search with beams; names as in vLLM.</summary>
public sealed record BeamSearchParams
{
    /// <summary>Beams kept alive, and outputs returned.</summary>
    public int BeamWidth { get; init; } = 4;

    /// <summary>New tokens at most.</summary>
    public int MaxTokens { get; init; } = 16;

    /// <summary>A score is divided by the number of new tokens to this power; above 0 favours long outputs.</summary>
    public float LengthPenalty { get; init; } = 1f;

    /// <summary>Goes on after the end-of-sequence token.</summary>
    public bool IgnoreEos { get; init; }

    /// <summary>Log probabilities of so many best tokens are kept for each token of an output; null is none.</summary>
    public int? NumLogprobs { get; init; }

    /// <summary>When the search may end before MaxTokens.</summary>
    public BeamEarlyStopping EarlyStopping { get; init; }

    /// <summary>Throws InvalidArgument naming the first field that is out of range.</summary>
    /// <param name="maxLogprobs">Each step asks for 2 x BeamWidth log probabilities; -1 is no limit.</param>
    public void Validate(int maxLogprobs = -1)
    {
        int most = maxLogprobs < 0 ? 1024 : maxLogprobs / 2;
        if (!(BeamWidth >= 1 && BeamWidth <= most))
        {
            throw EngineException.Invalid(
                "beam_width", $"must be between 1 and {most} (half of max_logprobs), got {BeamWidth}");
        }

        if (!(MaxTokens >= 1))
        {
            throw EngineException.Invalid("max_tokens", $"must be at least 1, got {MaxTokens}");
        }

        if (NumLogprobs < 0 || (maxLogprobs >= 0 && NumLogprobs > maxLogprobs))
        {
            throw EngineException.Invalid("logprobs", $"must be 0 to {most * 2}, got {NumLogprobs}");
        }

        if (!float.IsFinite(LengthPenalty))
        {
            throw EngineException.Invalid("length_penalty", "must be finite");
        }
    }
}

/// <summary>One output of a beam search.</summary>
/// <param name="Tokens">The new tokens, an end-of-sequence token included.</param>
/// <param name="SumLogprobs">Sum of their log probabilities.</param>
/// <param name="Score">The sum over the number of tokens to the power of the length penalty.</param>
/// <param name="IsEnded">True if it ended with an end-of-sequence token, false if at max_tokens.</param>
public sealed record BeamOutput(int[] Tokens, double SumLogprobs, double Score, bool IsEnded)
{
    /// <summary>For each token itself, then the best; empty unless asked for.</summary>
    public IReadOnlyList<IReadOnlyList<TokenLogprob>> Logprobs { get; init; } = [];
}
