using System.Text.Json;
using Engine.Tokenization.Templating;

namespace Engine.Chat;

/// <summary>Contents of messages that are lists of parts, as [{"type": "text", "text": "Hi"}].</summary>
public static class ContentParts
{
    private const int MaxDepth = 128;

    /// <summary>True for a template that walks over the parts; one that prints the content wants one text.</summary>
    public static bool AreTakenBy(ChatTemplate template)
    {
        ArgumentNullException.ThrowIfNull(template);
        return template.Source.Contains("in message.content", StringComparison.Ordinal)
            || template.Source.Contains("in message['content']", StringComparison.Ordinal)
            || template.Source.Contains("in message[\"content\"]", StringComparison.Ordinal)
            || template.Source.Contains("in content", StringComparison.Ordinal);
    }

    /// <summary>Where a part of this type keeps its text; null for an unknown type.</summary>
    public static string? TextMember(string partType) => partType switch
    {
        "text" or "input_text" or "output_text" => "text",
        "refusal" => "refusal",
        "thinking" => "thinking",
        _ => null,
    };

    /// <summary>Messages whose contents are one text each, as vLLM has it: the parts joined by newlines.</summary>
    /// <param name="messages">A list of messages.</param>
    /// <exception cref="EngineException">InvalidArgument: a part is no text.</exception>
    public static JsonElement Flatten(JsonElement messages)
    {
        if (!messages.EnumerateArray().Any(HasParts))
        {
            return messages;
        }

        using MemoryStream text = new();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartArray();
            foreach (JsonElement message in messages.EnumerateArray())
            {
                WriteMessage(json, message);
            }

            json.WriteEndArray();
        }

        using JsonDocument document = JsonDocument.Parse(
            text.ToArray(), new JsonDocumentOptions { MaxDepth = MaxDepth });
        return document.RootElement.Clone();
    }

    private static bool HasParts(JsonElement message) =>
        message.ValueKind == JsonValueKind.Object
        && message.TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.Array;

    private static void WriteMessage(Utf8JsonWriter json, JsonElement message)
    {
        if (!HasParts(message))
        {
            message.WriteTo(json);
            return;
        }

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

        string? type = part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out JsonElement name)
            && name.ValueKind == JsonValueKind.String
                ? name.GetString()
                : null;
        return type is not null && TextMember(type) is string member
            && part.TryGetProperty(member, out JsonElement text) && text.ValueKind == JsonValueKind.String
                ? text.GetString()!
                : throw EngineException.Invalid(
                    "messages", $"the model takes text alone; a content part is {type ?? "of no type"}");
    }
}
