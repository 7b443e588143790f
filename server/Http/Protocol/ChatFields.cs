using System.Text.Json;
using Engine.Server.Http.Json;
using Engine.Server.Terminal;

namespace Engine.Server.Http.Protocol;

/// <summary>What a chat request says besides sampling.</summary>
internal sealed class ChatFields
{
    private static readonly string[] _efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

    private static readonly string[] _reservedArguments =
        ["chat_template", "tokenize", "messages", "tools", "documents", "conversation"];

    /// <summary>The list, checked.</summary>
    public required JsonElement Messages { get; init; }

    /// <summary>The tools and whether they have to be called, checked.</summary>
    public ToolFields ToolFields { get; init; } = new();

    public JsonElement? Documents { get; init; }

    public bool AddGenerationPrompt { get; init; }

    public bool ContinueFinalMessage { get; init; }

    /// <summary>Variables of the template: chat_template_kwargs.</summary>
    public JsonElement? TemplateArguments { get; init; }

    public string? ReasoningEffort { get; init; }

    /// <summary>The request's own template, if the server lets it bring one.</summary>
    public string? Template { get; init; }

    /// <summary>Text of the last message if echo was asked for, else empty.</summary>
    public string EchoText { get; init; } = "";

    public static ChatFields Parse(JsonElement body, ServerOptions options)
    {
        JsonElement messages = MessageFields.Parse(body);
        bool continues = Fields.GetBool(body, "continue_final_message") ?? false;
        bool? generation = Fields.GetBool(body, "add_generation_prompt");
        if (continues && generation == true)
        {
            throw ApiException.BadRequest(
                "continue_final_message: excludes add_generation_prompt.", "continue_final_message");
        }

        var tools = ToolFields.Parse(body);
        if (Fields.GetArray(body, "documents") is { } documents
            && documents.EnumerateArray().Any(document => document.ValueKind != JsonValueKind.Object))
        {
            throw ApiException.BadRequest("documents: must be a list of objects.", "documents");
        }

        bool echo = Fields.GetBool(body, "echo") ?? false;
        return new ChatFields
        {
            Messages = messages,
            ToolFields = options.ExcludesUncallableTools ? tools.WithoutUncallable() : tools,
            Documents = Fields.GetArray(body, "documents"),
            AddGenerationPrompt = generation ?? !continues,
            ContinueFinalMessage = continues,
            TemplateArguments = ParseArguments(body, options.DefaultTemplateArguments),
            ReasoningEffort = ParseEffort(body),
            Template = ParseTemplate(body, options),
            EchoText = echo ? LastText(messages) : "",
        };
    }

    private static JsonElement? ParseArguments(JsonElement body, JsonElement? defaults)
    {
        const string name = "chat_template_kwargs";
        JsonElement? arguments = Fields.GetObject(body, name);
        if (arguments is { } given)
        {
            foreach (JsonProperty argument in given.EnumerateObject())
            {
                if (_reservedArguments.Contains(argument.Name, StringComparer.Ordinal))
                {
                    throw ApiException.BadRequest($"{name}: must not hold {argument.Name}.", name);
                }
            }
        }

        return defaults is not { } server || arguments is not { } own ? arguments ?? defaults
            : JsonText.Element(json =>
            {
                json.WriteStartObject();
                foreach (JsonProperty item in server.EnumerateObject()
                    .Where(item => !own.TryGetProperty(item.Name, out _)).Concat(own.EnumerateObject()))
                {
                    item.WriteTo(json);
                }

                json.WriteEndObject();
            });
    }

    private static string? ParseEffort(JsonElement body)
    {
        const string name = "reasoning_effort";
        string? effort = Fields.GetString(body, name);
        return effort is null || _efforts.Contains(effort, StringComparer.Ordinal)
            ? effort
            : throw ApiException.BadRequest($"{name}: must be one of {string.Join(", ", _efforts)}.", name);
    }

    // A template is a program of the client's: it runs only where the operator said so.
    private static string? ParseTemplate(JsonElement body, ServerOptions options)
    {
        const string name = "chat_template";
        string? template = Fields.GetString(body, name);
        return template is null || options.TrustRequestChatTemplate
            ? template
            : throw ApiException.BadRequest(
                $"{name}: the server was not started with --trust-request-chat-template.", name);
    }

    private static string LastText(JsonElement messages)
    {
        JsonElement last = messages[messages.GetArrayLength() - 1];
        return Fields.TryGet(last, "content", out JsonElement content) && content.ValueKind == JsonValueKind.String
            ? content.GetString()!
            : "";
    }
}
