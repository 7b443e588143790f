using Engine.Loading;
using Engine.Loading.Gguf;
using Engine.Memory;

namespace Engine.Models;

/// <summary>What config.json and generation_config.json say about a model.</summary>
public sealed class ModelConfig
{
    private const string FileName = "config.json";

    private ModelConfig(ConfigJson json, ConfigJson? generation, string architecture, ModelPurpose purpose)
    {
        Purpose = purpose;
        Json = json;
        Architecture = architecture;
        ModelType = json.String("model_type", "");
        VocabSize = json.Int("vocab_size", null, 1, 1 << 24);
        HiddenSize = json.IntOf(1, 1 << 20, "hidden_size", "n_embd", "d_model", "n_embed");
        NumLayers = json.IntOf(1, 4096, "num_hidden_layers", "n_layer", "n_layers", "num_layers");
        NumHeads = json.IntOf(1, 1 << 14, "num_attention_heads", "n_head", "n_heads");
        NumKvHeads = json.OptionalInt("num_key_value_heads", 1, NumHeads) ?? NumHeads;
        if (NumHeads % NumKvHeads != 0)
        {
            throw json.Bad("num_key_value_heads", $"a divisor of {NumHeads} heads", $"{NumKvHeads}");
        }
        HeadDim = json.OptionalInt("head_dim", 1, 4096) ?? HiddenSize / NumHeads;
        if (HeadDim < 1) throw json.Bad("num_attention_heads", $"at most hidden_size {HiddenSize}", $"{NumHeads}");
        MaxPositionEmbeddings = ReadMaxPositions(json);
        MaxModelLen = DeriveMaxModelLen();
        StoredType = ParseType(json);
        EosTokenIds = ReadEosIds(json, generation);
        BosTokenId = TokenId(json, "bos_token_id") ?? (generation is null ? null : TokenId(generation, "bos_token_id"));
    }

    /// <summary>The first class of architectures that is known: "LlamaForCausalLM".</summary>
    public string Architecture { get; }

    /// <summary>The family's name in config.json: "llama".</summary>
    public string ModelType { get; }

    /// <summary>Rows of the output matrix; at least the tokenizer's vocabulary.</summary>
    public int VocabSize { get; }

    /// <summary>Width of the residual stream.</summary>
    public int HiddenSize { get; }

    /// <summary>Number of decoder layers.</summary>
    public int NumLayers { get; }

    /// <summary>Query heads.</summary>
    public int NumHeads { get; }

    /// <summary>Key and value heads.</summary>
    public int NumKvHeads { get; internal set; }

    /// <summary>Width of a head.</summary>
    public int HeadDim { get; }

    /// <summary>max_position_embeddings as the file has it.</summary>
    public int MaxPositionEmbeddings { get; }

    /// <summary>Longest prompt plus output: the model's own, or the load option where that is shorter.</summary>
    public int MaxModelLen { get; private set; }

    /// <summary>Element type the file names (torch_dtype or dtype), or null.</summary>
    public DType? StoredType { get; }

    /// <summary>Ids that end an output, from generation_config.json and config.json.</summary>
    public IReadOnlyList<int> EosTokenIds { get; }

    /// <summary>Id that begins a prompt, or null.</summary>
    public int? BosTokenId { get; }

    internal ConfigJson Json { get; }

    /// <summary>What the model is loaded for.</summary>
    internal ModelPurpose Purpose { get; }

    /// <summary>Width of the MLP.</summary>
    internal int IntermediateSize => Json.Int("intermediate_size", null, 1, 1 << 22);

    /// <summary>Reads both files of a folder.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="purpose">What the model is loaded for.</param>
    /// <param name="overrides">A JSON object whose members replace those of config.json; null is none.</param>
    internal static ModelConfig Read(
        ModelFolder folder, ModelPurpose purpose = ModelPurpose.Generate, string? overrides = null)
    {
        byte[] config = folder.Gguf is GgufModel model
            ? GgufConfig.Create(model)
            : folder.TryRead(FileName) ?? throw new EngineException(
                EngineStatus.NotFound, $"{FileName}: no such file in {folder.Root}", "model");
        if (overrides is not null) config = ConfigJson.Merge(config, overrides, "hf_overrides");
        return folder.Gguf is GgufModel gguf
            ? Parse(config, null, gguf.Name, purpose)
            : Parse(config, folder.TryRead("generation_config.json"), purpose: purpose);
    }

