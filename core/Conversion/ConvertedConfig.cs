using System.Text;
using System.Text.Json;
using Engine.Devices;
using Engine.Memory;
using Engine.Models;

namespace Engine.Conversion;

/// <summary>config.json of a converted model: its own with what compressed-tensors says of quantization.</summary>
internal static class ConvertedConfig
{
    /// <summary>The file's bytes.</summary>
    /// <param name="config">The model's own.</param>
    /// <param name="kind">What matrices were rounded to.</param>
    /// <param name="ignored">Names of the linear layers that were not.</param>
    /// <param name="type">What the model computes in, where the file does not say.</param>
    public static byte[] Create(byte[] config, WeightQuantization kind, IEnumerable<string> ignored, DType type)
    {
        ConfigJson own = ConfigJson.Parse("config.json", config);
        using MemoryStream json = new();
        using (Utf8JsonWriter writer = new(json))
        {
            writer.WriteStartObject();
            if (!own.Has("dtype") && !own.Has("torch_dtype")) writer.WriteString("torch_dtype", NameOf(type));
            WriteQuantization(writer, kind, ignored);
            // The output matrix lies in the file as floats, which all readers know; Engine rounds it as it does when
            // the whole model is rounded while it is loaded.
            writer.WriteStartObject("engine");
            writer.WriteString("quantization", KindOf(kind));
            writer.WriteString("output", kind == WeightQuantization.Fp8 ? "none" : "int8");
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return Indent(ConfigJson.Merge(config, Encoding.UTF8.GetString(json.ToArray()), "config.json"));
    }

    private static void WriteQuantization(Utf8JsonWriter writer, WeightQuantization kind, IEnumerable<string> ignored)
    {
        bool isFloat = kind == WeightQuantization.Fp8;
        writer.WriteStartObject("quantization_config");
        writer.WriteString("quant_method", "compressed-tensors");
        writer.WriteString("format", isFloat ? "float-quantized" : "pack-quantized");
        writer.WriteString("quantization_status", "compressed");
        writer.WriteStartArray("ignore");
        foreach (string name in ignored) writer.WriteStringValue(name);
        writer.WriteEndArray();
        writer.WriteNull("kv_cache_scheme");
        writer.WriteStartObject("config_groups");
        writer.WriteStartObject("group_0");
        writer.WriteStartArray("targets");
        writer.WriteStringValue("Linear");
        writer.WriteEndArray();
        writer.WriteStartObject("weights");
        writer.WriteNumber("num_bits", kind == WeightQuantization.Int4 ? 4 : 8);
        writer.WriteString("type", isFloat ? "float" : "int");
        writer.WriteBoolean("symmetric", true);
        writer.WriteString("strategy", isFloat ? "channel" : "group");
        if (isFloat) writer.WriteNull("group_size");
        else writer.WriteNumber("group_size", Quantization.GroupRounding.Group);
        writer.WriteBoolean("dynamic", false);
        writer.WriteEndObject();
        writer.WriteNull("input_activations");
        writer.WriteNull("output_activations");
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static byte[] Indent(byte[] json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        using MemoryStream indented = new();
        using (Utf8JsonWriter writer = new(indented, new JsonWriterOptions { Indented = true }))
            document.RootElement.WriteTo(writer);
        indented.WriteByte((byte)'\n');
        return indented.ToArray();
    }

    private static string KindOf(WeightQuantization kind) => kind switch
    {
        WeightQuantization.Int4 => "int4",
        WeightQuantization.Int8 => "int8",
        _ => "fp8",
    };

    private static string NameOf(DType type) => type switch
    {
        DType.BF16 => "bfloat16",
        DType.F16 => "float16",
        _ => "float32",
    };
}
