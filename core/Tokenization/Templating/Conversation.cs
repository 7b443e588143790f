using System.Text.Json;
using Engine.Chat;

namespace Engine.Tokenization.Templating;

/// <summary>The messages as the template sees them, and what is to be cut from its output.</summary>
internal sealed class Conversation
{
    /// <summary>Appended to the message to continue; everything from it on is cut from the output.</summary>
    private const string Tag = "CONTINUE_FINAL_MESSAGE_TAG ";

    private static readonly string[] ReasoningFields = ["reasoning_content", "thinking", "reasoning"];

    private string? _continued;

    private Conversation(TemplateList messages) => Messages = messages;

    public TemplateList Messages { get; private set; }

    /// <param name="input">The messages and how to word them.</param>
    /// <param name="guard">Marks control tokens that the messages spell, or null.</param>
    public static Conversation Prepare(ChatTemplateInput input, ControlTokenGuard? guard = null)
    {
        if (input.Messages.ValueKind != JsonValueKind.Array)
            throw TemplateException.Value("messages must be an array");
        if (input.Messages.GetArrayLength() == 0)
            throw TemplateException.Value("the conversation is empty");
        if (input.AddGenerationPrompt && input.ContinueFinalMessage is not null)
        {
            throw TemplateException.Value(
                "continue_final_message and add_generation_prompt are not compatible");
        }

        var messages = new List<object?>(input.Messages.GetArrayLength());
        foreach (JsonElement message in input.Messages.EnumerateArray())
        {
            Func<string, string>? mark = guard is null ? null
                : IsAnswer(message) ? guard.GuardAnswer : guard.Guard;
            messages.Add(Message(JsonValues.From(message, mark), input.ParseToolCallArguments, mark));
        }

        var conversation = new Conversation(new TemplateList(messages));
        if (input.ContinueFinalMessage is string field)
            conversation.Continue(field);
        return conversation;
    }

    private static bool IsAnswer(JsonElement message) =>
        message.ValueKind == JsonValueKind.Object && message.TryGetProperty("role", out JsonElement role)
        && role.ValueKind == JsonValueKind.String && role.ValueEquals("assistant");

    private static TemplateDict Message(object? message, bool parseArguments, Func<string, string>? mark)
    {
        if (message is not TemplateDict source)
            throw TemplateException.Value("every message must be an object");
        var result = new TemplateDict();
        foreach ((object? key, object? value) in source.Entries)
        {
            if (value is not null)
                result.Set(key, parseArguments && key is "tool_calls" ? WithParsedArguments(value, mark) : value);
        }

        foreach (string field in ReasoningFields)
        {
            if (!result.TryGet(field, out object? reasoning))
                continue;
            result.Set("reasoning_content", reasoning);
            if (!result.TryGet("thinking", out _))
                result.Set("thinking", reasoning);
            break;
        }

        return result;
    }

    private static object? WithParsedArguments(
        object? calls, Func<string, string>? mark) => calls is not TemplateList list
        ? calls
        : new TemplateList(list.Items.ConvertAll(call =>
        {
            if (call is not TemplateDict dict)
                return call;
            TemplateDict copy = dict.Copy();
            if (copy.TryGet("arguments", out object? arguments) && arguments is string text)
                copy.Set("arguments", JsonValues.FromText(text, mark));
            if (copy.TryGet("function", out object? function) && function is TemplateDict inner)
            {
                // None, as OpenAI's clients may say "no arguments", are an empty object, as in vLLM.
                object? given = inner.TryGet("arguments", out arguments) ? arguments : null;
                TemplateDict changed = inner.Copy();
                changed.Set("arguments", given switch
                {
                    null or "" => new TemplateDict(),
                    string innerText => JsonValues.FromText(innerText, mark),
                    _ => given,
                });
                copy.Set("function", changed);
            }

            return copy;
        }));

    private void Continue(string field)
    {
        var last = (TemplateDict)Messages.Items[^1]!;
        TemplateDict changed = last.Copy();
        if (!last.TryGet(field, out object? value))
            throw TemplateException.Value($"the final message has no {field} to continue");
        if (value is string text)
        {
            _continued = text;
            changed.Set(field, text + Tag);
        }
        else if (value is TemplateList parts)
        {
            changed.Set(field, TaggedParts(parts));
        }
        else
        {
            throw TemplateException.Value($"the {field} of the final message is no text");
        }

        Messages.Items[^1] = changed;
    }

    private TemplateList TaggedParts(TemplateList parts)
    {
        List<object?> items = [.. parts.Items];
        int i = items.FindLastIndex(p => p is TemplateDict d && d.TryGet("text", out object? t) && t is string);
        if (i < 0)
        {
            throw TemplateException.Value(
                "continue_final_message is set but we could not find any text to continue in the final message!");
        }

        TemplateDict part = ((TemplateDict)items[i]!).Copy();
        part.TryGet("text", out object? text);
        _continued = (string)text!;
        part.Set("text", _continued + Tag);
        items[i] = part;
        return new TemplateList(items);
    }

    public string CutAtContinuation(string rendered)
    {
        if (_continued is null)
            return rendered;
        string tag = Unicode.TrimEnd(Tag);
        int at = rendered.LastIndexOf(tag, StringComparison.Ordinal);
        if (at < 0)
        {
            throw TemplateException.Value(
                "continue_final_message is set but the final message does not appear in the chat after "
                + "applying the chat template! This can happen if the chat template deletes portions of the "
                + "final message. Please verify the chat template and final message in your chat to ensure "
                + "they are compatible.");
        }

        bool keptSpace = string.CompareOrdinal(rendered, at, Tag, 0, Tag.Length) == 0;
        return keptSpace ? rendered[..at] : Unicode.TrimEnd(rendered[..at]);
    }
}
