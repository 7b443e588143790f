using System.Text.Json;

namespace Engine.Models;

/// <summary>
/// Typed reading of config.json. A key that is absent or null takes the default; a value of the wrong
/// type or out of range is an error that names file and key.
/// </summary>
internal sealed class ConfigJson
{
    private readonly string _file;
    private readonly string _path;
    private readonly JsonElement _root;

    public ConfigJson(string file, JsonElement root, string path = "")
    {
        _file = file;
        _root = root;
        _path = path;
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw EngineException.Corrupt(file, $"{path}expected an object, found {root.ValueKind}");
        }
    }

    public static ConfigJson Parse(string file, byte[] json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(
                json, new JsonDocumentOptions { MaxDepth = 32, AllowTrailingCommas = false });
            return new ConfigJson(file, document.RootElement.Clone());
        }
        catch (JsonException e)
        {
            throw EngineException.Corrupt(file, $"is not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>The file's text with members replaced by those of an object that a user gave.</summary>
    /// <param name="json">The file.</param>
    /// <param name="overrides">A JSON object.</param>
    /// <param name="parameter">Name of the option, for messages.</param>
    public static byte[] Merge(byte[] json, string overrides, string parameter)
    {
        try
        {
            using JsonDocument file = JsonDocument.Parse(json), given = JsonDocument.Parse(overrides);
            if (file.RootElement.ValueKind != JsonValueKind.Object) return json;
            if (given.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw EngineException.Invalid(
                    parameter, $"expected a JSON object, found {given.RootElement.ValueKind}");
            }
            using MemoryStream merged = new();
            using (Utf8JsonWriter writer = new(merged))
            {
                writer.WriteStartObject();
                foreach (JsonProperty member in file.RootElement.EnumerateObject())
                {
                    if (!given.RootElement.TryGetProperty(member.Name, out _)) member.WriteTo(writer);
                }
                foreach (JsonProperty member in given.RootElement.EnumerateObject()) member.WriteTo(writer);
                writer.WriteEndObject();
            }
            return merged.ToArray();
        }
        catch (JsonException e)
        {
            throw EngineException.Invalid(parameter, $"expected a JSON object: {e.Message}");
        }
    }

    public bool Has(string key) => TryGet(key, out _);

    /// <summary>True if the key is there and holds null.</summary>
    public bool IsNull(string key) => _root.TryGetProperty(key, out JsonElement e) && e.ValueKind == JsonValueKind.Null;

    public int Int(string key, int? defaultValue = null, int min = 0, int max = int.MaxValue)
    {
        if (!TryGet(key, out JsonElement e)) return defaultValue ?? throw Missing(key);
        // Some writers store whole numbers as 10000.0.
        if (e.ValueKind != JsonValueKind.Number || !e.TryGetDouble(out double d) ||
            d != Math.Floor(d) || d < min || d > max)
        {
            throw Bad(key, $"an integer from {min} to {max}", e);
        }
        return (int)d;
    }

    public int? OptionalInt(string key, int min = 0, int max = int.MaxValue) =>
        Has(key) ? Int(key, null, min, max) : null;

    /// <summary>The first of several keys that is present.</summary>
    public int IntOf(int min, int max, params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            if (Has(key)) return Int(key, null, min, max);
        }
        throw Missing(keys[0]);
    }

    public float Float(string key, double? defaultValue = null)
    {
        return (float)Double(key, defaultValue);
    }

    public double Double(string key, double? defaultValue = null)
    {
        if (!TryGet(key, out JsonElement e)) return defaultValue ?? throw Missing(key);
        bool good = e.ValueKind == JsonValueKind.Number && e.TryGetDouble(out _) &&
            double.IsFinite(e.GetDouble()) && Math.Abs(e.GetDouble()) <= float.MaxValue;
        return good ? e.GetDouble() : throw Bad(key, "a finite number", e);
    }

    public double? OptionalDouble(string key) => Has(key) ? Double(key) : null;

    public bool Bool(string key, bool defaultValue)
    {
        if (!TryGet(key, out JsonElement e)) return defaultValue;
        return e.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Bad(key, "true or false", e),
        };
    }

    public string? OptionalString(string key)
    {
        if (!TryGet(key, out JsonElement e)) return null;
        return e.ValueKind == JsonValueKind.String ? e.GetString() : throw Bad(key, "a string", e);
    }

    public string String(string key, string defaultValue) => OptionalString(key) ?? defaultValue;

    public ConfigJson? Object(string key) =>
        TryGet(key, out JsonElement e) ? new ConfigJson(_file, e, $"{_path}{key}.") : null;

    /// <summary>True if the key holds an object.</summary>
    public bool IsObject(string key) =>
        TryGet(key, out JsonElement e) && e.ValueKind == JsonValueKind.Object;

    /// <summary>True if the key holds an array.</summary>
    public bool IsArray(string key) =>
        TryGet(key, out JsonElement e) && e.ValueKind == JsonValueKind.Array;

    /// <summary>Number of members of this object.</summary>
    public int Count => _root.EnumerateObject().Count();

    /// <summary>An object of strings.</summary>
    public Dictionary<string, string>? StringMap(string key)
    {
        if (!TryGet(key, out JsonElement e)) return null;
        if (e.ValueKind != JsonValueKind.Object) throw Bad(key, "an object", e);
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (JsonProperty member in e.EnumerateObject())
        {
            map[member.Name] = member.Value.ValueKind == JsonValueKind.String
                ? member.Value.GetString()!
                : throw Bad($"{key}.{member.Name}", "a string", member.Value);
        }
        return map;
    }

    public List<string>? Strings(string key) => Array(key, "a string", static e =>
        e.ValueKind == JsonValueKind.String ? e.GetString() : null);

    public List<double>? Doubles(string key) => Array<double>(key, "a number", static e =>
        e.ValueKind == JsonValueKind.Number && e.TryGetDouble(out double d) && double.IsFinite(d) ? d : null);

    public List<int>? Ints(string key) => Array<int>(key, "an integer", static e =>
        e.ValueKind == JsonValueKind.Number && e.TryGetInt32(out int i) ? i : null);

    /// <summary>One integer or an array of them.</summary>
    public List<int>? IntOrInts(string key)
    {
        if (!TryGet(key, out JsonElement e)) return null;
        if (e.ValueKind == JsonValueKind.Array) return Ints(key);
        return e.ValueKind == JsonValueKind.Number && e.TryGetInt32(out int i)
            ? [i]
            : throw Bad(key, "an integer or an array of integers", e);
    }

    public EngineException Bad(string key, string expected, string found) =>
        EngineException.Corrupt(_file, $"{_path}{key}: expected {expected}, found {found}");

    public EngineException Missing(string key) =>
        EngineException.Corrupt(_file, $"{_path}{key} is missing");

    private List<T>? Array<T>(string key, string what, Func<JsonElement, T?> read)
        where T : struct => ArrayOf(key, what, e => (read(e) is T t, read(e) ?? default));

    private List<string>? Array(string key, string what, Func<JsonElement, string?> read) =>
        ArrayOf(key, what, e => (read(e) is not null, read(e) ?? ""));

    private List<T>? ArrayOf<T>(string key, string what, Func<JsonElement, (bool Good, T Value)> read)
    {
        if (!TryGet(key, out JsonElement e)) return null;
        if (e.ValueKind != JsonValueKind.Array) throw Bad(key, "an array", e);
        List<T> values = new(e.GetArrayLength());
        foreach (JsonElement item in e.EnumerateArray())
        {
            (bool good, T value) = read(item);
            if (!good) throw Bad($"{key}[{values.Count}]", what, item);
            values.Add(value);
        }
        return values;
    }

    private bool TryGet(string key, out JsonElement e) =>
        _root.TryGetProperty(key, out e) && e.ValueKind != JsonValueKind.Null;

    private EngineException Bad(string key, string expected, JsonElement found)
    {
        string text = found.GetRawText();
        return Bad(key, expected, text.Length <= 80 ? text : text[..80] + "...");
    }
}
