using System.Globalization;
using System.Text;
using System.Text.Json;
using Engine.Abi.Handles;
using Engine.Abi.Types;

namespace Engine.Abi.Params;

/// <summary>
/// Settings by key, each held as JSON and checked against the schema when set. One thread sets at a
/// time; once handed to a call it may be reused or released, the call has copied what it needs.
/// </summary>
internal sealed class ParamSet(ParamsKind kind) : HandleObject
{
    private const int MaxDepth = 32;

    private static readonly JsonDocumentOptions _readOptions = new() { MaxDepth = MaxDepth };

    private readonly SortedDictionary<string, JsonElement> _values = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    public override HandleKind Kind => HandleKind.Params;

    public ParamsKind ParamsKind { get; } = kind;

    public ParamSchema Schema { get; } = ParamSchema.Of(kind);

    /// <summary>Reads an object of keys.</summary>
    public static ParamSet FromJson(ParamsKind kind, ReadOnlySpan<byte> utf8)
    {
        var set = new ParamSet(kind);
        using JsonDocument document = Parse("params", utf8);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw EngineException.Invalid("params", "expected a JSON object");
        }

        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            set.Schema.Check(property.Name, property.Value);
            if (!set._values.TryAdd(property.Name, property.Value.Clone()))
            {
                throw EngineException.Invalid(property.Name, "given twice");
            }
        }

        return set;
    }

    public void Set(string key, long value) =>
        SetJson(key, Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture)));

    public void Set(string key, double value)
    {
        Schema.Find(key);
        if (!double.IsFinite(value))
        {
            throw EngineException.Invalid(key, "must be finite");
        }

        SetJson(key, Encoding.ASCII.GetBytes(value.ToString("R", CultureInfo.InvariantCulture)));
    }

    public void Set(string key, bool value) => SetJson(key, value ? "true"u8 : "false"u8);

    public void Set(string key, string value) =>
        SetJson(key, Encoding.UTF8.GetBytes($"\"{JsonEncodedText.Encode(value)}\""));

    public void SetJson(string key, ReadOnlySpan<byte> utf8)
    {
        Schema.Find(key);
        using JsonDocument document = Parse(key, utf8);
        Schema.Check(key, document.RootElement);
        lock (_gate)
        {
            _values[key] = document.RootElement.Clone();
        }
    }

    /// <summary>A copy of all settings. Null stays: of max_tokens it says "no limit".</summary>
    public Dictionary<string, JsonElement> Snapshot()
    {
        lock (_gate)
        {
            return new Dictionary<string, JsonElement>(_values, StringComparer.Ordinal);
        }
    }

    /// <summary>All settings as one JSON object, keys in order.</summary>
    public byte[] ToJson()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            lock (_gate)
            {
                foreach ((string key, JsonElement value) in _values)
                {
                    writer.WritePropertyName(key);
                    value.WriteTo(writer);
                }
            }

            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static JsonDocument Parse(string key, ReadOnlySpan<byte> utf8)
    {
        try
        {
            return JsonDocument.Parse(utf8.ToArray(), _readOptions);
        }
        catch (JsonException e)
        {
            throw new EngineException(EngineStatus.InvalidArgument, $"{key}: not valid JSON: {e.Message}", key, e);
        }
    }
}
