using System.Text.Json;
using static Engine.Quantization.SettingsJson;

namespace Engine.Quantization;

/// <summary>
/// The numbers and names inside a quantization's configuration: what no tensor would contradict, but would then mean
/// something else, is refused by its key.
/// </summary>
internal static class QuantizationFields
{
    // Tensors of the others (pre_quant_scale and more) are not read.
    private static readonly string[] Algorithms =
    [
        "FP8", "FP8_PER_CHANNEL_PER_TOKEN", "FP8_PB_WO", "NVFP4", "NVFP4A16", "W4A16_NVFP4", "MXFP4", "MXFP8",
        "MIXED_PRECISION",
    ];

    private static readonly string[] Fmts = ["e4m3", "e4m3fn", "fp8_e4m3", "float8_e4m3fn"];

    /// <param name="file">For messages.</param>
    /// <param name="e">The quantization's configuration.</param>
    /// <param name="stored">quant_method as it is written.</param>
    /// <param name="method">That whose tensors there are.</param>
    /// <exception cref="EngineException">Unsupported names the key.</exception>
    public static void Check(string file, JsonElement e, string stored, string method)
    {
        switch (method)
        {
            case "gptq":
                Among(file, e, "bits", 2, 3, 4, 8);
                GroupSize(file, e, "group_size");
                CheckRules(file, e);
                break;
            case "awq":
                Among(file, e, "bits", 4);
                Among(file, e, "w_bit", 4);
                GroupSize(file, e, "group_size");
                GroupSize(file, e, "q_group_size");
                // Without zeros AutoAWQ's own GEMM layout cannot be written.
                if (stored == "awq" && IsFalse(e, "zero_point"))
                    throw QuantizationLayouts.Bad(file, "zero_point", "true", "false");
                break;
            case "bitsandbytes":
                if (IsTrue(e, "load_in_4bit") && Text(e, "bnb_4bit_quant_type") is string type)
                    QuantizationLayouts.Expect(file, "bnb_4bit_quant_type", type, "nf4", "fp4");
                break;
            case "fp8":
                if (Text(e, "activation_scheme") is string scheme)
                    QuantizationLayouts.Expect(file, "activation_scheme", scheme, "static", "dynamic", "none");
                if (Text(e, "fmt") is string fmt) QuantizationLayouts.Expect(file, "fmt", fmt, Fmts);
                CheckBlock(file, e, "weight_block_size");
                break;
            case "modelopt":
                CheckAlgorithms(file, ObjectOf(e, "quantization") ?? e);
                break;
            default:
                if (method == "compressed-tensors") CheckGroups(file, e);
                break;
        }
    }

    /// <summary>The groups of compressed-tensors, by name.</summary>
    public static IEnumerable<(string Name, JsonElement Group)> Groups(JsonElement e) =>
        ObjectOf(e, "config_groups") is JsonElement groups
            ? groups.EnumerateObject().Where(g => g.Value.ValueKind == JsonValueKind.Object)
                .Select(g => (g.Name, g.Value))
            : [];

    /// <summary>Inputs that share a scale, as the configuration names them.</summary>
    public static List<int> GroupSizes(JsonElement e)
    {
        List<JsonElement> places = [e, .. Groups(e).Select(g => ObjectOf(g.Group, "weights")).OfType<JsonElement>()];
        if (ObjectOf(e, "dynamic") is JsonElement rules)
        {
            places.AddRange(rules.EnumerateObject().Select(r => r.Value)
                .Where(r => r.ValueKind == JsonValueKind.Object));
        }

        return
        [
            .. places.SelectMany(p => new[] { Number(p, "group_size"), Number(p, "q_group_size") })
                .Where(s => s > 0).Distinct(),
        ];
    }

