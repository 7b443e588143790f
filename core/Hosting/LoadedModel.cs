using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Execution;
using Engine.Loading;
using Engine.Loading.Gguf;
using Engine.Memory;
using Engine.Models;
using Engine.Scheduling;
using Engine.Speculation;
using Engine.Tokenization;
using Engine.Tokenization.Templating;

namespace Engine.Hosting;

/// <summary>A model in memory: its configuration, tokenizer and weights. Safe to share between engines.</summary>
public sealed class LoadedModel : IDisposable
{
    private readonly ModelLoadOptions _options;
    private readonly Lock _lock = new();
    private readonly List<IModelRunner> _runners = [];
    private ModelWeights _weights;
    private bool _isFreed;

    private LoadedModel(ModelWeights weights, ModelLoadOptions options, ModelFolder folder, Tokenizer? tokenizer)
    {
        _options = options;
        Name = options.Model;
        Folder = folder.Root;
        _weights = weights;
        Tokenizer = tokenizer;
        EosTokenIds = EosOf(weights.Config, tokenizer);
        GenerationDefaults = folder.Gguf is GgufModel gguf
            ? GgufSampling.Read(gguf.Metadata)
            : GenerationDefaults.Parse(folder.TryRead("generation_config.json"));
        try
        {
            ChatTemplates = folder.Gguf is null
                ? ChatTemplateLoader.LoadAll(folder.Root)
                : ChatTemplateLoader.Parse(folder.Gguf.Name, GgufTokens.ChatTemplates(folder.Gguf.Metadata));
        }
        catch (EngineException e)
        {
            ChatTemplateError = e; // completions still work; who asks for a chat is told
        }
    }

    /// <summary>The name it was loaded by.</summary>
    public string Name { get; }

    /// <summary>The folder that it was loaded from: its own, or the snapshot in the hub's cache.</summary>
    public string Folder { get; }

    /// <summary>What config.json and generation_config.json say.</summary>
    public ModelConfig Config => _weights.Config;

    /// <summary>What the engine's host must know.</summary>
    public ModelInfo Info => new()
    {
        Name = Name,
        VocabSize = Math.Min(Config.VocabSize, Tokenizer?.VocabSize ?? int.MaxValue),
        MaxModelLen = Config.MaxModelLen,
        EosTokenIds = EosTokenIds,
        BosTokenId = Config.BosTokenId,
    };

    /// <summary>Text to ids and back; null if the folder has none.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>Ids that end an output: the configuration's and the tokenizer's.</summary>
    public IReadOnlyList<int> EosTokenIds { get; }

    /// <summary>Chat templates of the folder by name; empty if it has none or they are in error.</summary>
    public IReadOnlyDictionary<string, ChatTemplate> ChatTemplates { get; } =
        new Dictionary<string, ChatTemplate>();

    /// <summary>The default chat template, or the only one; null if there is none.</summary>
    public ChatTemplate? ChatTemplate =>
        ChatTemplates.TryGetValue("default", out ChatTemplate? template) ? template
            : ChatTemplates.Count == 1 ? ChatTemplates.Values.First() : null;

    /// <summary>Why the folder's chat templates cannot be used; null if they can or there are none.</summary>
    public EngineException? ChatTemplateError { get; }

    /// <summary>Sampling parameters that the model's authors recommend.</summary>
    public GenerationDefaults GenerationDefaults { get; }

    /// <summary>Bytes of weights on the device.</summary>
    public long WeightBytes => _weights.Bytes;

    /// <summary>Parameters, tied ones once.</summary>
    public long NumParameters => _weights.NumParameters;

    /// <summary>Parameters of the layers: without embedding and output matrix.</summary>
    public long NumLayerParameters =>
        NumParameters - ((_weights.IsTied ? 1L : 2L) * Config.VocabSize * Config.HiddenSize);

    /// <summary>The device, for people: "cpu (avx512-vnni, 2 threads)".</summary>
    public string DeviceName => _weights.Device.Name;

    /// <summary>Loads a model.</summary>
    /// <param name="options">What and how.</param>
    /// <param name="cancellation">Stops between files and tensors.</param>
    /// <exception cref="EngineException">NotFound, CorruptData (names file, item, expected and found), Unsupported,
    /// InvalidArgument (names the option), OutOfMemory, Io, Cancelled.</exception>
    public static LoadedModel Load(ModelLoadOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Load(options, ModelResolver.Resolve(options, cancellation), cancellation);
    }

    internal static LoadedModel Load(
        ModelLoadOptions options, ModelFolder folder, CancellationToken cancellation)
    {
        using GgufModel? gguf = folder.Gguf;
        ModelConfig config = ModelConfig.Read(folder, overrides: options.HfOverrides);
        config.LimitModelLen(options.MaxModelLen);
        using WeightSource weights = ModelResolver.OpenWeights(options, config, folder);
        DType type = ModelResolver.ComputeType(options, config, weights);
        return TokenizerBesideWeights.Load(
            options, folder,
            (tokenizer, stop) => ModelWeights.LoadOnto(
                options, config, weights, type, loaded => new LoadedModel(loaded, options, folder, tokenizer()), stop),
            cancellation);
    }

