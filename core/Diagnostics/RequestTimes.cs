namespace Engine.Diagnostics;

/// <summary>How a request went, in seconds since it was submitted.</summary>
public sealed record RequestTimes
{
    /// <summary>Tokens of the prompt.</summary>
    public int NumPromptTokens { get; init; }

    /// <summary>Tokens of all outputs.</summary>
    public int NumOutputTokens { get; init; }

    /// <summary>The n asked for.</summary>
    public int NumOutputs { get; init; }

    /// <summary>Tokens of the longest output.</summary>
    public int LongestOutput { get; init; }

    /// <summary>The max_tokens asked for; null if none was.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>When it first ran; null if it never did.</summary>
    public double? ScheduledSeconds { get; init; }

    /// <summary>When its first token was there; null if none was.</summary>
    public double? FirstTokenSeconds { get; init; }

    /// <summary>When its last token was there; null if none was.</summary>
    public double? LastTokenSeconds { get; init; }

    /// <summary>When it ended.</summary>
    public double EndSeconds { get; init; }
}
