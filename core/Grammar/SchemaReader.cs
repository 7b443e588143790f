using System.Text.Json;

namespace Engine.Grammar;

/// <summary>Reads schema objects into <see cref="SchemaParts"/>; every keyword is enforced, inert, or refused.</summary>
internal sealed class SchemaReader
{
    private static readonly HashSet<string> Annotations =
    [
        "title", "description", "default", "examples", "$comment", "$schema", "deprecated", "readOnly",
        "writeOnly", "$defs", "definitions", "contentMediaType", "contentEncoding", "contentSchema", "example",
        "discriminator", "nullable", "externalDocs", "xml",
    ];

    // Keywords that no network of bytes is made for here, and the types they concern.
    private static readonly Dictionary<string, JsonTypes> NotEnforced = new()
    {
        ["multipleOf"] = JsonTypes.Number | JsonTypes.Integer,
        ["uniqueItems"] = JsonTypes.Array,
        ["contains"] = JsonTypes.Array,
        ["minContains"] = JsonTypes.None,
        ["maxContains"] = JsonTypes.None,
        ["unevaluatedItems"] = JsonTypes.Array,
        ["minProperties"] = JsonTypes.Object,
        ["maxProperties"] = JsonTypes.Object,
        ["dependentRequired"] = JsonTypes.Object,
        ["dependentSchemas"] = JsonTypes.Object,
        ["dependencies"] = JsonTypes.Object,
        ["unevaluatedProperties"] = JsonTypes.Object,
        ["not"] = JsonTypes.All | JsonTypes.Integer,
        ["if"] = JsonTypes.All | JsonTypes.Integer,
        ["then"] = JsonTypes.None,
        ["else"] = JsonTypes.None,
        ["$dynamicRef"] = JsonTypes.All | JsonTypes.Integer,
        ["$recursiveRef"] = JsonTypes.All | JsonTypes.Integer,
        ["$anchor"] = JsonTypes.All | JsonTypes.Integer,
        ["$dynamicAnchor"] = JsonTypes.All | JsonTypes.Integer,
        ["$recursiveAnchor"] = JsonTypes.All | JsonTypes.Integer,
        ["$id"] = JsonTypes.All | JsonTypes.Integer,
        ["$vocabulary"] = JsonTypes.All | JsonTypes.Integer,
    };

    private readonly JsonElement _root;
    private readonly string _field;
    private readonly bool _isDraft7;

    public SchemaReader(JsonElement root, string field)
    {
        _root = root;
        _field = field;
        _isDraft7 = root.ValueKind == JsonValueKind.Object
            && root.TryGetProperty("$schema", out JsonElement dialect)
            && dialect.ValueKind == JsonValueKind.String
            && dialect.GetString()!.Contains("draft-0", StringComparison.Ordinal);
    }

