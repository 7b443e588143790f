using System.Text.Json;
using Engine.Server.Http.Json;
using Engine.Server.Terminal;

namespace Engine.Server.Http.Protocol;

/// <summary>Turns a body of /v1/responses into one of /v1/chat/completions.</summary>
internal static class ResponsesRequest
{
    // What is read here, or means nothing to a server that keeps no responses; sampling parameters go on.
    private static readonly string[] _own =
    [
        "input", "instructions", "max_output_tokens", "tools", "tool_choice", "text", "reasoning", "metadata", "store",
        "truncation", "include", "background", "previous_response_id", "conversation", "prompt", "service_tier",
        "top_logprobs", "stream_options", "max_tool_calls", "safety_identifier", "prompt_cache_key", "max_tokens",
    ];

    /// <summary>The chat body; the caller disposes it.</summary>
    /// <param name="body">A body of /v1/responses.</param>
    /// <param name="items">All items where responses are kept, those of earlier ones included; else null.</param>
    /// <exception cref="ApiException">400 naming the field.</exception>
    public static JsonDocument ToChat(JsonElement body, JsonElement? items = null)
    {
        RefuseState(body, items is not null);
        PassiveFields.CheckResponses(body);
        if (!Fields.TryGet(body, "input", out JsonElement input))
        {
            throw ApiException.BadRequest("input: is needed.", "input");
        }

        return JsonText.Document(json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("messages");
            if (Fields.GetString(body, "instructions") is { } instructions)
            {
                json.WriteStartObject();
                json.WriteString("role", "system");
                json.WriteString("content", instructions);
                json.WriteEndObject();
            }

            ResponsesInput.Write(json, items ?? input);
            json.WriteEndArray();
            WriteTools(json, body);
            WriteFormat(json, body);
            if (Fields.GetObject(body, "reasoning") is { } reasoning
                && Fields.GetString(reasoning, "effort") is { } effort)
            {
                json.WriteString("reasoning_effort", effort);
            }

            if (Fields.GetInt(body, "max_output_tokens") is { } limit)
            {
                json.WriteNumber("max_tokens", limit);
            }

            if (Fields.GetString(body, "truncation") == "auto" && !Fields.TryGet(body, "truncate_prompt_tokens", out _))
            {
                json.WriteNumber("truncate_prompt_tokens", -1);
            }

            foreach (JsonProperty property in body.EnumerateObject()
                .Where(property => !_own.Contains(property.Name, StringComparer.Ordinal)))
            {
                property.WriteTo(json);
            }

            json.WriteEndObject();
        });
    }

    /// <summary>The field of /v1/responses that one of the chat body was made of, where its name is another.</summary>
    public static string? FieldOf(string? param) => param switch
    {
        "messages" => "input",
        "max_tokens" => "max_output_tokens",
        "response_format" => "text",
        "reasoning_effort" => "reasoning",
        _ => null,
    };

    private static void RefuseState(JsonElement body, bool areKept)
    {
        foreach (string name in (string[])["previous_response_id", "conversation", "prompt"])
        {
            if (Fields.TryGet(body, name, out _) && !(areKept && name == "previous_response_id"))
            {
                throw ApiException.BadRequest(
                    areKept ? $"{name}: is not supported; previous_response_id is."
                    : $"{name}: the server keeps no responses (--enable-response-store); send the items again.",
                    name);
            }
        }

        foreach (string name in (string[])["previous_response", "previous_input_messages", "enable_response_messages"])
        {
            if (Fields.TryGet(body, name, out JsonElement value) && value.ValueKind != JsonValueKind.False)
            {
                throw ApiException.BadRequest($"{name}: is not supported.", name);
            }
        }

        if (Fields.GetBool(body, "background") is true && !(areKept && Fields.GetBool(body, "store") is not false))
        {
            throw ApiException.BadRequest(
                areKept ? "background: needs \"store\": true, for the response is read later."
                : "background: the server keeps no responses (--enable-response-store).",
                "background");
        }
    }

    private static void WriteTools(Utf8JsonWriter json, JsonElement body)
    {
        if (Fields.GetArray(body, "tools") is { } tools && tools.GetArrayLength() > 0)
        {
            json.WriteStartArray("tools");
            foreach (JsonElement tool in tools.EnumerateArray())
            {
                WriteTool(json, tool);
            }

            json.WriteEndArray();
        }

        if (!Fields.TryGet(body, "tool_choice", out JsonElement choice))
        {
            return;
        }

        json.WritePropertyName("tool_choice");
        if (choice.ValueKind == JsonValueKind.Object && Fields.GetString(choice, "type") == "allowed_tools")
        {
            WriteAllowed(json, choice);
        }
        else if (choice.ValueKind == JsonValueKind.Object && Fields.GetString(choice, "name") is { } name)
        {
            WriteName(json, name);
        }
        else
        {
            choice.WriteTo(json);
        }
    }

    // What stands beside the type here stands in an object of its own there.
    private static void WriteAllowed(Utf8JsonWriter json, JsonElement choice)
    {
        json.WriteStartObject();
        json.WriteString("type", "allowed_tools");
        json.WriteStartObject("allowed_tools");
        json.WriteString("mode", Fields.GetString(choice, "mode"));
        json.WriteStartArray("tools");
        foreach (JsonElement tool in Fields.GetArray(choice, "tools")?.EnumerateArray() ?? default)
        {
            WriteName(json, tool.ValueKind == JsonValueKind.Object ? Fields.GetString(tool, "name") : null);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteName(Utf8JsonWriter json, string? name)
    {
        json.WriteStartObject();
        json.WriteString("type", "function");
        json.WriteStartObject("function");
        json.WriteString("name", name);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteTool(Utf8JsonWriter json, JsonElement tool)
    {
        if (tool.ValueKind != JsonValueKind.Object || Fields.GetString(tool, "type") != "function")
        {
            throw ApiException.BadRequest("tools: functions alone are supported.", "tools");
        }

        json.WriteStartObject();
        json.WriteString("type", "function");
        json.WriteStartObject("function");
        foreach (JsonProperty property in tool.EnumerateObject()
            .Where(property => property.Name is "name" or "description" or "parameters" or "strict"
                && property.Value.ValueKind != JsonValueKind.Null))
        {
            property.WriteTo(json);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteFormat(Utf8JsonWriter json, JsonElement body)
    {
        if (Fields.GetObject(body, "text") is not { } text || Fields.GetObject(text, "format") is not { } format)
        {
            return;
        }

        json.WriteStartObject("response_format");
        json.WriteString("type", Fields.GetString(format, "type"));
        if (Fields.GetString(format, "type") == "json_schema")
        {
            json.WriteStartObject("json_schema");
            foreach (JsonProperty property in format.EnumerateObject().Where(property => property.Name != "type"))
            {
                property.WriteTo(json);
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
