using System.Text.Json;
using static Engine.Quantization.SettingsJson;

namespace Engine.Quantization;

/// <summary>Which layouts of a method are read; others are refused by name before any tensor is looked for.</summary>
internal static class QuantizationLayouts
{
    // Those of compressed-tensors that are told by their tensors.
    private static readonly string[] Compressed =
    [
        "dense", "pack-quantized", "int-quantized", "naive-quantized", "float-quantized", "nvfp4-pack-quantized",
        "mxfp4-pack-quantized", "mxfp8-quantized", "mixed-precision",
    ];

    /// <summary>The method whose tensors a checkpoint has.</summary>
    /// <param name="file">For messages.</param>
    /// <param name="e">The quantization's configuration.</param>
    /// <param name="method">quant_method.</param>
    /// <exception cref="EngineException">Unsupported names the key.</exception>
    public static string Check(string file, JsonElement e, string method)
    {
        switch (method)
        {
            case "gptq":
                bool isMarlin = e.TryGetProperty("is_marlin_format", out JsonElement marlin)
                    && marlin.ValueKind == JsonValueKind.True;
                string layout = Text(e, "checkpoint_format") ?? Text(e, "format") ?? "gptq";
                Expect(file, "checkpoint_format", isMarlin ? "marlin" : layout, "gptq", "gptq_v2");
                return method;
            case "awq":
                Expect(file, "version", Text(e, "version") ?? Text(e, "checkpoint_format") ?? "gemm", "gemm");
                return method;
            case "auto-round":
                string packing = Text(e, "packing_format") ?? Text(e, "backend") ?? "auto_round";
                Expect(file, "packing_format", packing, "auto_round:auto_gptq", "auto_round:auto_awq");
                return packing.EndsWith("awq", StringComparison.OrdinalIgnoreCase) ? "awq" : "gptq";
            case "compressed-tensors":
                CheckCompressed(file, e);
                return method;
            default:
                return method;
        }
    }

    private static void CheckCompressed(string file, JsonElement e)
    {
        if (Text(e, "format") is string format) Expect(file, "format", format, Compressed);
        if (e.TryGetProperty("sparsity_config", out JsonElement sparsity) && sparsity.ValueKind == JsonValueKind.Object
            && Text(sparsity, "format") is string sparse)
        {
            Expect(file, "sparsity_config.format", sparse, "dense");
        }

        bool isTransformed = e.TryGetProperty("transform_config", out JsonElement transform)
            && transform.ValueKind == JsonValueKind.Object
            && transform.TryGetProperty("config_groups", out JsonElement groups)
            && groups.ValueKind == JsonValueKind.Object && groups.EnumerateObject().Any();
        if (isTransformed) throw Bad(file, "transform_config", "no transforms", "some");
    }

    /// <summary>Inputs of a group where the configuration names one size, else 0.</summary>
    public static int GroupSizeOf(JsonElement e)
    {
        int size = Math.Max(Number(e, "group_size"), Number(e, "q_group_size"));
        if (size > 0 || !e.TryGetProperty("config_groups", out JsonElement groups)
            || groups.ValueKind != JsonValueKind.Object)
        {
            return Math.Max(size, 0);
        }

        foreach (JsonProperty group in groups.EnumerateObject())
        {
            if (group.Value.ValueKind == JsonValueKind.Object
                && group.Value.TryGetProperty("weights", out JsonElement weights)
                && weights.ValueKind == JsonValueKind.Object && Number(weights, "group_size") is int inputs and > 0)
            {
                return inputs;
            }
        }

        return 0;
    }

    private static void Expect(string file, string key, string found, params ReadOnlySpan<string> known)
    {
        foreach (string layout in known)
        {
            if (layout.Equals(found, StringComparison.OrdinalIgnoreCase)) return;
        }

        throw Bad(file, key, string.Join(", ", known.ToArray()), $"\"{found}\"");
    }

    private static EngineException Bad(string file, string key, string expected, string found) => new(
        EngineStatus.Unsupported, $"{file}: {key}: expected {expected}, found {found}", "quantization_config");
}
