using System.Text.Json;
using Engine.Grammar;
using Engine.Sampling;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Protocol;

/// <summary>response_format and structured_outputs: what the output has to look like.</summary>
internal static class StructuredOutputFields
{
    private static readonly string[] _olderNames =
        ["guided_json", "guided_regex", "guided_choice", "guided_grammar", "guided_json_object"];

    /// <summary>True if the body constrains the output in any way.</summary>
    public static bool IsConstrained(JsonElement body) =>
        Fields.TryGet(body, "structured_outputs", out _)
        || _olderNames.Any(name => Fields.TryGet(body, name, out _))
        || (Fields.TryGet(body, "response_format", out JsonElement format)
            && format.ValueKind == JsonValueKind.Object
            && Fields.GetString(format, "type", "response_format") != "text");

    /// <summary>The parameters with response_format or an older guided_ field; structured_outputs is there.</summary>
    /// <exception cref="ApiException">400 naming the field.</exception>
    public static SamplingParams Apply(JsonElement body, SamplingParams sampling)
    {
        foreach (string name in _olderNames)
        {
            if (ReadOlder(body, name) is { } older)
            {
                sampling = Add(sampling, older, name);
            }
        }

        if (ReadResponseFormat(body) is { } outputs)
        {
            sampling = Add(sampling, outputs, "response_format");
        }

        return ApplyWhitespace(body, sampling);
    }

    /// <summary>guided_whitespace_pattern, which says how another field's JSON is spaced.</summary>
    private static SamplingParams ApplyWhitespace(JsonElement body, SamplingParams sampling)
    {
        const string name = "guided_whitespace_pattern";
        return Fields.GetString(body, name) is not { } pattern || sampling.StructuredOutputs is not { } constrained
            ? sampling
            : Add(sampling with { StructuredOutputs = null }, constrained with { WhitespacePattern = pattern }, name);
    }

    private static SamplingParams Add(SamplingParams sampling, StructuredOutputs outputs, string name)
    {
        if (sampling.StructuredOutputs is not null)
        {
            throw ApiException.BadRequest(
                $"structured_outputs: {name} and another field both say what the output looks like.",
                "structured_outputs");
        }

        try
        {
            new SamplingParams { StructuredOutputs = outputs }.Validate(int.MaxValue);
        }
        catch (EngineException e)
        {
            throw ApiException.BadRequest($"{name}: {e.Message}", name);
        }

        return sampling with { StructuredOutputs = outputs };
    }

    /// <summary>vLLM's older fields, from before structured_outputs.</summary>
    private static StructuredOutputs? ReadOlder(JsonElement body, string name)
    {
        if (!Fields.TryGet(body, name, out JsonElement value))
        {
            return null;
        }

        return name switch
        {
            "guided_json" => new StructuredOutputs { Json = TextOrJson(value) },
            "guided_regex" => new StructuredOutputs { Regex = Text(name, value) },
            "guided_grammar" => new StructuredOutputs { Grammar = Text(name, value) },
            "guided_json_object" => value.ValueKind == JsonValueKind.False
                ? null
                : value.ValueKind == JsonValueKind.True
                    ? new StructuredOutputs { JsonObject = true }
                    : throw ApiException.BadRequest($"{name}: a truth value is needed.", name),
            _ => value.ValueKind == JsonValueKind.Array
                ? new StructuredOutputs { Choice = [.. value.EnumerateArray().Select(one => Text(name, one))] }
                : throw ApiException.BadRequest($"{name}: a list of strings is needed.", name),
        };
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
                return format.TryGetProperty("schema", out JsonElement own) && own.ValueKind != JsonValueKind.Null
                    ? new StructuredOutputs { Json = own.GetRawText() }
                    : new StructuredOutputs { JsonObject = true };
            case "grammar":
                return new StructuredOutputs
                {
                    Grammar = Fields.GetString(format, "grammar")
                        ?? throw ApiException.BadRequest("response_format.grammar: a string is needed.", name),
                };
            case "structural_tag":
                return new StructuredOutputs { StructuralTag = format.GetRawText() };
            case "json_schema":
                CheckJsonSchema(format);
                return Fields.TryGet(format.GetProperty("json_schema"), "schema", out JsonElement schema)
                    ? new StructuredOutputs { Json = schema.GetRawText() }
                    : new StructuredOutputs { JsonObject = true };
            default:
                throw ApiException.BadRequest(
                    "response_format.type: must be text, json_object, json_schema, structural_tag or grammar.", name);
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

    private static string TextOrJson(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    private static string Text(string name, JsonElement value) => value.ValueKind == JsonValueKind.String
        ? value.GetString()!
        : throw ApiException.BadRequest($"{name}: a string is needed.", name);
}
