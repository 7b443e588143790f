using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Engine.Chat;

/// <summary>Formats of structural tags, as JSON.</summary>
internal static class TagJson
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JsonObject Text(string value) => Format("const_string", "value", JsonValue.Create(value));

    public static JsonObject Schema(JsonNode schema) => Format("json_schema", "json_schema", schema);

    public static JsonObject Regex(string pattern) => Format("regex", "pattern", JsonValue.Create(pattern));

    public static JsonObject Grammar(string text) => Format("grammar", "grammar", JsonValue.Create(text));

    public static JsonObject FreeText(params string[] excludes) =>
        Format("any_text", "excludes", new JsonArray([.. excludes.Select(text => JsonValue.Create(text))]));

    public static JsonObject Sequence(IEnumerable<JsonNode> elements) =>
        Format("sequence", "elements", new JsonArray([.. elements]));

    public static JsonObject Or(IEnumerable<JsonNode> elements) =>
        Format("or", "elements", new JsonArray([.. elements]));

    public static JsonObject Optional(JsonNode content) => Format("optional", "content", content);

    public static JsonObject Tag(string begin, JsonNode content, string end) =>
        new() { ["begin"] = begin, ["content"] = content, ["end"] = end };

    public static JsonObject Star(JsonNode content) => Format("star", "content", content);

    /// <summary>At least one of some tags, with text between them.</summary>
    public static JsonObject Tags(IEnumerable<JsonNode> tags, string separator, bool oneAlone) => new()
    {
        ["type"] = "tags_with_separator",
        ["tags"] = new JsonArray([.. tags]),
        ["separator"] = separator,
        ["at_least_one"] = true,
        ["stop_after_first"] = oneAlone,
    };

    /// <summary>Free text in which a trigger, once complete, becomes one of its tags.</summary>
    public static JsonObject Triggered(
        IEnumerable<string> triggers, IEnumerable<JsonNode> tags, IEnumerable<string> excludes, bool stopsAfterFirst)
    {
        var format = new JsonObject
        {
            ["type"] = "triggered_tags",
            ["triggers"] = new JsonArray([.. triggers.Select(text => JsonValue.Create(text))]),
            ["tags"] = new JsonArray([.. tags]),
            ["stop_after_first"] = stopsAfterFirst,
        };
        JsonNode[] excluded = [.. excludes.Select(text => JsonValue.Create(text))];
        if (excluded.Length > 0)
        {
            format["excludes"] = new JsonArray(excluded);
        }

        return format;
    }

    /// <summary>The structural tag that is a format.</summary>
    public static string Whole(JsonNode format) => Spell(new JsonObject { ["format"] = format });

    /// <summary>JSON text with no more escapes than it needs.</summary>
    public static string Spell(JsonNode node)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Plain))
        {
            node.WriteTo(writer);
        }

        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    private static JsonObject Format(string type, string name, JsonNode? value) =>
        new() { ["type"] = type, [name] = value };
}
