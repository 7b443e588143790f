using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Engine.Sampling;

/// <summary>Sampling parameters as JSON, by vLLM's snake_case names.</summary>
public static class SamplingJson
{
    private const string ExtraArgs = "extra_args";

    /// <summary>Reads an object of parameters; extra_args holds more of them, as in vLLM.</summary>
    /// <param name="json">A JSON object.</param>
    /// <param name="defaults">What unnamed parameters are; null is <see cref="SamplingParams"/>' own.</param>
    /// <exception cref="EngineException">InvalidArgument naming the key, and the nearest one if it is unknown.</exception>
    public static SamplingParams Read(JsonElement json, SamplingParams? defaults = null)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw EngineException.Invalid("sampling_params", "expected a JSON object");
        }

        SamplingParams result = defaults ?? new SamplingParams();
        foreach (JsonProperty item in json.EnumerateObject())
        {
            result = item.Name == ExtraArgs
                ? ReadExtra(result, item.Value)
                : SamplingSchema.Set(result, item.Name, ParamValue.From(item.Value));
        }

        return result;
    }

    /// <summary>The same from UTF-8 text.</summary>
    public static SamplingParams Read(ReadOnlySpan<byte> utf8, SamplingParams? defaults = null)
    {
        var reader = new Utf8JsonReader(utf8);
        JsonDocument document;
        try
        {
            document = JsonDocument.ParseValue(ref reader);
            if (reader.Read())
            {
                throw EngineException.Invalid("sampling_params", "more text after the JSON object");
            }
        }
        catch (JsonException e)
        {
            throw new EngineException(
                EngineStatus.InvalidArgument, $"sampling_params: {e.Message}", "sampling_params", e);
        }

        using (document)
        {
            return Read(document.RootElement, defaults);
        }
    }

    /// <summary>Writes the parameters that differ from the defaults.</summary>
    public static void Write(Utf8JsonWriter writer, SamplingParams parameters)
    {
        var defaults = new SamplingParams();
        writer.WriteStartObject();
        foreach (SamplingField field in SamplingSchema.Fields)
        {
            field.Write(writer, parameters, defaults);
        }

        writer.WriteEndObject();
    }

    /// <summary>The parameters that differ from the defaults, as text.</summary>
    public static string Write(SamplingParams parameters)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            Write(writer, parameters);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static SamplingParams ReadExtra(SamplingParams parameters, JsonElement extra)
    {
        if (extra.ValueKind == JsonValueKind.Null)
        {
            return parameters;
        }

        return extra.ValueKind == JsonValueKind.Object && !extra.TryGetProperty(ExtraArgs, out _)
            ? Read(extra, parameters)
            : throw EngineException.Invalid(ExtraArgs, "expected an object of sampling parameters");
    }
}
