using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Protocol;

/// <summary>Turns one of Anthropic's messages into those of OpenAI that say the same.</summary>
internal static class MessagesContent
{
    private const string Name = "messages";

    public static void Write(Utf8JsonWriter json, JsonElement message, int index)
    {
        if (message.ValueKind != JsonValueKind.Object)
        {
            throw Bad(index, "must be an object");
        }

        string? role = Fields.GetString(message, "role");
        if (role is not ("user" or "assistant" or "system"))
        {
            throw Bad(index, "role must be user or assistant");
        }

        if (!Fields.TryGet(message, "content", out JsonElement content))
        {
            throw Bad(index, "content is needed");
        }

        if (content.ValueKind == JsonValueKind.String)
        {
            json.WriteStartObject();
            json.WriteString("role", role);
            json.WriteString("content", content.GetString());
            json.WriteEndObject();
            return;
        }

        if (content.ValueKind != JsonValueKind.Array)
        {
            throw Bad(index, "content must be a string or a list of blocks");
        }

        JsonElement[] blocks = [.. content.EnumerateArray()];
        foreach (JsonElement result in blocks.Where(block => TypeOf(block, index) == "tool_result"))
        {
            WriteResult(json, result, index);
        }

        WriteBlocks(json, role, blocks, index);
    }

    /// <summary>A string, or the texts of a list of blocks.</summary>
    public static string TextOf(JsonElement content, string name)
    {
        if (content.ValueKind == JsonValueKind.String)
        {
            return content.GetString()!;
        }

        if (content.ValueKind != JsonValueKind.Array)
        {
            throw ApiException.BadRequest($"{name}: must be a string or a list of text blocks.", name);
        }

        return string.Join('\n', content.EnumerateArray().Select(block =>
            block.ValueKind == JsonValueKind.Object && Fields.GetString(block, "type") == "text"
                ? Fields.GetString(block, "text")
                    ?? throw ApiException.BadRequest($"{name}: a text block needs a text.", name)
                : throw ApiException.BadRequest($"{name}: the model takes text blocks alone.", name)));
    }

    private static void WriteResult(Utf8JsonWriter json, JsonElement result, int index)
    {
        json.WriteStartObject();
        json.WriteString("role", "tool");
        json.WriteString(
            "tool_call_id",
            Fields.GetString(result, "tool_use_id") ?? throw Bad(index, "a tool_result needs tool_use_id"));
        json.WriteString(
            "content", Fields.TryGet(result, "content", out JsonElement content) ? TextOf(content, Name) : "");
        json.WriteEndObject();
    }

    private static void WriteBlocks(Utf8JsonWriter json, string role, JsonElement[] blocks, int index)
    {
        string[] texts = [.. Of("text").Select(block => Fields.GetString(block, "text")
            ?? throw Bad(index, "a text block needs a text"))];
        JsonElement[] calls = [.. Of("tool_use")];
        string thought = string.Concat(Of("thinking").Select(block => Fields.GetString(block, "thinking")));
        if (texts.Length == 0 && calls.Length == 0 && thought.Length == 0 && Of("tool_result").Any())
        {
            return;
        }

        json.WriteStartObject();
        json.WriteString("role", role);
        json.WriteString("content", string.Join('\n', texts));
        if (thought.Length > 0)
        {
            json.WriteString("reasoning_content", thought);
        }

        if (calls.Length > 0)
        {
            json.WriteStartArray("tool_calls");
            foreach (JsonElement call in calls)
            {
                WriteCall(json, call, index);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();

        IEnumerable<JsonElement> Of(string type) => blocks.Where(block => TypeOf(block, index) == type);
    }

    private static void WriteCall(Utf8JsonWriter json, JsonElement call, int index)
    {
        json.WriteStartObject();
        json.WriteString("id", Fields.GetString(call, "id") ?? throw Bad(index, "a tool_use needs an id"));
        json.WriteString("type", "function");
        json.WriteStartObject("function");
        json.WriteString("name", Fields.GetString(call, "name") ?? throw Bad(index, "a tool_use needs a name"));
        json.WriteString("arguments", Fields.GetObject(call, "input")?.GetRawText() ?? "{}");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string TypeOf(JsonElement block, int index)
    {
        string? type = block.ValueKind == JsonValueKind.Object ? Fields.GetString(block, "type") : null;
        return type is "text" or "thinking" or "redacted_thinking" or "tool_use" or "tool_result"
            ? type
            : throw Bad(index, $"the model takes no block of type {type ?? "null"}");
    }

    private static ApiException Bad(int index, string message) =>
        ApiException.BadRequest($"messages[{index}]: {message}.", Name);
}
