using System.Text.Json;
using Engine.Abi.Handles;
using Engine.Chat;

namespace Engine.Abi.Api;

/// <summary>Content, reasoning and tool calls out of a model's text, while it comes.</summary>
internal static unsafe class ChatParserApi
{
    private const int MaxDepth = 128;

    private static readonly string[] _known = ["tool_parser", "reasoning_parser", "tools", "prompt", "chat_template"];

    /// <summary>A parser for one output.</summary>
    /// <param name="json">{"tool_parser", "reasoning_parser", "tools": [...], "prompt", "chat_template"}, all
    /// optional. The parsers are vLLM's names, or "auto" for what the text of chat_template shows; without one,
    /// calls or thoughts are not looked for. tools give the types of formats that write values as text. prompt
    /// is the rendered prompt: it may have opened or closed the thought.</param>
    /// <param name="jsonLen">Its bytes.</param>
    /// <param name="outParser">Takes the parser; release it.</param>
    /// <returns>ENGINE_E_INVALID_ARGUMENT for an unknown name; the message lists the known ones.</returns>
    [AbiFunction("engine_chat_parser_create")]
    public static EngineStatus Create([In] byte* json, ulong jsonLen, ChatParserHandle* outParser)
    {
        Interop.Required(outParser, "out_parser");
        ChatParserObject parser = new(ReadOptions(Interop.Bytes(json, jsonLen, "json")));
        *outParser = new ChatParserHandle(HandleTable.Publish(parser));
        return EngineStatus.Ok;
    }

    /// <summary>Takes the next piece of the output.</summary>
    /// <param name="parser">The parser.</param>
    /// <param name="text">UTF-8, cut anywhere.</param>
    /// <param name="textLen">Its bytes.</param>
    /// <param name="outJson">Takes a list of what became final: {"kind": "content", "reasoning", "tool_call" or
    /// "arguments", "text" or a call's "name", a call's "index" and "id"}; release it.</param>
    [AbiFunction("engine_chat_parser_feed", Threading = Threading.Exclusive)]
    public static EngineStatus Feed(ChatParserHandle parser, [In] byte* text, ulong textLen, JsonHandle* outJson)
    {
        Interop.Required(outJson, "out_json");
        using HandlePin<ChatParserObject> pin = PinOf(parser);
        byte[] deltas = pin.Target.Feed(Interop.Bytes(text, textLen, "text"));
        *outJson = new JsonHandle(HandleTable.Publish(new JsonObject(deltas)));
        return EngineStatus.Ok;
    }

    /// <summary>Ends the output.</summary>
    /// <param name="parser">The parser.</param>
    /// <param name="outJson">Takes what was held back, as engine_chat_parser_feed gives it; release it.</param>
    [AbiFunction("engine_chat_parser_finish", Threading = Threading.Exclusive)]
    public static EngineStatus Finish(ChatParserHandle parser, JsonHandle* outJson)
    {
        Interop.Required(outJson, "out_json");
        using HandlePin<ChatParserObject> pin = PinOf(parser);
        *outJson = new JsonHandle(HandleTable.Publish(new JsonObject(pin.Target.Finish())));
        return EngineStatus.Ok;
    }

    /// <summary>Frees a parser; NULL is a no-op.</summary>
    /// <param name="parser">The parser or NULL.</param>
    /// <returns>ENGINE_E_INVALID_HANDLE if it was released before.</returns>
    [AbiFunction("engine_chat_parser_release", NoError = true)]
    public static EngineStatus Release(ChatParserHandle parser) =>
        HandleTable.Release(parser.Value, HandleKind.ChatParser);

    private static HandlePin<ChatParserObject> PinOf(ChatParserHandle handle) =>
        HandleTable.Pin<ChatParserObject>(handle.Value, HandleKind.ChatParser);

    private static ChatOutputOptions ReadOptions(ReadOnlySpan<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(
                json.ToArray(), new JsonDocumentOptions { MaxDepth = MaxDepth });
            JsonElement body = document.RootElement;
            if (body.ValueKind != JsonValueKind.Object)
            {
                throw EngineException.Invalid("json", "expected an object");
            }

            foreach (JsonProperty property in body.EnumerateObject())
            {
                if (!_known.Contains(property.Name, StringComparer.Ordinal))
                {
                    throw EngineException.Invalid(
                        property.Name, $"unknown; the names are {string.Join(", ", _known)}");
                }
            }

            string? template = Text(body, "chat_template");
            string? tools = Text(body, "tool_parser");
            string? reasoning = Text(body, "reasoning_parser");
            bool isNamed = reasoning is not (null or "auto");
            tools = tools == "auto" ? ChatParserDetection.ToolParser(template ?? "") : tools;
            reasoning = reasoning == "auto" ? ChatParserDetection.ReasoningParser(template ?? "") : reasoning;
            reasoning = reasoning is null ? null : ChatParsers.ReasoningParser(reasoning);
            return new ChatOutputOptions
            {
                ToolParser = tools,
                ReasoningParser = reasoning,
                Tools = body.TryGetProperty("tools", out JsonElement list) ? list.Clone() : default,
                ThoughtStart = ChatParserDetection.ThoughtStartOf(reasoning, Text(body, "prompt") ?? "", isNamed),
            };
        }
        catch (JsonException e)
        {
            throw new EngineException(EngineStatus.InvalidArgument, $"json: not valid JSON: {e.Message}", "json", e);
        }
    }

    private static string? Text(JsonElement body, string key) =>
        !body.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw EngineException.Invalid(key, "expected text");
}
