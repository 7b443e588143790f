using Engine.Devices;
using Engine.Hosting;
using Engine.Loading;
using Engine.Memory;
using Engine.Models;
using Engine.Tokenization;

namespace Engine.Speculation;

/// <summary>A draft's files, opened: what it is, and what it will take. Reads no weight.</summary>
internal sealed class DraftSource : IDisposable
{
    private const string Parameter = "speculative_config";

    private DraftSource(
        SpeculativeOptions options, ModelFolder folder, ModelConfig config, WeightSource weights, DType type)
    {
        Options = options;
        Folder = folder;
        Config = config;
        Weights = weights;
        ComputeType = type;
    }

    public SpeculativeOptions Options { get; }

    public ModelFolder Folder { get; }

    public ModelConfig Config { get; }

    public WeightSource Weights { get; }

    public DType ComputeType { get; }

    /// <summary>Opens the files; null for a method without a model.</summary>
    /// <exception cref="EngineException">As LoadedModel.Load.</exception>
    public static DraftSource? Open(SpeculativeOptions? options, CancellationToken cancellation = default)
    {
        if (options is null || options.Method == SpeculativeMethod.Ngram) return null;
        options.Validate();
        var load = new ModelLoadOptions { Model = options.Model! };
        ModelFolder folder = ModelResolver.Resolve(load, cancellation);
        try
        {
            ModelConfig config = ModelConfig.Read(
                folder,
                options.Method == SpeculativeMethod.Eagle ? ModelPurpose.DraftHead : ModelPurpose.Generate);
            WeightSource weights = ModelResolver.OpenWeights(load, config, folder);
            return new DraftSource(options, folder, config, weights, ModelResolver.ComputeType(load, config, weights));
        }
        catch
        {
            folder.Gguf?.Dispose();
            throw;
        }
    }

    /// <summary>Sizes of everything, and every name and shape checked.</summary>
    public ModelBuilder Plan(IDevice device) => Options.Method == SpeculativeMethod.Eagle
        ? EagleHead.Plan(Config, device, Weights, ComputeType)
        : ModelWeights.Plan(Config, device, Weights, ComputeType);

    /// <summary>Throws unless ids mean the same to the draft as to the model.</summary>
    /// <param name="target">The model's configuration.</param>
    /// <param name="targetWidth">Width of the features that the model's output matrix reads.</param>
    /// <param name="tokenizer">The model's tokenizer; null if it has none.</param>
    public void CheckFits(ModelConfig target, int targetWidth, Tokenizer? tokenizer)
    {
        if (Options.Method == SpeculativeMethod.Eagle)
        {
            Require(Config.HiddenSize == targetWidth, "hidden_size", targetWidth, Config.HiddenSize);
            Require(Config.VocabSize == target.VocabSize, "vocab_size", target.VocabSize, Config.VocabSize);
            return;
        }

        int vocabSize = Math.Min(target.VocabSize, tokenizer?.VocabSize ?? int.MaxValue);
        if (Config.VocabSize < vocabSize)
        {
            throw EngineException.Invalid(
                Parameter,
                $"model {Options.Model}: config.json: vocab_size: expected at least the model's {vocabSize}, found "
                    + $"{Config.VocabSize}");
        }

        if (tokenizer is not null) CheckTokenizer(tokenizer);
    }

    public void Dispose()
    {
        Weights.Dispose();
        Folder.Gguf?.Dispose();
    }

    private void CheckTokenizer(Tokenizer tokenizer)
    {
        Tokenizer? own = LoadedModel.LoadTokenizer(new ModelLoadOptions { Model = Options.Model! }, Folder, default);
        if (own is null) return; // A draft of weights alone is taken at its word.

        if (own.VocabSize != tokenizer.VocabSize)
        {
            throw EngineException.Invalid(
                Parameter,
                $"model {Options.Model}: its tokenizer has {own.VocabSize} tokens, the model's {tokenizer.VocabSize}; a "
                    + "draft needs the same tokenizer");
        }

        for (int id = 0; id < own.VocabSize; id++)
        {
            if (own.IdToToken(id) != tokenizer.IdToToken(id))
            {
                throw EngineException.Invalid(
                    Parameter,
                    $"model {Options.Model}: token {id} is \"{own.IdToToken(id)}\" to its tokenizer and "
                        + $"\"{tokenizer.IdToToken(id)}\" to the model's; a draft needs the same tokenizer");
            }
        }
    }

    private void Require(bool good, string key, int expected, int found)
    {
        if (!good)
        {
            throw EngineException.Invalid(
                Parameter, $"model {Options.Model}: config.json: {key}: expected the model's {expected}, found {found}");
        }
    }
}
