namespace Engine;

/// <summary>
/// The one exception of the cold paths (loading, options, admission). The step path returns
/// <see cref="EngineStatus"/> instead; nothing of either crosses the C ABI as an exception.
/// </summary>
public sealed class EngineException : Exception
{
    /// <summary>Creates an error.</summary>
    /// <param name="status">The code; must be an error.</param>
    /// <param name="message">What was expected and what was found, for a person.</param>
    /// <param name="parameter">Path of the offending field ("sampling.top_p"), or null.</param>
    /// <param name="innerException">The cause, or null.</param>
    public EngineException(
        EngineStatus status, string message, string? parameter = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Status = status;
        Parameter = parameter;
    }

    /// <summary>The code.</summary>
    public EngineStatus Status { get; }

    /// <summary>Path of the offending field, or null.</summary>
    public string? Parameter { get; }

    /// <summary>True if the same call may succeed later without a change.</summary>
    public bool Retryable => Status is EngineStatus.WouldBlock or EngineStatus.Timeout;

    /// <summary>An InvalidArgument error that names its field.</summary>
    public static EngineException Invalid(string parameter, string message) =>
        new(EngineStatus.InvalidArgument, $"{parameter}: {message}", parameter);

    /// <summary>A CorruptData error that names file and item.</summary>
    public static EngineException Corrupt(string file, string message, Exception? innerException = null) =>
        new(EngineStatus.CorruptData, $"{file}: {message}", file, innerException);
}
