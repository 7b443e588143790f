using Engine.Devices;
using Engine.Hosting;
using Engine.Loading.Gguf;
using Engine.Memory;
using Engine.Models;
using Engine.Quantization;

namespace Engine.Loading;

/// <summary>From load options to a folder, its weights and their type.</summary>
internal static class ModelResolver
{
    public static ModelFolder Resolve(ModelLoadOptions options, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            throw new EngineException(EngineStatus.Cancelled, "loading was cancelled");
        }
        if (string.IsNullOrWhiteSpace(options.Model))
        {
            throw EngineException.Invalid("model", "expected a folder or a model name, found nothing");
        }
        if (File.Exists(options.Model) && IsGguf(options.Model)) return OpenGguf(options.Model);
        ModelFolder folder = new(FindFolder(
            options.Model, "model", options.Revision, options.DownloadDir, options.Progress, cancellation));
        string? tag = Directory.Exists(options.Model) ? null : GgufChoice.Split(options.Model).Tag;
        bool wantsGguf = tag is not null || options.LoadFormat == "gguf" ||
            (options.LoadFormat == "auto" && !SafetensorsModel.ExistsIn(folder));
        return wantsGguf && FindGguf(folder, options.Model, tag) is string file ? OpenGguf(file) : folder;
    }

    // The hub's cache may hold several models of a repository, some in folders of their own.
    private static string? FindGguf(ModelFolder folder, string name, string? tag)
    {
        bool isLocal = Directory.Exists(name) || Directory.Exists(GgufChoice.Split(name).Name);
        if (isLocal) return GgufModel.FindIn(folder, tag);
        List<string> files = HubCache.GgufFiles(folder.Root, tag);
        return files.Count > 0 ? Path.Combine(folder.Root, files[0]) : null;
    }

    /// <summary>True for the path of a .gguf file.</summary>
    public static bool IsGguf(string path) => path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);

    private static ModelFolder OpenGguf(string file) =>
        new(Path.GetDirectoryName(Path.GetFullPath(file))!) { Gguf = GgufModel.Open(file) };

    /// <summary>Where the tokenizer lies: the option's folder, file or model name, else the model's folder.</summary>
    public static string TokenizerPath(
        ModelLoadOptions options, ModelFolder folder, CancellationToken cancellation)
    {
        if (options.Tokenizer is not string name) return folder.Gguf?.Path ?? folder.Root;
        return File.Exists(name)
            ? name
            : FindFolder(name, "tokenizer", null, options.DownloadDir, options.Progress, cancellation);
    }

    private static string FindFolder(
        string name, string parameter, string? revision, string? downloadDir,
        IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        if (Directory.Exists(name)) return name;
        (string untagged, string? tag) = GgufChoice.Split(name);
        if (tag is not null && Directory.Exists(untagged)) return untagged;
        if (File.Exists(name))
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"{parameter}: expected a folder, a .gguf file or a model name, found the file {name}", parameter);
        }
        // A path that is not there should not become a question to the hub.
        bool isPath = Path.IsPathRooted(name) || name.StartsWith('.') || !HubCache.IsRepositoryName(untagged);
        return isPath
            ? throw new EngineException(EngineStatus.NotFound, $"{parameter}: no such folder or file: {name}", parameter)
            : new HubCache(HubSettings.FromEnvironment(downloadDir)).Resolve(
                name, revision, progress, cancellation);
    }

    /// <summary>The weights, which know what they are to be rounded to as they are packed.</summary>
    public static WeightSource OpenWeights(
        ModelLoadOptions options, ModelConfig config, ModelFolder folder)
    {
        DType type = DTypeNames.Parse("dtype", options.Dtype) ?? config.StoredType ?? DType.F32;
        WeightQuantization rounding = QuantizationNames.Rounding(options.Quantization, folder);
        WeightSource source = options.LoadFormat switch
        {
            "dummy" when rounding == WeightQuantization.None && QuantizationSettings.Read(folder) is { } settings =>
                throw new EngineException(
                    EngineStatus.Unsupported,
                    $"load_format: dummy weights are not {settings.Method}, as config.json says that weights are; "
                    + "--quantization int8, int4 or fp8 makes such of them", "load_format"),
            "dummy" => new DummyWeights(options.Seed, type),
            "auto" or "gguf" when folder.Gguf is GgufModel gguf => new GgufWeights(gguf, config.HeadDim),
            "gguf" => throw new EngineException(
                EngineStatus.NotFound, $"{folder.Root}: expected a .gguf file, found none", "model"),
            "auto" or "safetensors" => OpenSafetensors(folder),
            _ => throw EngineException.Invalid(
                "load_format", $"expected auto, safetensors, gguf or dummy, found \"{options.LoadFormat}\""),
        };
        source.RoundTo = rounding;
        return source;
    }

    /// <summary>The weights of a folder, quantized or not.</summary>
    public static WeightSource OpenSafetensors(ModelFolder folder)
    {
        QuantizationSettings? settings = QuantizationSettings.Read(folder);
        SafetensorsModel model = SafetensorsModel.Open(folder);
        return settings is null ? new WeightMap(model) : new QuantizedWeights(model, settings);
    }

    /// <summary>The option, else config.json, else what most weights are stored as.</summary>
    public static DType ComputeType(ModelLoadOptions options, ModelConfig config, WeightSource weights) =>
        DTypeNames.Parse("dtype", options.Dtype) ?? config.StoredType ?? weights.StoredType ?? DType.F32;
}
