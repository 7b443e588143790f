using System.Text.Json;

namespace Engine.Grammar;

/// <summary>Values of enum and const: when two are the same, and what type they have.</summary>
internal static class SchemaValues
{
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

    public static bool HasType(JsonElement value, JsonTypes types) => value.ValueKind switch
    {
        JsonValueKind.Null => types.HasFlag(JsonTypes.Null),
        JsonValueKind.True or JsonValueKind.False => types.HasFlag(JsonTypes.Boolean),
        JsonValueKind.String => types.HasFlag(JsonTypes.String),
        JsonValueKind.Array => types.HasFlag(JsonTypes.Array),
        JsonValueKind.Object => types.HasFlag(JsonTypes.Object),
        JsonValueKind.Number => types.HasFlag(JsonTypes.Number)
            || (types.HasFlag(JsonTypes.Integer) && value.TryGetDecimal(out decimal n) && n == decimal.Truncate(n)),
        _ => false,
    };
}
