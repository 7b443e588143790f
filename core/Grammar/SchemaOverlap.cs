using System.Text.Json;

namespace Engine.Grammar;

/// <summary>What can be told of conjunctions without looking at texts.</summary>
internal static class SchemaOverlap
{
    /// <summary>True if no value satisfies both, for a reason that is easy to see.</summary>
    public static bool AreDisjoint(SchemaParts a, SchemaParts b)
    {
        if (!Overlap(a.Types, b.Types))
        {
            return true;
        }

        if (a.Values is not null && b.Values is not null)
        {
            return !a.Values.Exists(x => b.Values.Exists(y => SchemaValues.Same(x, y)));
        }

        if (a.Values is not null || b.Values is not null)
        {
            (SchemaParts constant, SchemaParts other) = a.Values is not null ? (a, b) : (b, a);
            return !constant.Values!.Exists(value => SchemaValues.HasType(value, other.Types));
        }

        bool onlyObjects = a.Types == JsonTypes.Object && b.Types == JsonTypes.Object;
        return onlyObjects && a.Required.Intersect(b.Required).Any(
            name => AreDisjoint(Constants(a, name), Constants(b, name)));
    }

    /// <summary>True if more than types is asked for.</summary>
    public static bool IsLimited(SchemaParts parts) =>
        parts.Minimum is not null || parts.Maximum is not null || parts.MinLength > 0
        || parts.MaxLength is not null || parts.Patterns.Count > 0 || parts.Formats.Count > 0
        || parts.MinItems > 0 || parts.MaxItems is not null || parts.Arrays.Count > 0 || parts.Objects.Count > 0
        || parts.Required.Count > 0 || parts.KeySchemas.Count > 0;

    private static bool Overlap(JsonTypes a, JsonTypes b)
    {
        const JsonTypes numbers = JsonTypes.Integer | JsonTypes.Number;
        return (a & b & ~numbers) != 0 || ((a & numbers) != 0 && (b & numbers) != 0);
    }

    private static bool AreDisjoint(JsonElement[]? a, JsonElement[]? b) =>
        a is not null && b is not null && !a.Any(x => b.Any(y => SchemaValues.Same(x, y)));

    /// <summary>The constants that a property is held to, or null.</summary>
    private static JsonElement[]? Constants(SchemaParts parts, string name)
    {
        foreach (ObjectPart part in parts.Objects)
        {
            if (!part.Properties.TryGetValue(name, out JsonElement schema)
                || schema.ValueKind != JsonValueKind.Object)
            {
                continue;
            }

            if (schema.TryGetProperty("const", out JsonElement constant))
            {
                return [constant];
            }

            if (schema.TryGetProperty("enum", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
            {
                return [.. list.EnumerateArray()];
            }
        }

        return null;
    }
}
