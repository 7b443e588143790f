using System.Text.Json;
using Engine.Grammar;
using Engine.Sampling;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Protocol;

/// <summary>response_format and structured_outputs: what the output has to look like.</summary>
internal static class StructuredOutputFields
{
    private static readonly string[] _olderNames =
        ["guided_json", "guided_regex", "guided_choice", "guided_grammar"];

    /// <summary>True if the body constrains the output in any way.</summary>
    public static bool IsConstrained(JsonElement body) =>
        Fields.TryGet(body, "structured_outputs", out _)
        || _olderNames.Any(name => Fields.TryGet(body, name, out _))
        || (Fields.TryGet(body, "response_format", out JsonElement format)
            && format.ValueKind == JsonValueKind.Object && Fields.GetString(format, "type") != "text");

    /// <summary>The parameters with response_format in them; structured_outputs is there already.</summary>
    /// <exception cref="ApiException">400 naming the field.</exception>
    public static SamplingParams Apply(JsonElement body, SamplingParams sampling)
    {
        foreach (string name in _olderNames)
        {
            if (Fields.TryGet(body, name, out _))
            {
                throw NotHere(name);
            }
        }

        if (ReadResponseFormat(body) is not { } outputs)
        {
            return sampling;
        }

        if (sampling.StructuredOutputs is not null)
        {
            throw ApiException.BadRequest(
                "structured_outputs: response_format says already what the output looks like.",
                "structured_outputs");
        }

        try
        {
            new SamplingParams { StructuredOutputs = outputs }.Validate(int.MaxValue);
        }
        catch (EngineException e)
        {
            throw ApiException.BadRequest($"response_format: {e.Message}", "response_format");
        }

        return sampling with { StructuredOutputs = outputs };
    }

    private static StructuredOutputs? ReadResponseFormat(JsonElement body)
    {
        const string name = "response_format";
        if (Fields.GetObject(body, name) is not { } format)
        {
            return null;
        }

        string? type = Fields.TryGet(format, "type", out JsonElement value)
            && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        switch (type)
        {
            case "text":
                return null;
            case "json_object":
                return new StructuredOutputs { JsonObject = true };
            case "structural_tag":
                throw NotHere(name);
            case "json_schema":
                CheckJsonSchema(format);
                return format.GetProperty("json_schema").TryGetProperty("schema", out JsonElement schema)
                    ? new StructuredOutputs { Json = schema.GetRawText() }
                    : new StructuredOutputs { JsonObject = true };
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
        $"{name}: not available in this build; use structured_outputs.", name);
}
