using System.Text.Json;
using Engine.Devices;
using Engine.Loading;
using Engine.Memory;
using static Engine.Quantization.SettingsJson;

namespace Engine.Quantization;

/// <summary>
/// What config.json (quantization_config) or an older file beside it says about the weights. Bits and group
/// sizes follow from the shapes of the tensors; this holds what does not.
/// </summary>
internal sealed record QuantizationSettings
{
    private static readonly string[] Known =
        ["gptq", "awq", "auto-round", "bitsandbytes", "compressed-tensors", "fp8", "fbgemm_fp8", "modelopt"];

    /// <summary>The method: gptq, awq, bitsandbytes, compressed-tensors, fp8, fbgemm_fp8, modelopt.</summary>
    public required string Method { get; init; }

    /// <summary>GPTQ only: zeros are stored as they are (gptq_v2), not less one.</summary>
    public bool StoresZeros { get; init; }

    /// <summary>Inputs that share a scale, as the configuration names them; shapes of tensors choose.</summary>
    public IReadOnlyList<int> GroupSizes { get; init; } = [];

    /// <summary>Bits of packed codes that there are.</summary>
    public IReadOnlyList<int> PackedBits { get; init; } = [1, 2, 3, 4, 5, 6, 7, 8];

    /// <summary>Layers of GPTQ whose order of inputs must be stored (desc_act).</summary>
    public OrderedLayers Order { get; init; } = OrderedLayers.None;

    /// <summary>Rows and columns of a block of scales.</summary>
    public (int Rows, int Columns) Block { get; init; } = (128, 128);

    /// <summary>How inputs of quantized layers are rounded.</summary>
    public IReadOnlyList<InputGroup> Inputs { get; init; } = [];

    /// <summary>F8E4M3 if K and V are to be stored in 8-bit floats, else null.</summary>
    public DType? KvCacheType { get; init; }

    /// <summary>What a folder of `engine convert` says of its output matrix.</summary>
    public WeightQuantization OutputRounding { get; init; }

    /// <summary>The settings of a folder, or null if its weights are not quantized.</summary>
    /// <exception cref="EngineException">Unsupported: a method or layout that is not read.</exception>
    public static QuantizationSettings? Read(ModelFolder folder)
    {
        if (Parse(folder, "config.json") is JsonElement config
            && (ObjectOf(config, "quantization_config") ?? ObjectOf(config, "compression_config")) is JsonElement inner)
        {
            return From("config.json", inner, MethodOf(inner)) with
            {
                OutputRounding = OutputRoundingOf(config),
            };
        }

        if (Parse(folder, "quantize_config.json") is JsonElement gptq)
            return From("quantize_config.json", gptq, "gptq");
        if (Parse(folder, "quant_config.json") is JsonElement awq)
            return From("quant_config.json", awq, "awq");
        return Parse(folder, "hf_quant_config.json") is JsonElement modelopt
            ? From("hf_quant_config.json", modelopt, "modelopt")
            : null;
    }

    private static JsonElement? Parse(ModelFolder folder, string name)
    {
        if (folder.TryRead(name) is not byte[] bytes) return null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw EngineException.Corrupt(name, "expected an object");
        }
        catch (JsonException e)
        {
            throw EngineException.Corrupt(name, $"is not valid JSON: {e.Message}", e);
        }
    }

    // Spelled in several ways; the oldest configurations of bitsandbytes do not name it.
    private static string MethodOf(JsonElement e)
    {
        string name = (Text(e, "quant_method") ?? "").ToLowerInvariant();
        if (name.StartsWith("modelopt", StringComparison.Ordinal)) return "modelopt";
        if (name is "bitsandbytes_4bit" or "bitsandbytes_8bit") return "bitsandbytes";
        if (name is "intel/auto-round" or "auto_round") return "auto-round";
        if (name == "compressed_tensors") return "compressed-tensors";
        return name.Length == 0 && (IsTrue(e, "load_in_4bit") || IsTrue(e, "load_in_8bit")) ? "bitsandbytes" : name;
    }

    private static QuantizationSettings From(string file, JsonElement e, string method)
    {
        if (!Known.Contains(method))
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"{file}: quant_method: expected {string.Join(", ", Known)}, found \"{method}\"",
                "quantization_config");
        }

        string stored = method;
        method = QuantizationLayouts.Check(file, e, method);
        QuantizationFields.Check(file, e, stored, method);
        return new QuantizationSettings
        {
            Method = method,
            StoresZeros = (Text(e, "checkpoint_format") ?? Text(e, "format")) == "gptq_v2",
            GroupSizes = QuantizationFields.GroupSizes(e),
            PackedBits = QuantizationFields.PackedBits(e),
            Order = method == "gptq" ? OrderedLayers.Read(e) : OrderedLayers.None,
            Block = BlockOf(e) ?? (128, 128),
            KvCacheType = KvCacheTypeOf(e),
            Inputs = InputGroups.Read(method, e, BlockOf(e)),
        };
    }

    private static WeightQuantization OutputRoundingOf(JsonElement config) =>
        config.TryGetProperty("engine", out JsonElement engine) && engine.ValueKind == JsonValueKind.Object
            && Text(engine, "output") == "int8"
            ? WeightQuantization.Int8
            : WeightQuantization.None;

    // compressed-tensors: kv_cache_scheme; ModelOpt: kv_cache_quant_algo, in its own file one level down.
    private static DType? KvCacheTypeOf(JsonElement e)
    {
        if (e.TryGetProperty("quantization", out JsonElement inner) && inner.ValueKind == JsonValueKind.Object)
            e = inner;
        if (Text(e, "kv_cache_quant_algo") is string algorithm)
            return algorithm.Equals("FP8", StringComparison.OrdinalIgnoreCase) ? DType.F8E4M3 : null;
        bool isFloat8 = e.TryGetProperty("kv_cache_scheme", out JsonElement scheme)
            && scheme.ValueKind == JsonValueKind.Object
            && Text(scheme, "type") == "float"
            && scheme.TryGetProperty("num_bits", out JsonElement bits)
            && bits.ValueKind == JsonValueKind.Number && bits.TryGetInt32(out int n) && n == 8;
        return isFloat8 ? DType.F8E4M3 : null;
    }

    private static (int Rows, int Columns)? BlockOf(JsonElement e)
    {
        if (Pair(e, "weight_block_size") is (int, int) size) return size;
        if (!e.TryGetProperty("config_groups", out JsonElement groups)
            || groups.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        foreach (JsonProperty group in groups.EnumerateObject())
        {
            if (group.Value.ValueKind == JsonValueKind.Object
                && group.Value.TryGetProperty("weights", out JsonElement weights)
                && weights.ValueKind == JsonValueKind.Object
                && Pair(weights, "block_structure") is (int, int) block)
            {
                return block;
            }
        }

        return null;
    }

    private static (int Rows, int Columns)? Pair(JsonElement e, string name)
    {
        if (!e.TryGetProperty(name, out JsonElement v) || v.ValueKind != JsonValueKind.Array
            || v.GetArrayLength() != 2 || !v[0].TryGetInt32(out int rows) || !v[1].TryGetInt32(out int columns))
        {
            return null;
        }

        return rows > 0 && columns > 0 ? (rows, columns) : null;
    }
}