    /// <summary>Adds what a schema says.</summary>
    /// <param name="parts">Takes it.</param>
    /// <param name="schema">The schema.</param>
    /// <param name="references">References being followed, to find loops.</param>
    public void Add(SchemaParts parts, JsonElement schema, IReadOnlyList<string> references)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            parts.Types = schema.ValueKind == JsonValueKind.True ? parts.Types : JsonTypes.None;
            return;
        }

        if (schema.ValueKind != JsonValueKind.Object)
        {
            throw Error("a schema is an object or a truth value");
        }

        if (references.Count > 64)
        {
            throw Error("references or allOf are nested too deeply");
        }

        bool onlyReference = _isDraft7 && schema.TryGetProperty("$ref", out _);
        foreach (JsonProperty item in schema.EnumerateObject())
        {
            if (!onlyReference || item.Name == "$ref")
            {
                AddKeyword(parts, item.Name, item.Value, references);
            }
        }

        if (!onlyReference)
        {
            AddObject(parts, schema);
            AddArray(parts, schema);
        }
    }

    private void AddKeyword(
        SchemaParts parts, string name, JsonElement value, IReadOnlyList<string> references)
    {
        switch (name)
        {
            case "$ref":
                string reference = Text(name, value);
                if (references.Contains(reference))
                {
                    throw Error($"$ref {reference} refers to itself");
                }

                Add(parts, Resolve(reference), [.. references, reference]);
                break;
            case "allOf":
                foreach (JsonElement each in List(name, value, atLeastOne: true))
                {
                    Add(parts, each, [.. references, "allOf"]);
                }

                break;
            case "anyOf" or "oneOf":
                parts.Choices.Add((name, [.. List(name, value, atLeastOne: true)]));
                break;
            case "type":
                AddType(parts, value);
                break;
            case "enum":
                Intersect(parts, [.. List(name, value, atLeastOne: true)]);
                break;
            case "const":
                Intersect(parts, [value]);
                break;
            default:
                AddLimit(parts, name, value);
                break;
        }
    }

    private void AddLimit(SchemaParts parts, string name, JsonElement value)
    {
        switch (name)
        {
            case "minimum" or "exclusiveMinimum":
                parts.AtLeast(Number(name, value), name[0] == 'e');
                break;
            case "maximum" or "exclusiveMaximum":
                parts.AtMost(Number(name, value), name[0] == 'e');
                break;
            case "minLength":
                parts.MinLength = Math.Max(parts.MinLength, Count(name, value));
                break;
            case "maxLength":
                parts.MaxLength = Math.Min(parts.MaxLength ?? int.MaxValue, Count(name, value));
                break;
            case "minItems":
                parts.MinItems = Math.Max(parts.MinItems, Count(name, value));
                break;
            case "maxItems":
                parts.MaxItems = Math.Min(parts.MaxItems ?? int.MaxValue, Count(name, value));
                break;
            case "pattern":
                parts.Patterns.Add(Text(name, value));
                break;
            case "format":
                parts.Formats.Add(Text(name, value));
                break;
            case "required":
                parts.Required.AddRange(List(name, value, atLeastOne: false).Select(key => Text(name, key)));
                break;
            case "propertyNames":
                parts.KeySchemas.Add(value);
                break;
            case "properties" or "additionalProperties" or "patternProperties" or "items" or "prefixItems"
                or "additionalItems":
                break;
            default:
                if (NotEnforced.TryGetValue(name, out JsonTypes types) && !IsTrivial(name, value))
                {
                    parts.Unsupported.Add((name, types));
                }
                else if (!Annotations.Contains(name) && name.StartsWith('$'))
                {
                    throw Error($"keyword {name} is not supported");
                }

                break;
        }
    }

    /// <summary>A value with which the keyword asks for nothing.</summary>
    private static bool IsTrivial(string name, JsonElement value) => name switch
    {
        "uniqueItems" => value.ValueKind == JsonValueKind.False,
        "minProperties" => value.ValueKind == JsonValueKind.Number && value.GetDouble() == 0,
        "unevaluatedItems" or "unevaluatedProperties" => value.ValueKind == JsonValueKind.True,
        "not" => value.ValueKind == JsonValueKind.False,
        "$id" => false,
        _ => false,
    };

    private void AddType(SchemaParts parts, JsonElement value)
    {
        JsonTypes types = JsonTypes.None;
        JsonElement[] names = value.ValueKind == JsonValueKind.Array
            ? [.. List("type", value, atLeastOne: true)]
            : [value];
        foreach (JsonElement name in names)
        {
            types |= Text("type", name) switch
            {
                "null" => JsonTypes.Null,
                "boolean" => JsonTypes.Boolean,
                "integer" => JsonTypes.Integer,
                "number" => JsonTypes.Number,
                "string" => JsonTypes.String,
                "array" => JsonTypes.Array,
                "object" => JsonTypes.Object,
                string other => throw Error($"there is no type {other}"),
            };
        }

        // A number that must also be an integer is an integer.
        bool integer = (types & (JsonTypes.Integer | JsonTypes.Number)) != 0
            && (parts.Types & (JsonTypes.Integer | JsonTypes.Number)) != 0
            && !(types.HasFlag(JsonTypes.Number) && parts.Types.HasFlag(JsonTypes.Number));
        parts.Types = (parts.Types & types & ~JsonTypes.Integer) | (integer ? JsonTypes.Integer : JsonTypes.None);
    }

    private static void Intersect(SchemaParts parts, List<JsonElement> values) =>
        parts.Values = parts.Values is null
            ? values
            : [.. parts.Values.Where(old => values.Exists(value => SchemaValues.Same(old, value)))];

    private void AddObject(SchemaParts parts, JsonElement schema)
    {
        var properties = new Dictionary<string, JsonElement>();
        if (schema.TryGetProperty("properties", out JsonElement declared))
        {
            foreach (JsonProperty item in Members("properties", declared))
            {
                properties[item.Name] = item.Value;
            }
        }

        JsonElement? additional = schema.TryGetProperty("additionalProperties", out JsonElement rest) ? rest : null;
        JsonElement? pattern = null;
        string? patternKey = null;
        if (schema.TryGetProperty("patternProperties", out JsonElement patterns))
        {
            foreach (JsonProperty item in Members("patternProperties", patterns))
            {
                if (patternKey is not null)
                {
                    parts.Unsupported.Add(("patternProperties", JsonTypes.Object));
                }

                (patternKey, pattern) = (item.Name, item.Value);
            }
        }

        if (properties.Count > 0 || additional is not null || patternKey is not null)
        {
            parts.Objects.Add(new ObjectPart(properties, additional, pattern, patternKey));
        }
    }

    private void AddArray(SchemaParts parts, JsonElement schema)
    {
        bool hasItems = schema.TryGetProperty("items", out JsonElement items);
        if (schema.TryGetProperty("prefixItems", out JsonElement prefix))
        {
            parts.Arrays.Add(new ArrayPart(
                [.. List("prefixItems", prefix, atLeastOne: true)], hasItems ? items : null));
        }
        else if (hasItems && items.ValueKind == JsonValueKind.Array)
        {
            parts.Arrays.Add(new ArrayPart(
                [.. items.EnumerateArray()],
                schema.TryGetProperty("additionalItems", out JsonElement additional) ? additional : null));
        }
        else if (hasItems)
        {
            parts.Arrays.Add(new ArrayPart([], items));
        }
    }

    private JsonElement Resolve(string reference)
    {
        if (reference.Length == 0 || reference[0] != '#' || (reference.Length > 1 && reference[1] != '/'))
        {
            throw Error($"$ref {reference} is not within the schema");
        }

        JsonElement at = _root;
        foreach (string part in Uri.UnescapeDataString(reference[1..]).Split('/').Skip(1))
        {
            string key = part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            bool found = at.ValueKind switch
            {
                JsonValueKind.Object => at.TryGetProperty(key, out at),
                JsonValueKind.Array when int.TryParse(key, out int i) && i >= 0 && i < at.GetArrayLength() =>
                    (at = at[i]).ValueKind != JsonValueKind.Undefined,
                _ => false,
            };
            if (!found)
            {
                throw Error($"$ref {reference} points to nothing");
            }
        }

        return at;
    }

    private JsonElement.ArrayEnumerator List(string name, JsonElement value, bool atLeastOne) =>
        value.ValueKind == JsonValueKind.Array && (value.GetArrayLength() > 0 || !atLeastOne)
            ? value.EnumerateArray()
            : throw Error($"{name} is not a list{(atLeastOne ? " with an entry" : "")}");

    private JsonElement.ObjectEnumerator Members(string name, JsonElement value) =>
        value.ValueKind == JsonValueKind.Object
            ? value.EnumerateObject()
            : throw Error($"{name} is not an object");

    private string Text(string name, JsonElement value) => value.ValueKind == JsonValueKind.String
        ? value.GetString()!
        : throw Error($"{name} is not a string");

    private decimal Number(string name, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out decimal number)
            ? number
            : throw Error($"{name} is not a number of at most 28 digits");

    private int Count(string name, JsonElement value)
    {
        decimal number = Number(name, value);
        return number >= 0 && number == decimal.Truncate(number) && number <= int.MaxValue
            ? (int)number
            : throw Error($"{name} is not a count");
    }

    private EngineException Error(string message) => EngineException.Invalid(_field, message);
}