    /// <summary>Bits of integers that the groups of compressed-tensors name; 1 to 8 if there are none.</summary>
    public static List<int> PackedBits(JsonElement e)
    {
        List<int> bits =
        [
            .. Groups(e).Select(g => ObjectOf(g.Group, "weights")).OfType<JsonElement>()
                .Select(w => Number(w, "num_bits")).Where(b => b is >= 1 and <= 8).Distinct(),
        ];
        return bits.Count > 0 ? bits : [1, 2, 3, 4, 5, 6, 7, 8];
    }

    /// <summary>True if which group an input is of is stored: actorder "group", which has two other names.</summary>
    public static bool IsOrdered(JsonElement weights) =>
        IsTrue(weights, "actorder") || Text(weights, "actorder")?.ToLowerInvariant() is "group" or "dynamic";

    private static void CheckRules(string file, JsonElement e)
    {
        if (ObjectOf(e, "dynamic") is not JsonElement rules) return;
        foreach (JsonProperty rule in rules.EnumerateObject())
        {
            if (rule.Value.ValueKind != JsonValueKind.Object) continue;
            Among(file, rule.Value, "bits", 2, 3, 4, 8);
            GroupSize(file, rule.Value, "group_size");
        }
    }

    private static void CheckGroups(string file, JsonElement e)
    {
        foreach ((string name, JsonElement group) in Groups(e))
        {
            string key = $"config_groups.{name}.";
            if (ObjectOf(group, "weights") is not JsonElement weights)
            {
                // Inputs alone: nothing beside a float weight says how they are rounded.
                if (ObjectOf(group, "input_activations") is not null)
                    throw QuantizationLayouts.Bad(file, key + "weights", "an object", "none");
                continue;
            }

            key += "weights.";
            Among(file, weights, "num_bits", 1, 2, 3, 4, 5, 6, 7, 8);
            QuantizationLayouts.Expect(file, key + "type", Text(weights, "type") ?? "int", "int", "float");
            QuantizationLayouts.Expect(
                file, key + "strategy", Text(weights, "strategy") ?? "tensor",
                "tensor", "channel", "group", "block", "token", "tensor_group");
            GroupSize(file, weights, "group_size");
            CheckBlock(file, weights, "block_structure");
            if (Text(weights, "actorder") is string order)
                QuantizationLayouts.Expect(file, key + "actorder", order, "group", "weight", "static", "dynamic");
        }
    }

    private static void CheckAlgorithms(string file, JsonElement e)
    {
        if (Text(e, "quant_algo") is string algorithm)
            QuantizationLayouts.Expect(file, "quant_algo", algorithm, Algorithms);
        if (ObjectOf(e, "quantized_layers") is not JsonElement layers) return;
        foreach (JsonProperty layer in layers.EnumerateObject())
        {
            if (layer.Value.ValueKind == JsonValueKind.Object && Text(layer.Value, "quant_algo") is string own)
                QuantizationLayouts.Expect(file, $"quantized_layers.{layer.Name}.quant_algo", own, Algorithms);
        }
    }

    private static void Among(string file, JsonElement e, string key, params int[] known)
    {
        if (!e.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out int number) || !known.Contains(number))
            throw QuantizationLayouts.Bad(file, key, string.Join(", ", known), value.GetRawText());
    }

    private static void GroupSize(string file, JsonElement e, string key)
    {
        if (!e.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out int size) || size is < -1 or 0)
            throw QuantizationLayouts.Bad(file, key, "-1 or a number above 0", value.GetRawText());
    }

    private static void CheckBlock(string file, JsonElement e, string key)
    {
        if (!e.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return;
        bool isPair = value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 2
            && value.EnumerateArray().All(
                v => v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out int size) && size > 0);
        // Older files write text; this is also what is taken where nothing is said.
        if (!isPair && !(value.ValueKind == JsonValueKind.String && value.GetString() == "128x128"))
            throw QuantizationLayouts.Bad(file, key, "two numbers above 0", value.GetRawText());
    }

    private static bool IsFalse(JsonElement e, string name) =>
        e.TryGetProperty(name, out JsonElement v) && v.ValueKind == JsonValueKind.False;
}
