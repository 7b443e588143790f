using System.Text.Json;
using Engine.Server.Http.Json;
using Engine.Server.Terminal;

namespace Engine.Server.Http.Protocol;

/// <summary>Turns a body of /v1/messages into one of /v1/chat/completions.</summary>
internal static class MessagesRequest
{
    // What is read here, or means nothing; sampling parameters beyond Anthropic's go on as they are.
    private static readonly string[] _own =
    [
        "messages", "system", "tools", "tool_choice", "stop_sequences", "thinking", "metadata", "service_tier",
        "container", "mcp_servers", "output_config", "output_format", "betas",
    ];

    /// <summary>The chat body; the caller disposes it.</summary>
    /// <param name="body">Anthropic's form.</param>
    /// <param name="needsMaxTokens">max_tokens has to be there.</param>
    /// <param name="countsThoughts">The model's thoughts can be held to a budget; else one is checked and left.</param>
    /// <exception cref="ApiException">400 naming the field.</exception>
    public static JsonDocument ToChat(JsonElement body, bool needsMaxTokens, bool countsThoughts)
    {
        if (needsMaxTokens && Fields.GetInt(body, "max_tokens") is null)
        {
            throw ApiException.BadRequest("max_tokens: is needed.", "max_tokens");
        }

        PassiveFields.CheckMessages(body);
        JsonElement messages = Fields.GetArray(body, "messages")
            ?? throw ApiException.BadRequest("messages: a list is needed.", "messages");
        return JsonText.Document(json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("messages");
            WriteSystem(json, body);
            int index = 0;
            foreach (JsonElement message in messages.EnumerateArray())
            {
                MessagesContent.Write(json, message, index++);
            }

            json.WriteEndArray();
            WriteTools(json, body);
            WriteChoice(json, body);
            WriteThinking(json, body, countsThoughts);
            WriteFormat(json, body);
            if (Fields.GetArray(body, "stop_sequences") is { } stop)
            {
                json.WritePropertyName("stop");
                stop.WriteTo(json);
            }

            foreach (JsonProperty property in body.EnumerateObject()
                .Where(property => !_own.Contains(property.Name, StringComparer.Ordinal)))
            {
                property.WriteTo(json);
            }

            json.WriteEndObject();
        });
    }

    /// <summary>The field of /v1/messages that one of the chat body was made of, where its name is another.</summary>
    public static string? FieldOf(string? param) => param switch
    {
        "stop" => "stop_sequences",
        "response_format" => "output_config",
        "tool_choice.function.name" => "tool_choice",
        "thinking_token_budget" => "thinking",
        _ => null,
    };

    private static void WriteSystem(Utf8JsonWriter json, JsonElement body)
    {
        if (!Fields.TryGet(body, "system", out JsonElement system))
        {
            return;
        }

        json.WriteStartObject();
        json.WriteString("role", "system");
        json.WriteString("content", MessagesContent.TextOf(system, "system"));
        json.WriteEndObject();
    }

    private static void WriteTools(Utf8JsonWriter json, JsonElement body)
    {
        if (Fields.GetArray(body, "tools") is not { } tools || tools.GetArrayLength() == 0)
        {
            return;
        }

        json.WriteStartArray("tools");
        foreach (JsonElement tool in tools.EnumerateArray())
        {
            if (tool.ValueKind != JsonValueKind.Object || !Fields.TryGet(tool, "input_schema", out JsonElement schema))
            {
                throw ApiException.BadRequest(
                    "tools: each needs a name and an input_schema; tools that the server runs are not supported.",
                    "tools");
            }

            json.WriteStartObject();
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            json.WriteString("name", Fields.GetString(tool, "name", "tools"));
            if (Fields.GetString(tool, "description", "tools") is { } description)
            {
                json.WriteString("description", description);
            }

            if (Fields.GetBool(tool, "strict", "tools") is { } strict)
            {
                json.WriteBoolean("strict", strict);
            }

            json.WritePropertyName("parameters");
            schema.WriteTo(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteChoice(Utf8JsonWriter json, JsonElement body)
    {
        const string name = "tool_choice";
        if (Fields.GetObject(body, name) is not { } choice)
        {
            return;
        }

        switch (Fields.GetString(choice, "type", name))
        {
            case "auto":
                json.WriteString(name, "auto");
                break;
            case "any":
                json.WriteString(name, "required");
                break;
            case "none":
                json.WriteString(name, "none");
                break;
            case "tool":
                json.WriteStartObject(name);
                json.WriteString("type", "function");
                json.WriteStartObject("function");
                json.WriteString("name", Fields.GetString(choice, "name", name));
                json.WriteEndObject();
                json.WriteEndObject();
                break;
            default:
                throw ApiException.BadRequest("tool_choice.type: must be auto, any, tool or none.", name);
        }

        if (Fields.GetBool(choice, "disable_parallel_tool_use") ?? false)
        {
            json.WriteBoolean("parallel_tool_calls", false);
        }
    }

    // output_format is the older place of output_config.format.
    private static void WriteFormat(Utf8JsonWriter json, JsonElement body)
    {
        if ((Fields.GetObject(body, "output_config") is { } config ? Fields.GetObject(config, "format") : null)
            is not { } format)
        {
            if (Fields.GetObject(body, "output_format") is not { } older)
            {
                return;
            }

            format = older;
        }

        if (Fields.GetString(format, "type") != "json_schema" || Fields.GetObject(format, "schema") is not { } schema)
        {
            throw ApiException.BadRequest("output_config.format: must be a json_schema with a schema.", "output_config");
        }

        json.WriteStartObject("response_format");
        json.WriteString("type", "json_schema");
        json.WriteStartObject("json_schema");
        json.WriteString("name", "output");
        json.WritePropertyName("schema");
        schema.WriteTo(json);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    // Templates know the switch by one of these names; others ignore it.
    private static void WriteThinking(Utf8JsonWriter json, JsonElement body, bool countsThoughts)
    {
        if (Fields.GetObject(body, "thinking") is not { } thinking)
        {
            return;
        }

        bool isEnabled = Fields.GetString(thinking, "type") switch
        {
            "enabled" or "adaptive" => true,
            "disabled" => false,
            _ => throw ApiException.BadRequest(
                "thinking.type: must be enabled, adaptive or disabled.", "thinking"),
        };
        if (isEnabled && Fields.GetInt(thinking, "budget_tokens", "thinking") is { } budget)
        {
            if (budget < 1)
            {
                throw ApiException.BadRequest("thinking.budget_tokens: must be 1 or more.", "thinking");
            }

            if (countsThoughts)
            {
                json.WriteNumber("thinking_token_budget", budget);
            }
        }

        json.WriteBoolean("include_reasoning", isEnabled);
        json.WriteStartObject("chat_template_kwargs");
        json.WriteBoolean("enable_thinking", isEnabled);
        json.WriteBoolean("thinking", isEnabled);
        json.WriteEndObject();
    }
}