    private static List<int> EosOf(ModelConfig config, Tokenizer? tokenizer)
    {
        List<int> ids = [.. config.EosTokenIds];
        int eos = tokenizer?.EosTokenId ?? -1;
        if (eos >= 0 && eos < config.VocabSize && !ids.Contains(eos)) ids.Add(eos);
        return ids;
    }

    // A folder without a tokenizer is served by token ids alone; one that was named must be there.
    internal static Tokenizer? LoadTokenizer(
        ModelLoadOptions options, ModelFolder folder, CancellationToken cancellation)
    {
        try
        {
            return options.Tokenizer is null && folder.Gguf is GgufModel gguf
                ? LoadTokenizer(gguf)
                : TokenizerLoader.Load(ModelResolver.TokenizerPath(options, folder, cancellation));
        }
        catch (EngineException e) when (e.Status == EngineStatus.NotFound && options.Tokenizer is null)
        {
            return null;
        }
    }

    private static Tokenizer? LoadTokenizer(GgufModel gguf) =>
        gguf.Metadata.Has("tokenizer.ggml.model") ? TokenizerLoader.Load(gguf.Metadata) : null;

    /// <summary>A runner with its own KV memory; the model must outlive it.</summary>
    /// <exception cref="EngineException">InvalidArgument names the option; OutOfMemory.</exception>
    public IModelRunner CreateRunner(EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Speculative?.Validate();
        using CallerContext context = CallerContext.Keep();
        using DraftSource? draft = DraftSource.Open(options.Speculative);
        ModelBuilder? draftPlan = draft?.Plan(_weights.Device);
        draft?.CheckFits(Config, _weights.Model.OutputWidth, Tokenizer);
        if (_isFreed)
        {
            throw new EngineException(EngineStatus.Unsupported, "the weights are freed: another engine sleeps", "model");
        }

        DryRun.Run(_weights, options);
        DeviceMemory memory = _weights.Device.Memory();
        long draftBytes = draftPlan?.PlannedBytes ?? 0;
        RunnerLimits limits = RunnerLimits.Derive(
            options, Config, _weights.Kv, _weights.ComputeType, _weights.Device, memory, draftBytes,
            _weights.Activations, _weights.Model.OutputWidth, draftPlan);
        long need = draftBytes + limits.KvBytes + limits.StepBytes;
        if (need > memory.FreeBytes)
        {
            throw new EngineException(
                EngineStatus.OutOfMemory,
                $"a KV cache of {limits.NumBlocks} blocks ({limits.KvBytes} bytes) and the activations of a step " +
                $"take {need} bytes, {memory.FreeBytes} are free; lower num_blocks, kv_cache_memory_bytes, " +
                "max_model_len or max_num_batched_tokens",
                "num_blocks");
        }
        IModelDrafter? drafter = options.Speculative is { } speculative
            ? DrafterFactory.Create(speculative, draft, _weights, limits, Info.VocabSize)
            : null;
        try
        {
            var runner = new ModelRunner(_weights, limits, Tokenizer, EosTokenIds, drafter, this);
            lock (_lock) _runners.Add(runner);
            return runner;
        }
        catch
        {
            drafter?.Dispose();
            throw;
        }
    }

    /// <summary>Throws if others than one runner would miss the weights.</summary>
    internal void CheckMayFree()
    {
        lock (_lock)
        {
            if (_runners.Count > 1)
            {
                throw new EngineException(
                    EngineStatus.Unsupported, $"level 2: {_runners.Count} engines use the weights", "level");
            }
        }
    }

    /// <summary>Gives back the weights and the device until LoadWeights. Idempotent.</summary>
    internal void FreeWeights()
    {
        lock (_lock)
        {
            if (_isFreed) return;
            _isFreed = true;
            using CallerContext context = CallerContext.Keep();
            _weights.Dispose();
            _weights.Device.Dispose();
        }
    }

    /// <summary>The weights; read again from where they were loaded, if they have been freed.</summary>
    internal ModelWeights LoadWeights()
    {
        lock (_lock)
        {
            if (!_isFreed) return _weights;
            ModelFolder folder = ModelResolver.Resolve(_options, CancellationToken.None);
            using GgufModel? gguf = folder.Gguf;
            using WeightSource weights = ModelResolver.OpenWeights(_options, Config, folder);
            _weights = ModelWeights.LoadOnto(
                _options, Config, weights, _weights.ComputeType, static loaded => loaded, CancellationToken.None);
            _isFreed = false;
            return _weights;
        }
    }

    internal void Forget(IModelRunner runner)
    {
        lock (_lock) _runners.Remove(runner);
    }

    /// <summary>Frees the weights; no runner may be in use.</summary>
    public void Dispose() => FreeWeights();
}
