using System.Text.Json;
using System.Text.RegularExpressions;

namespace Engine.Server.Tests.Support;

/// <summary>
/// The part of JSON Schema 2020-12 that the wire schemas use: type, const, enum, properties, required,
/// additionalProperties, items, minItems, maxItems, anyOf, oneOf, allOf, minimum, maximum, minLength, pattern,
/// $ref to $defs.
/// Another keyword is an error of the test, not ignored.
/// </summary>
internal static class SchemaCheck
{
    private static readonly HashSet<string> _annotations = ["$schema", "$id", "title", "description", "$defs"];

    /// <summary>The first disagreement, or null.</summary>
    public static string? Find(JsonElement schema, JsonElement value) => Find(schema, value, schema, "$");

    private static string? Find(JsonElement schema, JsonElement value, JsonElement root, string path)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return schema.GetBoolean() ? null : $"{path}: nothing is allowed here";
        }

        foreach (JsonProperty keyword in schema.EnumerateObject())
        {
            if (!_annotations.Contains(keyword.Name)
                && FindOne(keyword, schema, value, root, path) is { } problem)
            {
                return problem;
            }
        }

        return null;
    }

    private static string? FindOne(
        JsonProperty keyword, JsonElement schema, JsonElement value, JsonElement root, string path)
    {
        JsonElement rule = keyword.Value;
        string? Problem(bool isFine) =>
            isFine ? null : $"{path}: {keyword.Name} {rule.GetRawText()} against {value.GetRawText()}";
        return keyword.Name switch
        {
            "type" => Problem(rule.ValueKind == JsonValueKind.Array
                ? rule.EnumerateArray().Any(type => IsType(type.GetString()!, value))
                : IsType(rule.GetString()!, value)),
            "const" => Problem(JsonElement.DeepEquals(rule, value)),
            "enum" => Problem(rule.EnumerateArray().Any(item => JsonElement.DeepEquals(item, value))),
            "required" => Problem(value.ValueKind != JsonValueKind.Object
                || rule.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _))),
            "properties" => Members(rule, value, root, path),
            "additionalProperties" => Additional(rule, schema, value, root, path),
            "items" => Items(rule, value, root, path),
            "minItems" => Problem(value.ValueKind != JsonValueKind.Array || value.GetArrayLength() >= rule.GetInt32()),
            "maxItems" => Problem(value.ValueKind != JsonValueKind.Array || value.GetArrayLength() <= rule.GetInt32()),
            "anyOf" => Problem(rule.EnumerateArray().Any(option => Find(option, value, root, path) is null)),
            "oneOf" => Problem(rule.EnumerateArray().Count(option => Find(option, value, root, path) is null) == 1),
            "allOf" => rule.EnumerateArray().Select(option => Find(option, value, root, path))
                .FirstOrDefault(problem => problem is not null),
            "minimum" => Problem(value.ValueKind != JsonValueKind.Number || value.GetDouble() >= rule.GetDouble()),
            "maximum" => Problem(value.ValueKind != JsonValueKind.Number || value.GetDouble() <= rule.GetDouble()),
            "minLength" => Problem(value.ValueKind != JsonValueKind.String
                || value.GetString()!.Length >= rule.GetInt32()),
            "pattern" => Problem(value.ValueKind != JsonValueKind.String
                || Regex.IsMatch(value.GetString()!, rule.GetString()!, RegexOptions.NonBacktracking)),
            "$ref" => Find(root.GetProperty("$defs").GetProperty(rule.GetString()!["#/$defs/".Length..]), value, root, path),
            _ => throw new NotSupportedException($"schema keyword {keyword.Name}"),
        };
    }

    private static bool IsType(string type, JsonElement value) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && value.GetDouble() == Math.Floor(value.GetDouble()),
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        _ => throw new NotSupportedException($"schema type {type}"),
    };

    private static string? Members(JsonElement rule, JsonElement value, JsonElement root, string path)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        return rule.EnumerateObject()
            .Where(member => value.TryGetProperty(member.Name, out _))
            .Select(member => Find(member.Value, value.GetProperty(member.Name), root, $"{path}.{member.Name}"))
            .FirstOrDefault(problem => problem is not null);
    }

    private static string? Additional(
        JsonElement rule, JsonElement schema, JsonElement value, JsonElement root, string path)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        bool isNamed(string name) =>
            schema.TryGetProperty("properties", out JsonElement named) && named.TryGetProperty(name, out _);
        return value.EnumerateObject().Where(member => !isNamed(member.Name))
            .Select(member => Find(rule, member.Value, root, $"{path}.{member.Name}"))
            .FirstOrDefault(problem => problem is not null);
    }

    private static string? Items(JsonElement rule, JsonElement value, JsonElement root, string path)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        return value.EnumerateArray().Select((item, i) => Find(rule, item, root, $"{path}[{i}]"))
            .FirstOrDefault(problem => problem is not null);
    }
}
