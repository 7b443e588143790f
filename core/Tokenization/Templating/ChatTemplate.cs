using System.Text.Json;
using Engine.Chat;

namespace Engine.Tokenization.Templating;

/// <summary>
/// A model's chat template: turns a conversation into the prompt, byte for byte as the apply_chat_template
/// of transformers does. Parsed once; immutable and safe for concurrent use.
/// </summary>
public sealed class ChatTemplate
{
    private readonly CompiledTemplate _compiled;
    private readonly TemplateLimits _limits;

    private ChatTemplate(string source, CompiledTemplate compiled, TemplateLimits limits)
    {
        Source = source;
        _compiled = compiled;
        _limits = limits;
    }

    /// <summary>The template text.</summary>
    public string Source { get; }

    /// <summary>True if the template marks what the assistant wrote with {% generation %}.</summary>
    public bool TracksAssistant => _compiled.TracksAssistant;

    /// <summary>Parses a template.</summary>
    /// <param name="source">The template text.</param>
    /// <param name="limits">Limits of parsing and rendering; null means the defaults.</param>
    /// <exception cref="TemplateException">The template is not valid.</exception>
    public static ChatTemplate Parse(string source, TemplateLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        limits ??= TemplateLimits.Default;
        return new ChatTemplate(source, CompiledTemplate.Compile(source, limits), limits);
    }

    /// <summary>Renders a conversation.</summary>
    /// <exception cref="TemplateException">
    /// The input makes no sense (ValueError), the template refused it (TemplateError and others), or a
    /// limit was hit (LimitExceeded, RecursionError).
    /// </exception>
    public ChatTemplateResult Render(ChatTemplateInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        ControlTokenGuard? guard = ControlTokenGuard.Create(
            input.ControlTokens, input.Messages, input.Tools, input.Documents, input.Variables);
        Func<string, string>? mark = guard is null ? null : guard.Guard;
        var conversation = Conversation.Prepare(input, guard);
        var variables = new Dictionary<string, object?>
        {
            ["messages"] = conversation.Messages,
            ["tools"] = JsonValues.From(input.Tools, mark),
            ["documents"] = JsonValues.From(input.Documents, mark),
            ["add_generation_prompt"] = Num.Box(input.AddGenerationPrompt),
        };
        if (input.BosToken is not null)
            variables["bos_token"] = input.BosToken;
        if (input.EosToken is not null)
            variables["eos_token"] = input.EosToken;
        if (input.Variables.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty property in input.Variables.EnumerateObject())
                variables[property.Name] = JsonValues.From(property.Value, mark);
        }

        int inputChars = JsonValues.RawLength(input.Messages) + JsonValues.RawLength(input.Tools)
            + JsonValues.RawLength(input.Documents) + JsonValues.RawLength(input.Variables);
        RenderState state = _compiled.Render(variables, _limits, inputChars, input.Now);
        string text = conversation.CutAtContinuation(state.Output);
        if (guard is null)
        {
            return new ChatTemplateResult(text, state.AssistantRanges, state.Budget.Spent, []);
        }

        (string stripped, List<int> cuts) = guard.Strip(text);
        return new ChatTemplateResult(
            stripped,
            cuts.Count == 0 ? state.AssistantRanges : Shift(state.AssistantRanges, text, guard),
            state.Budget.Spent,
            cuts);
    }

    private static List<(int Start, int End)> Shift(
        IReadOnlyList<(int Start, int End)> ranges, string marked, ControlTokenGuard guard)
    {
        int Place(int code) => Unicode.Length(guard.Strip(marked[..Unicode.UnitIndex(marked, code)]).Text);
        return [.. ranges.Select(range => (Place(range.Start), Place(range.End)))];
    }
}
