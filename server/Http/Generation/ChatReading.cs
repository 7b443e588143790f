using System.Text.Json;
using Engine.Chat;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Protocol;
using Engine.Tokenization;

namespace Engine.Server.Http.Generation;

/// <summary>How one chat request's outputs are read.</summary>
internal sealed class ChatReading
{
    private readonly string? _toolParser;

    private ChatReading(ChatOutputOptions options, bool includesReasoning)
    {
        Options = options;
        IncludesReasoning = includesReasoning;
        _toolParser = options.ToolParser;
    }

    public ChatOutputOptions Options { get; }

    /// <summary>False drops thoughts from the answer.</summary>
    public bool IncludesReasoning { get; }

    /// <summary>The markers that a parser looks for may be special tokens, which text leaves out otherwise.</summary>
    public static bool NeedsSpecialTokens(ChatFormats formats, ToolFields tools, ITokenizer tokenizer)
    {
        string? parser = tools.Choice == ToolChoice.None ? null : formats.Tools;
        bool isPlain = tools.IsForced && tools.OwnSyntax(formats.Tools) is null;
        return !isPlain && ChatParsers.MarksOf(parser, formats.Reasoning)
            .Any(mark => tokenizer.TokenToId(mark) is >= 0 and int id && tokenizer.IsSpecial(id));
    }

    /// <param name="formats">The model's.</param>
    /// <param name="tools">The request's.</param>
    /// <param name="prompt">The rendered prompt.</param>
    /// <param name="includesReasoning">Thoughts are part of the answer.</param>
    public static ChatReading Create(ChatFormats formats, ToolFields tools, string prompt, bool includesReasoning) =>
        new(
            tools.IsForced && tools.OwnSyntax(formats.Tools) is null
                ? new ChatOutputOptions
                {
                    NamedTool = tools.Name,
                    IsCallList = tools.Choice == ToolChoice.Required,
                }
                : new ChatOutputOptions
                {
                    ToolParser = tools.Choice == ToolChoice.None ? null : formats.Tools,
                    ReasoningParser = formats.Reasoning,
                    Tools = tools.Tools ?? default,
                    ThoughtStart = ChatParserDetection.ThoughtStartOf(
                        formats.Reasoning, prompt, formats.IsReasoningNamed),
                },
            includesReasoning);

    /// <summary>An id for a call whose model wrote none.</summary>
    public string NewCallId()
    {
        string random = Guid.NewGuid().ToString("N");

        // Mistral's templates take nine letters and digits and nothing else.
        return _toolParser is "mistral" or "mistral_pre_v11" ? random[..9] : "chatcmpl-tool-" + random;
    }

    /// <summary>Writes the members of a whole message behind its role.</summary>
    /// <param name="json">Stands inside of the message.</param>
    /// <param name="echo">Text before the content.</param>
    /// <param name="text">The output.</param>
    /// <returns>True if it has calls.</returns>
    public bool WriteMessage(Utf8JsonWriter json, string echo, string text)
    {
        ChatOutput output = ChatOutputParser.Parse(text, Options);
        string content = echo + output.Content;
        json.WriteString("content", content.Length == 0 && output.ToolCalls.Count > 0 ? null : content);
        json.WriteNull("refusal");
        if (IncludesReasoning && output.Reasoning.Length > 0)
        {
            json.WriteString("reasoning", output.Reasoning);
            json.WriteString("reasoning_content", output.Reasoning);
        }

        json.WriteStartArray("tool_calls");
        foreach (ChatToolCall call in output.ToolCalls)
        {
            json.WriteStartObject();
            json.WriteString("id", call.Id ?? NewCallId());
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            json.WriteString("name", call.Name);
            json.WriteString("arguments", call.Arguments);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        return output.ToolCalls.Count > 0;
    }

    /// <summary>Leaves out what the answer does not carry.</summary>
    public IReadOnlyList<ChatDelta> Wanted(IReadOnlyList<ChatDelta> deltas) => IncludesReasoning
        ? deltas
        : [.. deltas.Where(delta => delta.Kind != ChatDeltaKind.Reasoning)];

    /// <summary>Writes the members of a chunk's delta.</summary>
    public void WriteDelta(Utf8JsonWriter json, IReadOnlyList<ChatDelta> deltas)
    {
        string reasoning = Joined(deltas, ChatDeltaKind.Reasoning);
        if (reasoning.Length > 0)
        {
            json.WriteString("reasoning", reasoning);
            json.WriteString("reasoning_content", reasoning);
        }

        string content = Joined(deltas, ChatDeltaKind.Content);
        if (content.Length > 0)
        {
            json.WriteString("content", content);
        }

        ILookup<int, ChatDelta> calls = deltas.Where(delta => delta.ToolIndex >= 0).ToLookup(delta => delta.ToolIndex);
        if (calls.Count == 0)
        {
            return;
        }

        json.WriteStartArray("tool_calls");
        foreach (IGrouping<int, ChatDelta> call in calls.OrderBy(call => call.Key))
        {
            WriteCallDelta(json, call.Key, [.. call]);
        }

        json.WriteEndArray();
    }

    private void WriteCallDelta(Utf8JsonWriter json, int index, ChatDelta[] deltas)
    {
        json.WriteStartObject();
        json.WriteNumber("index", index);
        bool isFirst = deltas[0].Kind == ChatDeltaKind.ToolCall;
        if (isFirst)
        {
            json.WriteString("id", deltas[0].ToolId ?? NewCallId());
            json.WriteString("type", "function");
        }

        json.WriteStartObject("function");
        if (isFirst)
        {
            json.WriteString("name", deltas[0].Text);
        }

        json.WriteString("arguments", Joined(deltas, ChatDeltaKind.Arguments));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string Joined(IEnumerable<ChatDelta> deltas, ChatDeltaKind kind) =>
        string.Concat(deltas.Where(delta => delta.Kind == kind).Select(delta => delta.Text));
}
