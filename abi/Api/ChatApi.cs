using System.Text;
using System.Text.Json;
using Engine.Abi.Handles;
using Engine.Chat;
using Engine.Tokenization;
using Engine.Tokenization.Templating;

namespace Engine.Abi.Api;

/// <summary>Chat templates.</summary>
internal static unsafe class ChatApi
{
    private const int MaxDepth = 128;

    private static readonly string[] _known =
    [
        "messages", "tools", "documents", "chat_template", "add_generation_prompt", "continue_final_message",
        "add_special_tokens", "allow_control_tokens",
    ];

    /// <summary>The prompt of a conversation, as the model's chat template writes it. Tokenized, what messages wrote
    /// could become control tokens: engine_chat_tokenize keeps it text.</summary>
    /// <param name="tokenizer">The tokenizer, whose folder has the template.</param>
    /// <param name="json">{"messages": [...], "tools": [...], "documents": [...], "add_generation_prompt": false,
    /// "continue_final_message": false, "chat_template": "...", and any further variable of the template}.</param>
    /// <param name="jsonLen">Its bytes.</param>
    /// <param name="buffer">Takes the text, UTF-8, not NUL-terminated.</param>
    /// <param name="capacity">Its size in bytes.</param>
    /// <param name="length">The size needed.</param>
    /// <returns>ENGINE_E_NOT_FOUND if there is no template; ENGINE_E_INVALID_ARGUMENT if it refuses the
    /// conversation.</returns>
    [AbiFunction("engine_chat_template_apply")]
    public static EngineStatus Apply(
        TokenizerHandle tokenizer, [In] byte* json, ulong jsonLen, byte* buffer, ulong capacity, ulong* length)
    {
        Interop.Required(length, "length");
        using HandlePin<TokenizerObject> pin = TokenizerApi.PinOf(tokenizer);
        using JsonDocument document = Parse(Interop.Bytes(json, jsonLen, "json"));
        string text = Render(pin.Target, document.RootElement, null).Text;
        return Interop.CopyOut<byte>(Encoding.UTF8.GetBytes(text), buffer, capacity, length);
    }

    /// <summary>The ids of a conversation's prompt, for engine_submit. Control tokens are the template's alone: what
    /// messages, tools, documents and variables spell stays text, as the HTTP server has it.</summary>
    /// <param name="tokenizer">The tokenizer, whose folder has the template.</param>
    /// <param name="json">As for engine_chat_template_apply; also "add_special_tokens": false, and
    /// "allow_control_tokens": false, which lets messages write them.</param>
    /// <param name="jsonLen">Its bytes.</param>
    /// <param name="tokens">Takes the ids.</param>
    /// <param name="capacity">How many fit.</param>
    /// <param name="length">How many there are.</param>
    /// <returns>ENGINE_E_NOT_FOUND if there is no template; ENGINE_E_INVALID_ARGUMENT if it refuses the
    /// conversation; ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.</returns>
    [AbiFunction("engine_chat_tokenize")]
    public static EngineStatus ChatTokenize(
        TokenizerHandle tokenizer, [In] byte* json, ulong jsonLen, int* tokens, ulong capacity, ulong* length)
    {
        Interop.Required(length, "length");
        using HandlePin<TokenizerObject> pin = TokenizerApi.PinOf(tokenizer);
        using JsonDocument document = Parse(Interop.Bytes(json, jsonLen, "json"));
        ITokenizer known = pin.Target.Tokenizer;
        JsonElement body = document.RootElement;
        ChatTemplateResult prompt = Render(pin.Target, body, known.ControlTokens);
        int[] ids = known.EncodePrompt(prompt.Text, prompt.Cuts, Flag(body, "add_special_tokens"));
        return Interop.CopyOut<int>(ids, tokens, capacity, length);
    }

    private static ChatTemplateResult Render(TokenizerObject tokenizer, JsonElement body, ControlTokens? guarded)
    {
        if (body.ValueKind != JsonValueKind.Object
            || !body.TryGetProperty("messages", out JsonElement messages)
            || messages.ValueKind != JsonValueKind.Array)
        {
            throw EngineException.Invalid("messages", "expected an object with a list of messages");
        }

        using JsonDocument variables = Variables(body);
        try
        {
            ChatTemplate template = TemplateOf(tokenizer, body);
            var config = (tokenizer.Tokenizer as Tokenizer)?.Config;
            return template.Render(new ChatTemplateInput
            {
                Messages = ContentParts.AreTakenBy(template) ? messages : ContentParts.Flatten(messages),
                Tools = Optional(body, "tools"),
                Documents = Optional(body, "documents"),
                Variables = variables.RootElement,
                AddGenerationPrompt = Flag(body, "add_generation_prompt"),
                ContinueFinalMessage = Flag(body, "continue_final_message") ? "content" : null,
                BosToken = config?.BosToken,
                EosToken = config?.EosToken,
                ParseToolCallArguments = true,
                ControlTokens = Flag(body, "allow_control_tokens") ? null : guarded,
            });
        }
        catch (TemplateException e)
        {
            throw new EngineException(
                EngineStatus.InvalidArgument, $"chat template: {e.Kind}: {e.Message}", "messages", e);
        }
    }

    private static ChatTemplate TemplateOf(TokenizerObject tokenizer, JsonElement body)
    {
        JsonElement own = Optional(body, "chat_template");
        return own.ValueKind switch
        {
            JsonValueKind.String => ChatTemplate.Parse(own.GetString()!),
            JsonValueKind.Undefined or JsonValueKind.Null => tokenizer.Template
                ?? throw new EngineException(
                    EngineStatus.NotFound, "the model has no chat template", "chat_template"),
            _ => throw EngineException.Invalid("chat_template", "expected text"),
        };
    }

    private static JsonDocument Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonDocument.Parse(json.ToArray(), new JsonDocumentOptions { MaxDepth = MaxDepth });
        }
        catch (JsonException e)
        {
            throw new EngineException(EngineStatus.InvalidArgument, $"json: not valid JSON: {e.Message}", "json", e);
        }
    }

    private static JsonElement Optional(JsonElement body, string key) =>
        body.TryGetProperty(key, out JsonElement value) ? value : default;

    private static bool Flag(JsonElement body, string key) => Optional(body, key).ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False or JsonValueKind.Null or JsonValueKind.Undefined => false,
        _ => throw EngineException.Invalid(key, "expected true or false"),
    };

    private static JsonDocument Variables(JsonElement body)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            foreach (JsonProperty property in body.EnumerateObject().Where(p => !_known.Contains(p.Name)))
            {
                property.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        return JsonDocument.Parse(stream.ToArray(), new JsonDocumentOptions { MaxDepth = MaxDepth });
    }
}
