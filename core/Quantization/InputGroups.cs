using System.Text.Json;
using static Engine.Quantization.SettingsJson;

namespace Engine.Quantization;

/// <summary>Reads what a configuration says of the inputs of quantized layers.</summary>
internal static class InputGroups
{
    /// <param name="method">quant_method.</param>
    /// <param name="e">The quantization's configuration.</param>
    /// <param name="block">Rows and columns of a block where weights have scales per block.</param>
    public static IReadOnlyList<InputGroup> Read(string method, JsonElement e, (int Rows, int Columns)? block) =>
        method switch
        {
            "fp8" => [All(Fp8(e, block))],
            "fbgemm_fp8" => [All(InputRounding.E4M3Token)],
            "modelopt" => ModelOpt(e),
            "compressed-tensors" => CompressedTensors(e),
            _ => [],
        };

    private static InputGroup All(InputRounding rounding) => new("", 0, InputTargets.None, rounding);

    // Groups of inputs are as wide as blocks of weights; no kernel rounds other widths than 128.
    private static InputRounding Fp8(JsonElement e, (int Rows, int Columns)? block) =>
        Text(e, "activation_scheme") switch
        {
            "static" => InputRounding.E4M3Tensor,
            "dynamic" when block is null => InputRounding.E4M3Token,
            "dynamic" when block.Value.Columns == 128 => InputRounding.E4M3Group,
            _ => InputRounding.Own,
        };

    private static List<InputGroup> ModelOpt(JsonElement e)
    {
        if (e.TryGetProperty("quantization", out JsonElement inner) && inner.ValueKind == JsonValueKind.Object)
            e = inner;
        List<InputGroup> groups = [];
        // MIXED_PRECISION: an algorithm for every layer by name.
        if (e.TryGetProperty("quantized_layers", out JsonElement layers) && layers.ValueKind == JsonValueKind.Object)
        {
            groups.AddRange(layers.EnumerateObject().Where(l => l.Value.ValueKind == JsonValueKind.Object)
                .GroupBy(l => OfAlgorithm(Text(l.Value, "quant_algo")), l => l.Name)
                .Select(g => new InputGroup("", 0, new InputTargets(g), g.Key)));
        }

        groups.Add(All(OfAlgorithm(Text(e, "quant_algo"))));
        return groups;
    }

    private static InputRounding OfAlgorithm(string? name) => name?.ToUpperInvariant() switch
    {
        "FP8" => InputRounding.E4M3Tensor,
        "FP8_PER_CHANNEL_PER_TOKEN" => InputRounding.E4M3Token,
        "NVFP4" => InputRounding.NvFp4,
        _ => InputRounding.Own,
    };

    private static List<InputGroup> CompressedTensors(JsonElement e)
    {
        List<InputGroup> groups = [];
        if (!e.TryGetProperty("config_groups", out JsonElement all) || all.ValueKind != JsonValueKind.Object)
            return groups;
        foreach (JsonProperty group in all.EnumerateObject())
        {
            if (group.Value.ValueKind != JsonValueKind.Object
                || !group.Value.TryGetProperty("weights", out JsonElement weights)
                || weights.ValueKind != JsonValueKind.Object)
            {
                continue;
            }

            bool hasInputs = group.Value.TryGetProperty("input_activations", out JsonElement inputs)
                && inputs.ValueKind == JsonValueKind.Object;
            groups.Add(new InputGroup(
                Text(weights, "type") ?? "int", Number(weights, "num_bits"), Targets(group.Value),
                hasInputs ? Rounding(inputs) : InputRounding.Own, QuantizationFields.IsOrdered(weights)));
        }

        return groups;
    }

    private static InputTargets Targets(JsonElement group) =>
        group.TryGetProperty("targets", out JsonElement targets) && targets.ValueKind == JsonValueKind.Array
            ? new InputTargets(
                targets.EnumerateArray().Where(t => t.ValueKind == JsonValueKind.String).Select(t => t.GetString()!))
            : InputTargets.None;

    // A scale of the whole batch would make a row's result depend on the others: it is that of each row here.
    private static InputRounding Rounding(JsonElement inputs)
    {
        bool isStatic = inputs.TryGetProperty("dynamic", out JsonElement dynamic)
            && dynamic.ValueKind == JsonValueKind.False;
        bool isSymmetric = !inputs.TryGetProperty("symmetric", out JsonElement symmetric)
            || symmetric.ValueKind != JsonValueKind.False;
        int size = Number(inputs, "group_size");
        return (Text(inputs, "type") ?? "int", Number(inputs, "num_bits")) switch
        {
            ("int", 8) when size > 0 => InputRounding.Own,
            ("int", 8) when isStatic => InputRounding.Int8Tensor,
            ("int", 8) => isSymmetric ? InputRounding.Int8Token : InputRounding.Int8TokenZero,
            ("float", 8) when size > 0 => size == 128 ? InputRounding.E4M3Group : InputRounding.Own,
            ("float", 8) => isStatic ? InputRounding.E4M3Tensor : InputRounding.E4M3Token,
            ("float", 4) when size == 16 => InputRounding.NvFp4,
            _ => InputRounding.Own,
        };
    }
}
