using Engine.Devices.Cuda;
using Engine.Hosting;
using Engine.Loading;
using Engine.Loading.Gguf;
using Engine.Memory;
using Engine.Models;
using Engine.Models.Architectures;
using Engine.Tokenization;
using Engine.Tokenization.Templating;

namespace Engine.Pooling;

/// <summary>A model that makes vectors or scores of whole texts. Immutable; PoolingWorker runs it.</summary>
public sealed class PoolingModel : IDisposable
{
    private readonly SentenceModules _modules;
    private readonly ClassifierHead? _classifier;
    private readonly bool _scoresAreLogits;
    private readonly bool _isMultiLabel;

    private PoolingModel(
        ModelLoadOptions options, Tokenizer? tokenizer, ModelWeights weights, SentenceModules modules,
        ClassifierHead? classifier, int maxTokens)
    {
        Name = options.Model;
        Weights = weights;
        _modules = modules;
        _classifier = classifier;
        MaxTokens = maxTokens;
        Tokenizer = tokenizer;
        ConfigJson json = weights.Config.Json;
        string? activation = json.OptionalString("sbert_ce_default_activation_function")
            ?? json.Object("sentence_transformers")?.OptionalString("activation_fn");
        _scoresAreLogits = activation?.EndsWith("Identity", StringComparison.Ordinal) ?? false;
        _isMultiLabel = json.String("problem_type", "") == "multi_label_classification"
            || (activation?.EndsWith("Sigmoid", StringComparison.Ordinal) ?? false);
        Labels = classifier is null ? [] : ReadLabels(json, classifier.NumLabels);
    }

    /// <summary>The name it was loaded by.</summary>
    public string Name { get; }

    /// <summary>Text to ids; null if the folder has none.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>What config.json says.</summary>
    public ModelConfig Config => Weights.Config;

    /// <summary>Longest text, special tokens among its tokens.</summary>
    public int MaxTokens { get; }

    /// <summary>True if it makes vectors, false if it judges.</summary>
    public bool Embeds => _classifier is null;

    /// <summary>Labels of a classifier in order; empty if it makes vectors.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>Width of its vectors.</summary>
    public int Dimensions => _modules.Dense.Count > 0
        ? _modules.Dense[^1].NumOutputs
        : _modules.Modes.Count * Config.HiddenSize;

    /// <summary>Texts to put before others, by name.</summary>
    public IReadOnlyDictionary<string, string> Prompts => _modules.Prompts;

    /// <summary>The prompt that is put before every text; null is none.</summary>
    public string? DefaultPromptName => _modules.DefaultPromptName;

    /// <summary>The texts are lowered before they are tokenized.</summary>
    public bool LowersCase => _modules.LowersCase;

    /// <summary>The device, for people.</summary>
    public string DeviceName => Weights.Device.Name;

    /// <summary>Bytes of weights on the device.</summary>
    public long WeightBytes => Weights.Bytes;

    /// <summary>What a host must know of it.</summary>
    public ModelInfo Info => new()
    {
        Name = Name,
        VocabSize = Config.VocabSize,
        MaxModelLen = MaxTokens,
        EosTokenIds = [],
    };

    internal ModelWeights Weights { get; }

    /// <summary>True if a model can only be pooled, by its class or its sentence-transformers files.</summary>
    /// <exception cref="EngineException">As Load, for what config.json can tell.</exception>
    public static bool IsPooling(ModelLoadOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (ModelResolver.IsGguf(options.Model)) return false; // not opened twice to be told so
        ModelFolder folder = ModelResolver.Resolve(options, cancellation);
        using GgufModel? gguf = folder.Gguf;
        return IsPooling(options, folder);
    }

    internal static bool IsPooling(ModelLoadOptions options, ModelFolder folder)
    {
        if (folder.Gguf is not null || folder.TryRead("config.json") is not byte[] json) return false;
        if (options.HfOverrides is string overrides) json = ConfigJson.Merge(json, overrides, "hf_overrides");
        ConfigJson config = ConfigJson.Parse("config.json", json);
        return folder.Exists("modules.json")
            || (config.Strings("architectures") is { Count: > 0 } names && ArchitectureRegistry.IsForPooling(names));
    }

    /// <summary>Loads a model.</summary>
    /// <param name="options">What and how.</param>
    /// <param name="cancellation">Stops between files and tensors.</param>
    /// <exception cref="EngineException">As LoadedModel.Load.</exception>
    public static PoolingModel Load(ModelLoadOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Load(options, ModelResolver.Resolve(options, cancellation), cancellation);
    }

