using System.Text.Json;
using Engine.Chat;

namespace Engine.Tokenization.Templating;

/// <summary>A conversation and the arguments of a chat template.</summary>
public sealed record ChatTemplateInput
{
    /// <summary>An array of message objects. The order of keys is kept.</summary>
    public required JsonElement Messages { get; init; }

    /// <summary>An array of tools, or absent (a default element or null).</summary>
    public JsonElement Tools { get; init; }

    /// <summary>An array of documents, or absent.</summary>
    public JsonElement Documents { get; init; }

    /// <summary>An object whose properties become variables; they win over everything else.</summary>
    public JsonElement Variables { get; init; }

    /// <summary>Ends the prompt with the opening of an assistant message.</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>
    /// The field of the last message that the model shall go on with ("content", "reasoning_content"), or
    /// null. Excludes <see cref="AddGenerationPrompt"/>.
    /// </summary>
    public string? ContinueFinalMessage { get; init; }

    /// <summary>Text of the beginning-of-sequence token; null leaves the variable undefined.</summary>
    public string? BosToken { get; init; }

    /// <summary>Text of the end-of-sequence token; null leaves the variable undefined.</summary>
    public string? EosToken { get; init; }

    /// <summary>What strftime_now formats; null means the local clock.</summary>
    public DateTime? Now { get; init; }

    /// <summary>
    /// Turns tool call arguments that are JSON text into objects before rendering, as servers do: many
    /// templates only work with objects, while the OpenAI API sends text.
    /// </summary>
    public bool ParseToolCallArguments { get; init; }

    /// <summary>
    /// Texts that messages, tools, documents and variables shall not spell: where they do, the result's Cuts
    /// say which places of the prompt are not the template's own. Null does not look.
    /// </summary>
    public ControlTokens? ControlTokens { get; init; }
}

/// <summary>A rendered conversation.</summary>
/// <param name="Text">The prompt.</param>
/// <param name="AssistantRanges">
/// Ranges of Text, in code points, inside {% generation %} blocks; empty if the template has none.
/// </param>
/// <param name="Operations">What the rendering spent of <see cref="TemplateLimits.OperationsMax"/>.</param>
/// <param name="Cuts">
/// Positions in Text, in UTF-16, that lie inside of control tokens which the template did not write: whoever
/// encodes the prompt has to take those for plain text (<see cref="ITokenizer.EncodePrompt"/>).
/// </param>
public sealed record ChatTemplateResult(
    string Text, IReadOnlyList<(int Start, int End)> AssistantRanges, long Operations, IReadOnlyList<int> Cuts);
