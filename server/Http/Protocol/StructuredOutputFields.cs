using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Protocol;

/// <summary>response_format and structured_outputs: checked; what needs a grammar is refused by name.</summary>
internal static class StructuredOutputFields
{
    private static readonly string[] _kinds =
        ["json", "regex", "choice", "grammar", "json_object", "structural_tag"];

    private static readonly string[] _olderNames =
        ["guided_json", "guided_regex", "guided_choice", "guided_grammar"];

    /// <summary>True if the body constrains the output in any way.</summary>
    public static bool IsConstrained(JsonElement body) =>
        Fields.TryGet(body, "structured_outputs", out _)
        || _olderNames.Any(name => Fields.TryGet(body, name, out _))
        || (Fields.TryGet(body, "response_format", out JsonElement format)
            && format.ValueKind == JsonValueKind.Object && Fields.GetString(format, "type") != "text");

    /// <summary>Throws unless the output is unconstrained.</summary>
    public static void Check(JsonElement body)
    {
        CheckResponseFormat(body);
        if (Fields.GetObject(body, "structured_outputs") is { } structured)
        {
            string[] given = [.. _kinds.Where(kind => Fields.TryGet(structured, kind, out _))];
            if (given.Length != 1)
            {
                throw ApiException.BadRequest(
                    $"structured_outputs: exactly one of {string.Join(", ", _kinds)} is needed, "
                    + $"found {given.Length}.", "structured_outputs");
            }

            throw NotHere("structured_outputs");
        }

        foreach (string name in _olderNames)
        {
            if (Fields.TryGet(body, name, out _))
            {
                throw NotHere(name);
            }
        }
    }

    private static void CheckResponseFormat(JsonElement body)
    {
        const string name = "response_format";
        if (Fields.GetObject(body, name) is not { } format)
        {
            return;
        }

        string? type = Fields.TryGet(format, "type", out JsonElement value)
            && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        switch (type)
        {
            case "text":
                return;
            case "json_object" or "structural_tag":
                throw NotHere(name);
            case "json_schema":
                CheckJsonSchema(format);
                throw NotHere(name);
            default:
                throw ApiException.BadRequest(
                    "response_format.type: must be text, json_object, json_schema or structural_tag.", name);
        }
    }

    private static void CheckJsonSchema(JsonElement format)
    {
        const string name = "response_format";
        if (!Fields.TryGet(format, "json_schema", out JsonElement schema)
            || schema.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.BadRequest("response_format.json_schema: an object is needed.", name);
        }

        if (!Fields.TryGet(schema, "name", out JsonElement title) || title.ValueKind != JsonValueKind.String)
        {
            throw ApiException.BadRequest("response_format.json_schema.name: a string is needed.", name);
        }
    }

    private static ApiException NotHere(string name) => ApiException.BadRequest(
        $"{name}: constrained output is not available in this build.", name);
}
