using System.Text.Json;
using Engine.Loading;
using Engine.Models;

namespace Engine.Pooling;

/// <summary>
/// What sentence-transformers does behind the layers, from modules.json and its folders: pooling, dense layers,
/// normalization; and how long a text may be.
/// </summary>
internal sealed class SentenceModules
{
    private static readonly (string Key, PoolingMode Mode)[] _modes =
    [
        // In the order in which several are put beside one another.
        ("pooling_mode_cls_token", PoolingMode.Cls),
        ("pooling_mode_max_tokens", PoolingMode.Max),
        ("pooling_mode_mean_tokens", PoolingMode.Mean),
        ("pooling_mode_mean_sqrt_len_tokens", PoolingMode.MeanSqrtLen),
        ("pooling_mode_weightedmean_tokens", PoolingMode.WeightedMean),
        ("pooling_mode_lasttoken", PoolingMode.LastToken),
    ];

    // The first is usual; the library's first years named the file by the family.
    private static readonly string[] _settingsNames =
    [
        "sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json",
        "sentence_camembert_config.json", "sentence_albert_config.json", "sentence_xlm-roberta_config.json",
        "sentence_xlnet_config.json",
    ];

    public required IReadOnlyList<PoolingMode> Modes { get; init; }

    public IReadOnlyList<DenseLayer> Dense { get; init; } = [];

    public bool Normalizes { get; init; }

    /// <summary>False if the tokens of a prompt are not pooled (include_prompt).</summary>
    public bool CountsPrompt { get; init; } = true;

    /// <summary>max_seq_length; null where nobody said.</summary>
    public int? MaxTokens { get; init; }

    public bool LowersCase { get; init; }

    /// <summary>Texts put before others, by name ("query", "document").</summary>
    public IReadOnlyDictionary<string, string> Prompts { get; init; } = new Dictionary<string, string>();

    public string? DefaultPromptName { get; init; }

    /// <summary>Reads the folder; null if it has no modules.json.</summary>
    public static SentenceModules? Read(ModelFolder folder)
    {
        if (folder.TryRead("modules.json") is not byte[] json) return null;
        List<PoolingMode> modes = [PoolingMode.Mean];
        List<DenseLayer> dense = [];
        bool normalizes = false, countsPrompt = true;
        foreach (ConfigJson module in Modules(json))
        {
            string type = module.String("type", ""), kind = type[(type.LastIndexOf('.') + 1)..];
            string path = module.String("path", "");
            switch (kind)
            {
                case "Transformer" or "Dropout":
                    break;
                case "Pooling":
                    ConfigJson pooling = Config(folder, path);
                    modes = ReadModes(pooling);
                    countsPrompt = pooling.Bool("include_prompt", true);
                    break;
                case "Dense" when normalizes:
                    throw new EngineException(
                        EngineStatus.Unsupported, "modules.json: expected Normalize behind Dense, found it in front",
                        "model");
                case "Dense":
                    dense.Add(ReadDense(folder, path));
                    break;
                case "Normalize":
                    normalizes = true;
                    break;
                default:
                    throw new EngineException(
                        EngineStatus.Unsupported,
                        $"modules.json: expected modules Transformer, Pooling, Dense and Normalize, found \"{type}\"",
                        "model");
            }
        }

        ConfigJson? sentences =
            _settingsNames.Select(name => TryConfig(folder, name)).FirstOrDefault(c => c is not null);
        ConfigJson? prompts = TryConfig(folder, "config_sentence_transformers.json");
        return new SentenceModules
        {
            Modes = modes,
            Dense = dense,
            Normalizes = normalizes,
            CountsPrompt = countsPrompt,
            MaxTokens = sentences?.OptionalInt("max_seq_length", 1),
            LowersCase = sentences?.Bool("do_lower_case", false) ?? false,
            Prompts = prompts?.StringMap("prompts") ?? new Dictionary<string, string>(),
            DefaultPromptName = prompts?.OptionalString("default_prompt_name"),
        };
    }

    private static List<ConfigJson> Modules(byte[] json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind == JsonValueKind.Array)
            {
                return [.. document.RootElement.EnumerateArray()
                    .Select(e => new ConfigJson("modules.json", e.Clone()))];
            }
        }
        catch (JsonException e)
        {
            throw EngineException.Corrupt("modules.json", $"is not valid JSON: {e.Message}", e);
        }

        throw EngineException.Corrupt("modules.json", "expected an array");
    }

    private static List<PoolingMode> ReadModes(ConfigJson config)
    {
        List<string>? names = !config.Has("pooling_mode") ? null
            : config.IsArray("pooling_mode") ? config.Strings("pooling_mode")
            : config.OptionalString("pooling_mode")!.ToLowerInvariant().Split('+').ToList();
        List<PoolingMode> modes = names is null
            ? [.. _modes.Where(m => config.Bool(m.Key, false)).Select(m => m.Mode)]
            : [.. names.Select(name => ModeOf(config, name))];
        return modes.Count > 0 ? modes : [PoolingMode.Mean];
    }

    private static PoolingMode ModeOf(ConfigJson config, string name) => name switch
    {
        "cls" => PoolingMode.Cls,
        "max" => PoolingMode.Max,
        "mean" => PoolingMode.Mean,
        "mean_sqrt_len_tokens" => PoolingMode.MeanSqrtLen,
        "weightedmean" => PoolingMode.WeightedMean,
        "lasttoken" => PoolingMode.LastToken,
        _ => throw config.Bad(
            "pooling_mode", "cls, max, mean, mean_sqrt_len_tokens, weightedmean or lasttoken", $"\"{name}\""),
    };

    private static DenseLayer ReadDense(ModelFolder folder, string path)
    {
        ConfigJson config = Config(folder, path);
        string name = config.String("activation_function", "Identity");
        DenseActivation activation = name[(name.LastIndexOf('.') + 1)..] switch
        {
            "Identity" => DenseActivation.None,
            "Tanh" => DenseActivation.Tanh,
            "ReLU" => DenseActivation.Relu,
            "GELU" => DenseActivation.Gelu,
            "Sigmoid" => DenseActivation.Sigmoid,
            "SiLU" => DenseActivation.Silu,
            _ => throw config.Bad("activation_function", "Identity, Tanh, ReLU, GELU, SiLU or Sigmoid", $"\"{name}\""),
        };
        using WeightMap weights = new(SafetensorsModel.Open(folder.TryOpen(path)!));
        return DenseLayer.Read(
            weights, "linear", config.Int("out_features", null, 1, 1 << 20),
            config.Int("in_features", null, 1, 1 << 20), activation);
    }

    private static ConfigJson Config(ModelFolder folder, string path) =>
        folder.TryOpen(path)?.TryRead("config.json") is byte[] json
            ? ConfigJson.Parse($"{path}/config.json", json)
            : throw new EngineException(EngineStatus.NotFound, $"{path}/config.json: no such file", "model");

    private static ConfigJson? TryConfig(ModelFolder folder, string name) =>
        folder.TryRead(name) is byte[] json ? ConfigJson.Parse(name, json) : null;
}
