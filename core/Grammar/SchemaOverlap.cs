using System.Text.Json;

namespace Engine.Grammar;

/// <summary>What can be told of conjunctions without looking at texts.</summary>
internal static class SchemaOverlap
{
    /// <summary>True if no value satisfies both, for a reason that is easy to see.</summary>
    public static bool AreDisjoint(SchemaParts a, SchemaParts b)
    {
        if ((a.Types & b.Types) == 0)
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
            return !constant.Values!.Exists(value => (SchemaValues.TypeOf(value) & other.Types) != 0);
        }

        bool onlyObjects = (a.Types & b.Types) == JsonTypes.Object;
        return onlyObjects && a.Required.Intersect(b.Required).Any(
            name => AreDisjoint(Constants(a, name), Constants(b, name)));
    }

    private static bool AreDisjoint(List<JsonElement>? a, List<JsonElement>? b) =>
        a is not null && b is not null && !a.Exists(x => b.Exists(y => SchemaValues.Same(x, y)));

    /// <summary>The constants that a property is held to, or null.</summary>
    private static List<JsonElement>? Constants(SchemaParts parts, string name)
    {
        foreach (ObjectPart part in parts.Objects)
        {
            if (!part.Properties.TryGetValue(name, out Term? term) || term.Negated
                || term.Schema.ValueKind != JsonValueKind.Object)
            {
                continue;
            }

            if (term.Schema.TryGetProperty("const", out JsonElement constant))
            {
                return [constant];
            }

            if (term.Schema.TryGetProperty("enum", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
            {
                return [.. list.EnumerateArray()];
            }
        }

        return null;
    }
}
