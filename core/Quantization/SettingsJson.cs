using System.Text.Json;

namespace Engine.Quantization;

/// <summary>
/// Members of a quantization config. What is absent or of another type reads as nothing: each method's own check names
/// what it needs.
/// </summary>
internal static class SettingsJson
{
    public static string? Text(JsonElement e, string name) =>
        e.TryGetProperty(name, out JsonElement v) && v.ValueKind == JsonValueKind.String ? v.GetString() : null;

    /// <summary>0 if it is no number of 32 bits.</summary>
    public static int Number(JsonElement e, string name) =>
        e.TryGetProperty(name, out JsonElement v) && v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out int n)
            ? n
            : 0;

    public static JsonElement? ObjectOf(JsonElement e, string name) =>
        e.TryGetProperty(name, out JsonElement v) && v.ValueKind == JsonValueKind.Object ? v : null;

    public static bool IsTrue(JsonElement e, string name) =>
        e.TryGetProperty(name, out JsonElement v) && v.ValueKind == JsonValueKind.True;
}
