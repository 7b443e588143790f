using System.Globalization;
using System.Text.Json;
using Engine.Grammar;

namespace Engine.Sampling;

/// <summary>One sampling parameter by its name in JSON and in the C ABI.</summary>
public sealed class SamplingField
{
    private readonly Func<SamplingParams, ParamValue, SamplingParams> _set;
    private readonly Func<SamplingParams, object?> _get;

    internal SamplingField(
        string name,
        string type,
        Func<SamplingParams, object?> get,
        Func<SamplingParams, ParamValue, SamplingParams> set)
    {
        Name = name;
        Type = type;
        _get = get;
        _set = set;
    }

    /// <summary>vLLM's snake_case name.</summary>
    public string Name { get; }

    /// <summary>What it takes, for messages and documents: "integer", "number", "list of token ids" ...</summary>
    public string Type { get; }

    /// <summary>The parameters with this one set.</summary>
    /// <exception cref="EngineException">InvalidArgument for a value of another type.</exception>
    public SamplingParams Set(SamplingParams parameters, ParamValue value) => _set(parameters, value);

    /// <summary>The value: null, a number, a truth value, text, or a list or dictionary of them.</summary>
    public object? Get(SamplingParams parameters) => _get(parameters);

    internal void Write(Utf8JsonWriter writer, SamplingParams parameters, SamplingParams defaults)
    {
        object? value = _get(parameters);
        if (Equals(value, _get(defaults)))
        {
            return;
        }

        writer.WritePropertyName(Name);
        WriteValue(writer, value);
    }

    private static void WriteValue(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case null:
                writer.WriteNullValue();
                break;
            case bool truth:
                writer.WriteBooleanValue(truth);
                break;
            case string text:
                writer.WriteStringValue(text);
                break;
            case float number:
                writer.WriteNumberValue(number);
                break;
            case int or long:
                writer.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case RepetitionDetection detection:
                detection.Write(writer);
                break;
            case StructuredOutputs outputs:
                StructuredOutputsReader.Write(writer, outputs);
                break;
            case IReadOnlyDictionary<int, float> bias:
                writer.WriteStartObject();
                foreach ((int id, float number) in bias)
                {
                    writer.WriteNumber(id.ToString(CultureInfo.InvariantCulture), number);
                }

                writer.WriteEndObject();
                break;
            case System.Collections.IEnumerable items:
                writer.WriteStartArray();
                foreach (object? item in items)
                {
                    WriteValue(writer, item);
                }

                writer.WriteEndArray();
                break;
            default:
                throw new InvalidOperationException($"no JSON for {value.GetType()}");
        }
    }
}
