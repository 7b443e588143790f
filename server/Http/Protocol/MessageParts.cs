using System.Text.Json;
using Engine.Server.Http.Json;
using Engine.Server.Terminal;

namespace Engine.Server.Http.Protocol;

/// <summary>Turns contents that are lists of text parts into one text, as vLLM does: joined by newlines.</summary>
internal static class MessageParts
{
    public static JsonElement Flatten(JsonElement messages)
    {
        if (!messages.EnumerateArray().Any(HasParts))
        {
            return messages;
        }

        string text = JsonText.Write(json =>
        {
            json.WriteStartArray();
            foreach (JsonElement message in messages.EnumerateArray())
            {
                WriteMessage(json, message);
            }

            json.WriteEndArray();
        });
        using JsonDocument document = JsonDocument.Parse(
            text, new JsonDocumentOptions { MaxDepth = StrictJson.MaxDepth });
        return document.RootElement.Clone();
    }

    private static bool HasParts(JsonElement message) =>
        message.TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.Array;

    private static void WriteMessage(Utf8JsonWriter json, JsonElement message)
    {
        json.WriteStartObject();
        foreach (JsonProperty property in message.EnumerateObject())
        {
            if (property.Name == "content" && property.Value.ValueKind == JsonValueKind.Array)
            {
                json.WriteString("content", string.Join('\n', property.Value.EnumerateArray().Select(TextOf)));
            }
            else
            {
                property.WriteTo(json);
            }
        }

        json.WriteEndObject();
    }

    private static string TextOf(JsonElement part)
    {
        if (part.ValueKind == JsonValueKind.String)
        {
            return part.GetString()!;
        }

        string name = MessageFields.TextMember(part.GetProperty("type").GetString()!)!;
        return part.GetProperty(name).GetString()!;
    }
}
