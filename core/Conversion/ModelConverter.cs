using Engine.Devices;
using Engine.Devices.Reference;
using Engine.Hosting;
using Engine.Loading;
using Engine.Loading.Gguf;
using Engine.Memory;
using Engine.Models;
using Engine.Quantization;

namespace Engine.Conversion;

/// <summary>
/// Rounds a model's matrices once and writes it as a folder of compressed-tensors, which loads to the same codes and
/// scales as rounding while loading gives. No more than some rows of a tensor are in memory at a time.
/// </summary>
public static class ModelConverter
{
    private const long SideFileBytesMax = 256 << 20;

    /// <summary>Converts.</summary>
    /// <param name="options">The model, and in Quantization what its matrices become: "int8", "int4" or "fp8".</param>
    /// <param name="convert">Where to.</param>
    /// <param name="cancellation">Stops between pieces of tensors.</param>
    /// <exception cref="EngineException">InvalidArgument and Unsupported name what cannot be; CorruptData the tensor;
    /// Io the file; Cancelled.</exception>
    public static ConvertResult Convert(
        ModelLoadOptions options, ConvertOptions convert, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(convert);
        WeightQuantization kind = KindOf(options);
        ModelFolder folder = ModelResolver.Resolve(options, cancellation);
        using GgufModel? gguf = folder.Gguf;
        string sideFiles = SideFiles(options, folder, cancellation);
        ModelConfig config = ModelConfig.Read(folder);
        using WeightSource weights = ModelResolver.OpenWeights(options, config, folder);
        Check(weights, config);
        RecordedWeights recorded = new(weights);
        DType type = ModelResolver.ComputeType(options, config, weights);
        (List<TensorToWrite> tensors, int numRounded, string[] ignored) = Plan(config, recorded, kind, type);
        OutputFolder output = new(convert.Output, folder.Root, convert.Overwrite);
        List<List<TensorToWrite>> shards = SafetensorsWriter.Shards(tensors, convert.ShardBytesMax);
        output.CheckFree(tensors.Sum(t => t.Bytes));
        try
        {
            WriteWeights(output, shards, weights, options.Progress, cancellation);
        }
        catch (Exception e) when (Unwrap(e) is EngineException inner && inner != e)
        {
            throw inner;
        }
        catch (OperationCanceledException e)
        {
            throw new EngineException(EngineStatus.Cancelled, "converting was cancelled", null, e);
        }
        CopySideFiles(output, sideFiles);
        output.DeleteStale();
        byte[] json = gguf is null ? folder.TryRead("config.json")! : GgufConfig.Create(gguf);
        output.Write("config.json", s => s.Write(ConvertedConfig.Create(json, kind, ignored, type)));
        return new ConvertResult(
            shards.Count, tensors.Sum(t => t.Bytes), numRounded, recorded.Taken.Count - numRounded);
    }

    private static WeightQuantization KindOf(ModelLoadOptions options) => options.Quantization switch
    {
        "int8" => WeightQuantization.Int8,
        "int4" => WeightQuantization.Int4,
        "fp8" => WeightQuantization.Fp8,
        var other => throw EngineException.Invalid(
            "quantization", $"expected int8, int4 or fp8 to convert to, found \"{other}\""),
    };

    // A GGUF file holds its tokenizer in a form that no other reader of folders knows.
    private static string SideFiles(ModelLoadOptions options, ModelFolder folder, CancellationToken cancellation)
    {
        if (folder.Gguf is null && options.Tokenizer is null) return folder.Root;
        string path = ModelResolver.TokenizerPath(options, folder, cancellation);
        return Directory.Exists(path) ? path : throw EngineException.Invalid(
            "tokenizer", "expected a folder with tokenizer files: a GGUF file's own are not written as such");
    }

    private static void Check(WeightSource weights, ModelConfig config)
    {
        if (weights is DummyWeights)
            throw EngineException.Invalid("load_format", "expected weights to convert, found dummy");
        if (weights is QuantizedWeights)
        {
            throw new EngineException(
                EngineStatus.Unsupported, "convert: the model's weights are quantized already; expected floats",
                "model");
        }

        if (weights.DiffersFromCheckpoint is string reason)
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"convert: {config.Architecture} is not converted from a GGUF file ({reason}); take its checkpoint",
                "model");
        }
    }

    private static (List<TensorToWrite> Tensors, int NumRounded, string[] Ignored) Plan(
        ModelConfig config, RecordedWeights weights, WeightQuantization kind, DType type)
    {
        using ReferenceDevice device = new();
        ModelBuilder plan = ModelWeights.Plan(config, device, weights, type);
        bool IsRounded(PackJob job) => !job.IsEmbedding && !job.Source.IsOutput;
        HashSet<string> rounded = weights.NamesOf(plan.Jobs.Where(IsRounded).Select(j => j.Source));
        HashSet<string> outputs = plan.IsTied
            ? []
            : weights.NamesOf(plan.Jobs.Where(j => j.Source.IsOutput).Select(j => j.Source));
        ConvertedTensors converted = new(kind, type);
        List<TensorToWrite> tensors = [];
        foreach ((string name, SafetensorsTensor tensor) in weights.Taken)
        {
            if (rounded.Contains(name)) tensors.AddRange(converted.Round(name, tensor));
            else tensors.Add(converted.Keep(name, tensor));
        }

        string[] ignored =
        [
            .. outputs.Select(n => n.Replace(".weight", "", StringComparison.Ordinal)).Append("lm_head").Distinct()
                .Order(StringComparer.Ordinal),
        ];
        return (tensors, rounded.Count, ignored);
    }

    private static void WriteWeights(
        OutputFolder output, List<List<TensorToWrite>> shards, WeightSource weights,
        IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        long total = shards.Sum(s => s.Sum(t => t.Bytes)), done = 0;
        progress?.Report(new LoadProgress("convert", 0, total));
        for (int i = 0; i < shards.Count; i++)
        {
            List<TensorToWrite> shard = shards[i];
            output.Write(
                SafetensorsWriter.NameOf(i, shards.Count),
                stream => SafetensorsWriter.Write(
                    stream, shard,
                    bytes =>
                    {
                        weights.DropPages();
                        progress?.Report(new LoadProgress("convert", done += bytes, total));
                    },
                    cancellation));
        }

        if (shards.Count > 1)
            output.Write("model.safetensors.index.json", s => s.Write(SafetensorsWriter.Index(shards)));
    }

    private static Exception Unwrap(Exception e) =>
        e is AggregateException { InnerException: Exception inner } ? inner : e;

    // Tokenizer, chat template, generation settings, licence: what is small and no weight.
    private static void CopySideFiles(OutputFolder output, string from)
    {
        ModelFolder folder = new(from);
        IEnumerable<string> names = Directory.EnumerateFiles(from).Select(f => Path.GetFileName(f)!);
        foreach (string name in names.Order(StringComparer.Ordinal))
        {
            if (IsSideFile(name) && folder.TryRead(name, SideFileBytesMax) is byte[] bytes)
                output.Write(name, s => s.Write(bytes));
        }
    }

    private static bool IsSideFile(string name)
    {
        if (name.StartsWith("LICENSE", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("NOTICE", StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        bool isOfWeights = name is "config.json" or "quantize_config.json" or "quant_config.json"
            or "hf_quant_config.json" || name.EndsWith(".index.json", StringComparison.Ordinal);
        return !isOfWeights && Path.GetExtension(name) is (".json" or ".jinja" or ".model" or ".txt" or ".tiktoken");
    }
}
