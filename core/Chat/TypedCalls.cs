using System.Text.Json;
using System.Text.Json.Nodes;

namespace Engine.Chat;

/// <summary>
/// Calls of qwen3_coder and glm45, whose values are text or JSON by their declared type: held to schemas of plain
/// members alone.
/// </summary>
internal static class TypedCalls
{
    private static readonly string[] PlainKeys =
        ["type", "properties", "required", "additionalProperties", "description", "title", "$schema", "strict"];

    // Of a string that stands as it is, no more can be said.
    private static readonly string[] StringKeys = ["type", "enum", "description", "title", "default", "examples"];

    // What a parser takes for the end of a value.
    private static readonly string[] QwenMarks =
        ["</parameter>", "<parameter=", "<function=", "</function>", "<tool_call>", "</tool_call>"];

    private static readonly string[] GlmMarks =
        ["</arg_value>", "<arg_value>", "<arg_key>", "</arg_key>", "<tool_call>", "</tool_call>"];

    /// <summary>The tag of a call; null if the schema says more than the format can be held to.</summary>
    public static JsonObject? Call(string parser, JsonElement function) =>
        Marks(parser, function) is { } marks && Members(parser, function) is { } members
            ? TagJson.Tag(
                marks.Begin, members.Count == 0 ? TagJson.Text("") : TagJson.Sequence(members), marks.End)
            : null;

    /// <summary>The tag of a call with any arguments; null for another format.</summary>
    public static JsonObject? FreeCall(string parser, JsonElement function) =>
        Marks(parser, function) is { } marks ? TagJson.Tag(marks.Begin, TagJson.FreeText(marks.End), marks.End) : null;

    private static (string Begin, string End)? Marks(string parser, JsonElement function)
    {
        string name = function.GetProperty("name").GetString()!;
        return parser switch
        {
            "qwen3_coder" => ($"<tool_call>\n<function={name}>\n", "</function>\n</tool_call>"),
            "glm45" => ($"<tool_call>{name}\n", "</tool_call>"),
            _ => null,
        };
    }

    private static List<JsonNode>? Members(string parser, JsonElement function)
    {
        if (!function.TryGetProperty("parameters", out JsonElement schema) || schema.ValueKind != JsonValueKind.Object)
        {
            return [];
        }

        if (schema.EnumerateObject().Any(member => !PlainKeys.Contains(member.Name)))
        {
            return null;
        }

        string?[] required = schema.TryGetProperty("required", out JsonElement list)
            && list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray().Select(item => item.GetString())] : [];
        var members = new List<JsonNode>();
        var declared = new HashSet<string>(StringComparer.Ordinal);
        if (schema.TryGetProperty("properties", out JsonElement properties))
        {
            foreach (JsonProperty member in properties.EnumerateObject())
            {
                declared.Add(member.Name);
                if (Value(parser, member.Value) is not { } value)
                {
                    return null;
                }

                (string begin, string end) = parser == "glm45"
                    ? ($"<arg_key>{member.Name}</arg_key>\n<arg_value>", "</arg_value>\n")
                    : ($"<parameter={member.Name}>\n", "\n</parameter>\n");
                JsonNode whole = TagJson.Sequence([TagJson.Text(begin), value, TagJson.Text(end)]);
                members.Add(required.Contains(member.Name) ? whole : TagJson.Optional(whole));
            }
        }

        return required.All(name => declared.Contains(name!)) ? members : null;
    }

    private static JsonObject? Value(string parser, JsonElement schema)
    {
        if (schema.ValueKind != JsonValueKind.Object || !schema.TryGetProperty("type", out JsonElement type)
            || type.ValueKind != JsonValueKind.String
            || schema.GetRawText().Contains("\"$ref\"", StringComparison.Ordinal))
        {
            return null;
        }

        if (type.GetString() != "string")
        {
            return TagJson.Schema(JsonNode.Parse(schema.GetRawText())!);
        }

        if (schema.EnumerateObject().Any(member => !StringKeys.Contains(member.Name)))
        {
            return null;
        }

        return schema.TryGetProperty("enum", out JsonElement values)
            ? TagJson.Or(values.EnumerateArray().Select(value => TagJson.Text(value.GetString() ?? "")))
            : TagJson.FreeText(parser == "glm45" ? GlmMarks : QwenMarks);
    }
}