    internal static PoolingModel Load(ModelLoadOptions options, ModelFolder folder, CancellationToken cancellation)
    {
        using GgufModel? gguf = folder.Gguf;
        ModelConfig config = ModelConfig.Read(folder, ModelPurpose.Pool, options.HfOverrides);
        bool isClassifier = ClassifierHead.IsFor(config.Architecture);
        SentenceModules modules = SentenceModules.Read(folder) ?? DefaultModules(config);
        int maxTokens = LongestText(config, modules, options.MaxModelLen);
        config.LimitModelLen(Math.Min(maxTokens, config.MaxModelLen));
        using WeightSource weights = ModelResolver.OpenWeights(options, config, folder);
        DType type = ModelResolver.ComputeType(options, config, weights);
        return TokenizerBesideWeights.Load(
            options, folder,
            (tokenizer, stop) => ModelWeights.LoadOnto(
                options, config, weights, type,
                loaded => new PoolingModel(
                    options, tokenizer(), loaded, modules,
                    isClassifier ? ClassifierHead.Read(config, weights, tokenizer()) : null, maxTokens),
                stop),
            cancellation);
    }

    /// <summary>A text, or a pair, as the model takes it.</summary>
    /// <param name="task">What is wanted of it.</param>
    /// <param name="text">The text.</param>
    /// <param name="pair">The second text of a pair, or null.</param>
    /// <param name="truncate">Keeps so many tokens, -1 as many as the model takes; null refuses what is longer.</param>
    /// <param name="promptName">One of Prompts to put before the text; null is the default one.</param>
    /// <param name="addSpecialTokens">With the tokens that the tokenizer puts around a text.</param>
    /// <exception cref="EngineException">InvalidArgument names the field.</exception>
    public PoolingRequest Prepare(
        PoolingTask task, string text, string? pair = null, int? truncate = null, string? promptName = null,
        bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Tokenizer is null) throw EngineException.Invalid("input", "the model has no tokenizer: ids are needed");
        CheckTruncation(truncate);
        string prompt = PromptOf(promptName);
        int keep = truncate switch { null => 0, -1 => MaxTokens, int n => n };
        TokenEncoding encoding = Tokenizer.EncodePair(
            Cased(pair is null ? prompt + text : text), pair is null ? null : Cased(pair), addSpecialTokens, keep);
        return new PoolingRequest
        {
            TokenIds = encoding.Ids,
            TokenTypeIds = encoding.TypeIds,
            Task = task,
            NumPromptTokens = _modules.CountsPrompt || prompt.Length == 0 || pair is not null
                ? 0
                : PromptTokens(prompt, addSpecialTokens, encoding.Ids.Length),
        };
    }

    // As sentence-transformers counts them: alone, without the end token that alone it has.
    private int PromptTokens(string prompt, bool addSpecialTokens, int numTokens)
    {
        int[] ids = Tokenizer!.EncodePair(Cased(prompt), null, addSpecialTokens, 0).Ids;
        int count = ids.Length > 0 && Tokenizer.IsSpecial(ids[^1]) ? ids.Length - 1 : ids.Length;
        return Math.Min(count, numTokens - 1);
    }

    /// <summary>Frees the weights; no worker may be using them.</summary>
    public void Dispose()
    {
        using CallerContext context = CallerContext.Keep();
        Weights.Dispose();
        Weights.Device.Dispose();
    }

    /// <summary>What is left of ids when they are cut as a text would be.</summary>
    internal IReadOnlyList<int> Truncated(IReadOnlyList<int> ids, int? truncate)
    {
        int keep = truncate switch { null => ids.Count, -1 => MaxTokens, int n => n };
        return keep < ids.Count ? [.. ids.Take(keep)] : ids;
    }

    /// <summary>Throws unless the model can do what is asked of every text.</summary>
    internal void Check(PoolingTask task, PoolingSettings settings)
    {
        if (task is not PoolingTask.TokenEmbed && !(task == PoolingTask.Score && Embeds)) CheckTask(task);
        CheckDimensions(settings.Dimensions);
        CheckTruncation(settings.TruncatePromptTokens);
        PromptOf(settings.PromptName);
    }

    /// <summary>Throws unless the model can do what is asked.</summary>
    internal void Check(PoolingRequest request)
    {
        CheckTask(request.Task);
        if (request.TokenIds.Count == 0) throw EngineException.Invalid("input", "must not be empty");
        if (request.TokenIds.Count > MaxTokens)
        {
            throw EngineException.Invalid(
                "input", $"{request.TokenIds.Count} tokens are more than the {MaxTokens} that the model takes");
        }

        foreach (int id in request.TokenIds)
        {
            if ((uint)id >= (uint)Config.VocabSize)
            {
                throw EngineException.Invalid(
                    "input", $"token id {id} is outside of the vocabulary, 0 to {Config.VocabSize - 1}");
            }
        }

        if (request.TokenTypeIds is { } types && types.Count != request.TokenIds.Count)
        {
            throw EngineException.Invalid("token_type_ids", "must be as many as the tokens");
        }

        CheckDimensions(request.Dimensions);
    }

    /// <summary>What a request wants of the hidden states of its tokens.</summary>
    internal float[] Finish(PoolingRequest request, ReadOnlySpan<float> rows) => request.Task switch
    {
        PoolingTask.TokenEmbed => rows.ToArray(),
        PoolingTask.Classify or PoolingTask.Score => Judge(request, rows),
        _ => Embed(request, rows),
    };

    private void CheckTask(PoolingTask task)
    {
        if (task is < PoolingTask.Embed or > PoolingTask.Score)
        {
            throw EngineException.Invalid("task", $"{(int)task} is no task");
        }

        if (task != PoolingTask.TokenEmbed && (task == PoolingTask.Embed) != Embeds)
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                Embeds ? "the model has no labels: it makes vectors" : "the model makes no vectors: it judges", "task");
        }

        if (task == PoolingTask.Score && Labels.Count != 1)
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"the model has {Labels.Count} labels; scores need one that has a single one", "task");
        }
    }

    private void CheckDimensions(int? wanted)
    {
        if (wanted is int dimensions && (dimensions < 1 || dimensions > Dimensions))
        {
            throw EngineException.Invalid("dimensions", $"expected 1 to {Dimensions}, found {dimensions}");
        }
    }

    private void CheckTruncation(int? truncate)
    {
        if (truncate is int count && (count < -1 || count == 0 || count > MaxTokens))
        {
            throw EngineException.Invalid(
                "truncate_prompt_tokens", $"expected -1 or 1 to {MaxTokens}, found {count}");
        }
    }

    private string PromptOf(string? name)
    {
        if ((name ?? DefaultPromptName) is not string wanted) return "";
        return Prompts.TryGetValue(wanted, out string? prompt)
            ? prompt
            : throw EngineException.Invalid(
                "prompt_name", $"expected one of {string.Join(", ", Prompts.Keys.Order())}, found \"{wanted}\"");
    }

    private string Cased(string text) => LowersCase ? StringMethods.Lower(text) : text;

    private float[] Embed(PoolingRequest request, ReadOnlySpan<float> rows)
    {
        int width = Config.HiddenSize;
        float[] vector = new float[width * _modules.Modes.Count];
        for (int i = 0; i < _modules.Modes.Count; i++)
        {
            Pooler.Pool(
                _modules.Modes[i], rows, width, vector.AsSpan(i * width, width), request.NumPromptTokens);
        }

        foreach (DenseLayer layer in _modules.Dense) vector = layer.Apply(vector);
        if (request.Dimensions is int dimensions) vector = vector[..dimensions];
        if (request.Normalize ?? _modules.Normalizes) Pooler.Normalize(vector);
        return vector;
    }

    private float[] Judge(PoolingRequest request, ReadOnlySpan<float> rows)
    {
        float[] values = _classifier!.Apply(rows, Config.HiddenSize);
        if (!request.UseActivation || _scoresAreLogits) return values;
        if (values.Length == 1 || _isMultiLabel)
        {
            for (int i = 0; i < values.Length; i++) values[i] = (float)(1 / (1 + Math.Exp(-values[i])));
            return values;
        }

        double max = values.Max(), sum = values.Sum(v => Math.Exp(v - max));
        return [.. values.Select(v => (float)(Math.Exp(v - max) / sum))];
    }

    // Without sentence-transformers' files: the first token of an encoder, the last of a decoder, to length 1.
    private static SentenceModules DefaultModules(ModelConfig config) => new()
    {
        Modes = [ArchitectureRegistry.IsEncoder(config.Architecture) ? PoolingMode.Cls : PoolingMode.LastToken],
        Normalizes = true,
    };

    private static int LongestText(ModelConfig config, SentenceModules modules, int? limit)
    {
        int positions = config.MaxModelLen - Bert.PositionOffset(config);
        int longest = Math.Min(positions, modules.MaxTokens ?? positions);
        return limit is int given && (given < 1 || given > longest)
            ? throw EngineException.Invalid("max_model_len", $"expected 1 to {longest}, found {given}")
            : limit ?? longest;
    }

    private static List<string> ReadLabels(ConfigJson json, int count)
    {
        Dictionary<string, string> names = json.StringMap("id2label") ?? [];
        return [.. Enumerable.Range(0, count)
            .Select(i => names.TryGetValue($"{i}", out string? name) ? name : $"LABEL_{i}")];
    }
}
