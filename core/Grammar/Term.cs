using System.Text.Json;

namespace Engine.Grammar;

/// <summary>A schema that has to hold, or not to hold.</summary>
internal sealed record Term(JsonElement Schema, bool Negated, string Path)
{
    public static Term False { get; } = Parse("false");

    public static Term String { get; } = Parse("{\"type\":\"string\"}");

    /// <summary>The same for terms that ask for the same.</summary>
    public string Key => (Negated ? "!" : "") + Schema.GetRawText();

    /// <summary>True if no value satisfies it, for all to see.</summary>
    public bool IsFalse => Schema.ValueKind == (Negated ? JsonValueKind.True : JsonValueKind.False);

    /// <summary>The values that it lists, of which not all need to satisfy it; null if it lists none.</summary>
    public IEnumerable<JsonElement>? Listed() =>
        Negated || Schema.ValueKind != JsonValueKind.Object || Schema.TryGetProperty("$ref", out _) ? null
        : Schema.TryGetProperty("const", out JsonElement value) ? [value]
        : Schema.TryGetProperty("enum", out JsonElement values) && values.ValueKind == JsonValueKind.Array
            ? values.EnumerateArray()
        : null;

    /// <summary>A schema of our own.</summary>
    public static Term Parse(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return new Term(document.RootElement.Clone(), false, "#");
    }

    public Term Not() => this with { Negated = !Negated };

    /// <summary>A schema inside of this one.</summary>
    public Term Child(JsonElement schema, params ReadOnlySpan<object> names) =>
        new(schema, false, Path + "/" + string.Join('/', names.ToArray()));
}
