using System.Text.Json;

namespace Engine.Server.Http.Json;

/// <summary>
/// Reads one field of an object: absent and null mean "not given", a wrong type is a 400 that
/// names the field. Never converts: "5" is no number, 1 is no boolean.
/// </summary>
internal static class Fields
{
    public static bool TryGet(JsonElement obj, string name, out JsonElement value) =>
        obj.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;

    /// <param name="obj">Where.</param>
    /// <param name="name">Of the field.</param>
    /// <param name="within">The request's field that it lies in, which an error names; null: it is one itself.</param>
    public static string? GetString(JsonElement obj, string name, string? within = null) =>
        TryGet(obj, name, out JsonElement value)
            ? value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(name, "a string", value, within)
            : null;

    /// <param name="obj">Where.</param>
    /// <param name="name">Of the field.</param>
    /// <param name="within">The request's field that it lies in, which an error names; null: it is one itself.</param>
    public static bool? GetBool(JsonElement obj, string name, string? within = null) =>
        TryGet(obj, name, out JsonElement value)
            ? value.ValueKind switch
            {
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                _ => throw Wrong(name, "a boolean", value, within),
            }
            : null;

    /// <param name="obj">Where.</param>
    /// <param name="name">Of the field.</param>
    /// <param name="within">The request's field that it lies in, which an error names; null: it is one itself.</param>
    public static int? GetInt(JsonElement obj, string name, string? within = null) =>
        TryGet(obj, name, out JsonElement value) ? ToInt(value, name, within) : null;

    public static double? GetDouble(JsonElement obj, string name) =>
        TryGet(obj, name, out JsonElement value)
            ? value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw Wrong(name, "a number", value)
            : null;

    public static JsonElement? GetObject(JsonElement obj, string name) =>
        TryGet(obj, name, out JsonElement value)
            ? value.ValueKind == JsonValueKind.Object ? value : throw Wrong(name, "an object", value)
            : null;

    public static JsonElement? GetArray(JsonElement obj, string name) =>
        TryGet(obj, name, out JsonElement value)
            ? value.ValueKind == JsonValueKind.Array ? value : throw Wrong(name, "a list", value)
            : null;

    public static int ToInt(JsonElement value, string name, string? within = null)
    {
        if (value.ValueKind != JsonValueKind.Number)
        {
            throw Wrong(name, "an integer", value, within);
        }

        if (value.TryGetInt32(out int number))
        {
            return number;
        }

        // 3.0 is an integer to JSON, whatever the spelling.
        double d = value.GetDouble();
        return d == Math.Truncate(d) && d is >= int.MinValue and <= int.MaxValue
            ? (int)d
            : throw ApiException.BadRequest(
                $"{PathOf(name, within)}: must be an integer of 32 bits, found {Shorten(value.GetRawText())}.",
                within ?? name);
    }

    public static ApiException Wrong(string name, string expected, JsonElement found, string? within = null) =>
        ApiException.BadRequest(
            $"{PathOf(name, within)}: must be {expected}, "
            + $"found {StrictJson.KindName(found.ValueKind)}.",
            within ?? name);

    private static string PathOf(string name, string? within) => within is null ? name : $"{within}.{name}";

    private static string Shorten(string text) => text.Length <= 64 ? text : text[..64] + "...";
}