    /// <summary>Reads both files from memory.</summary>
    /// <param name="config">config.json.</param>
    /// <param name="generation">generation_config.json, or null.</param>
    /// <param name="file">What messages call the first one.</param>
    /// <param name="purpose">What the model is loaded for.</param>
    internal static ModelConfig Parse(
        byte[] config, byte[]? generation = null, string file = FileName,
        ModelPurpose purpose = ModelPurpose.Generate)
    {
        ConfigJson json = ConfigJson.Parse(file, config);
        List<string>? architectures = json.Strings("architectures");
        if (architectures is not { Count: > 0 }) throw json.Missing("architectures");
        // Before any field that only some families have.
        string architecture = purpose == ModelPurpose.DraftHead
            ? architectures[0]
            : ArchitectureRegistry.Choose(architectures, purpose);
        return new ModelConfig(
            json,
            generation is null ? null : ConfigJson.Parse("generation_config.json", generation),
            architecture,
            purpose);
    }

    /// <summary>Takes the load option's maximum; longer than the model's own is an error.</summary>
    internal void LimitModelLen(int? maxModelLen)
    {
        if (maxModelLen is not int limit) return;
        if (limit < 1 || limit > MaxModelLen)
        {
            throw EngineException.Invalid(
                "max_model_len", $"expected 1 to {MaxModelLen} (from {FileName}), found {limit}");
        }
        MaxModelLen = limit;
    }

    internal RopeSettings Rope(string layerType = "full_attention") => RopeSettings.Read(Json, layerType);

    /// <summary>layer_types, checked, or null where config.json is of the older style.</summary>
    internal List<string>? LayerTypes()
    {
        List<string>? types = Json.Strings("layer_types");
        if (types is not null && types.Count < NumLayers)
        {
            throw Json.Bad("layer_types", $"{NumLayers} entries", $"{types.Count}");
        }
        return types;
    }

    private static int ReadMaxPositions(ConfigJson json)
    {
        foreach (string key in (ReadOnlySpan<string>)
            ["max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx"])
        {
            if (json.Has(key)) return json.Int(key, null, 1, 1 << 28);
        }
        return 2048;
    }

    // As in vLLM: scalings that stretch a shorter pretrained length multiply it; llama3 and longrope files
    // already name the long one.
    private int DeriveMaxModelLen()
    {
        RopeSettings rope = Rope();
        if (rope.Scaling is not ConfigJson s || !s.Has("factor") || ModelType.StartsWith("gemma3", StringComparison.Ordinal))
        {
            return MaxPositionEmbeddings;
        }
        double length = rope.Type switch
        {
            "linear" => MaxPositionEmbeddings * s.Double("factor"),
            "dynamic" when !s.Has("alpha") => MaxPositionEmbeddings * s.Double("factor"),
            "yarn" => (s.OptionalDouble("original_max_position_embeddings") ?? MaxPositionEmbeddings) *
                s.Double("factor"),
            _ => MaxPositionEmbeddings,
        };
        return length is >= 1 and <= 1 << 28
            ? (int)length
            : throw s.Bad("factor", $"a length up to {1 << 28}", $"{length}");
    }

    private static DType? ParseType(ConfigJson json)
    {
        string? name = json.OptionalString("dtype") ?? json.OptionalString("torch_dtype");
        if (name is null) return null;
        if (name.StartsWith("torch.", StringComparison.Ordinal)) name = name[6..];
        return name switch
        {
            "float32" or "float" => DType.F32,
            "bfloat16" => DType.BF16,
            "float16" or "half" => DType.F16,
            _ => throw json.Bad("torch_dtype", "float32, bfloat16 or float16", $"\"{name}\""),
        };
    }

    private int? TokenId(ConfigJson json, string key)
    {
        List<int>? ids = json.IntOrInts(key);
        return ids is { Count: > 0 } && ids[0] >= 0 && ids[0] < VocabSize ? ids[0] : null;
    }

    private List<int> ReadEosIds(ConfigJson json, ConfigJson? generation)
    {
        List<int> ids = [];
        foreach (ConfigJson? source in (ReadOnlySpan<ConfigJson?>)[generation, json])
        {
            foreach (int id in source?.IntOrInts("eos_token_id") ?? [])
            {
                if (id < 0 || id >= VocabSize)
                {
                    throw source!.Bad("eos_token_id", $"0 to {VocabSize - 1} (below vocab_size)", $"{id}");
                }
                if (!ids.Contains(id)) ids.Add(id);
            }
        }
        return ids;
    }
}
