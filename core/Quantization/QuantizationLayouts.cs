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
        foreach ((string name, JsonElement group) in QuantizationFields.Groups(e))
        {
            if (Text(group, "format") is string own) Expect(file, $"config_groups.{name}.format", own, Compressed);
        }

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

    /// <summary>Fails unless a key has one of these values.</summary>
    public static void Expect(string file, string key, string found, params ReadOnlySpan<string> known)
    {
        foreach (string layout in known)
        {
            if (layout.Equals(found, StringComparison.OrdinalIgnoreCase)) return;
        }

        throw Bad(file, key, string.Join(", ", known.ToArray()), $"\"{found}\"");
    }

    /// <summary>What is not read, by its key.</summary>
    public static EngineException Bad(string file, string key, string expected, string found) => new(
        EngineStatus.Unsupported, $"{file}: {key}: expected {expected}, found {found}", "quantization_config");
}
