using System.Buffers;

namespace Engine.Chat;

/// <summary>
/// Texts that mean something to a model beyond what they say, as "&lt;|im_start|&gt;": nobody but the chat
/// template may write them. Immutable and safe for concurrent use.
/// </summary>
public sealed class ControlTokens
{
    // Thoughts are no roles: a template may look for these in earlier answers.
    private static readonly string[] ThoughtTags = ["<think>", "</think>", "[THINK]", "[/THINK]"];

    /// <summary>No texts at all.</summary>
    public static ControlTokens None { get; } = new([]);

    /// <summary>Creates the set.</summary>
    /// <param name="tokens">The texts; one of a single character is ordinary text and left out.</param>
    public ControlTokens(IEnumerable<string> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        All = [.. tokens.Where(token => token.EnumerateRunes().Skip(1).Any()).Distinct()];
        Search = SearchValues.Create([.. All], StringComparison.Ordinal);
        InAnswers = [.. All.Except(ThoughtTags)];
        SearchInAnswers = SearchValues.Create([.. InAnswers], StringComparison.Ordinal);
    }

    /// <summary>The texts.</summary>
    public IReadOnlyList<string> All { get; }

    internal IReadOnlyList<string> InAnswers { get; }

    internal SearchValues<string> Search { get; }

    internal SearchValues<string> SearchInAnswers { get; }
}
