using System.Text.Json;

namespace Engine.Grammar;

/// <summary>Values of enum and const: when two are the same, and what type they have.</summary>
internal static class SchemaValues
{
    /// <summary>null, true and false.</summary>
    public static List<JsonElement> Constants { get; } =
        [Term.Parse("null").Schema, Term.Parse("true").Schema, Term.Parse("false").Schema];

    /// <summary>Equality of JSON Schema: 1 and 1.0 are the same, the order of keys does not matter.</summary>
    public static bool Same(JsonElement a, JsonElement b)
    {
        if (a.ValueKind != b.ValueKind)
        {
            return false;
        }

        switch (a.ValueKind)
        {
            case JsonValueKind.Number:
                return a.TryGetDecimal(out decimal x) && b.TryGetDecimal(out decimal y)
                    ? x == y
                    : a.GetRawText() == b.GetRawText();
            case JsonValueKind.String:
                return a.GetString() == b.GetString();
            case JsonValueKind.Array:
                return a.GetArrayLength() == b.GetArrayLength()
                    && a.EnumerateArray().Zip(b.EnumerateArray()).All(pair => Same(pair.First, pair.Second));
            case JsonValueKind.Object:
                return a.EnumerateObject().Count() == b.EnumerateObject().Count()
                    && a.EnumerateObject().All(item =>
                        b.TryGetProperty(item.Name, out JsonElement other) && Same(item.Value, other));
            default:
                return true;
        }
    }

    public static JsonTypes TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => JsonTypes.Null,
        JsonValueKind.True or JsonValueKind.False => JsonTypes.Boolean,
        JsonValueKind.String => JsonTypes.String,
        JsonValueKind.Array => JsonTypes.Array,
        JsonValueKind.Object => JsonTypes.Object,
        JsonValueKind.Number => value.TryGetDecimal(out decimal n)
            ? n == decimal.Truncate(n) ? JsonTypes.Integer : JsonTypes.Fraction
            : value.GetDouble() is double d && d == Math.Truncate(d) ? JsonTypes.Integer : JsonTypes.Fraction,
        _ => JsonTypes.None,
    };

    /// <summary>A schema that a list or an object satisfies exactly if it is the same as a value.</summary>
    public static string AsSchema(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            int count = value.GetArrayLength();
            string items = count == 0
                ? ""
                : $"\"prefixItems\":[{string.Join(',', value.EnumerateArray().Select(AsSchema))}],";
            return $"{{\"type\":\"array\",{items}\"minItems\":{count},\"maxItems\":{count}}}";
        }

        if (value.ValueKind == JsonValueKind.Object)
        {
            JsonProperty[] members = [.. value.EnumerateObject()];
            string names = string.Join(',', members.Select(item => Quote(item.Name)));
            string schemas = string.Join(',', members.Select(item => Quote(item.Name) + ":" + AsSchema(item.Value)));
            return "{\"type\":\"object\",\"required\":[" + names + "],\"properties\":{" + schemas
                + "},\"additionalProperties\":false}";
        }

        return "{\"const\":" + value.GetRawText() + "}";
    }

    private static string Quote(string text) => "\"" + JsonEncodedText.Encode(text) + "\"";
}
