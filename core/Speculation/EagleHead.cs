using Engine.Devices;
using Engine.Execution;
using Engine.Hosting;
using Engine.Loading;
using Engine.Memory;
using Engine.Models;
using Engine.Models.Layers;

namespace Engine.Speculation;

/// <summary>
/// EAGLE-1 (Li et al. 2024): the model's feature at a position and the embedding of the token after it give, through
/// one matrix and a decoder layer whose first norm is left out, a guess of the next feature; the model's own output
/// matrix makes logits of it.
/// </summary>
internal sealed class EagleHead : IDisposable
{
    private readonly Linear _fuse;
    private readonly List<Block> _blocks;
    private readonly List<IDisposable> _owned;

    private EagleHead(ModelBuilder builder, (Linear Fuse, List<Block> Blocks) parts, List<IDisposable> owned)
    {
        (_fuse, _blocks) = parts;
        _owned = owned;
        Width = builder.Config.HiddenSize;
        Activations = builder.Activations;
    }

    /// <summary>Of features and embeddings.</summary>
    public int Width { get; }

    public ActivationShape Activations { get; }

    /// <summary>Walks the head without reading a weight.</summary>
    public static ModelBuilder Plan(ModelConfig config, IDevice device, WeightSource weights, DType type)
    {
        ModelBuilder builder = new(config, device, weights, type, isPlan: true);
        Build(builder);

        // Checkpoints carry copies of the model's own embedding and output matrix.
        weights.CheckAllTaken(config.Architecture, name =>
            name is "embed_tokens.weight" or "lm_head.weight" || ArchitectureRegistry.IsStray(name, true));
        return builder;
    }

    public static EagleHead Load(ModelConfig config, IDevice device, WeightSource weights, DType type)
    {
        Plan(config, device, weights, type);
        ModelBuilder builder = new(config, device, weights, type, isPlan: false);
        List<IDisposable> owned = [];
        try
        {
            (Linear, List<Block>) parts = Build(builder);
            ModelWeights.Pack(builder.Jobs, device, weights, owned, null, default);
            owned.AddRange(builder.Owned);
            return new EagleHead(builder, parts, owned);
        }
        catch
        {
            foreach (IDisposable item in owned.Concat(builder.Owned).Distinct()) item.Dispose();
            throw;
        }
    }

    /// <summary>Features [rows, Width] of a step, whose tokens are those after the given features.</summary>
    /// <param name="step">The head's own.</param>
    /// <param name="embedding">The model's.</param>
    /// <param name="features">The model's, or guessed ones.</param>
    /// <param name="rows">[rows] which row of features goes with each token.</param>
    public TensorView Forward(
        StepContext step, TokenEmbedding embedding, TensorView features, ReadOnlySpan<int> rows)
    {
        step.Begin();
        try
        {
            TensorView both = step.Wide(2 * Width);
            step.Device.Embed(both.Slice(0, Width), embedding.Table!, step.Inputs.TokenIds, embedding.Scale);
            step.Device.GatherRows(both.Slice(Width, Width), features, rows);
            TensorView x = step.Hidden(Width);
            _fuse.Forward(x, both, step);
            for (int i = 0; i < _blocks.Count; i++) _blocks[i].Forward(x, step);
            return x;
        }
        finally
        {
            step.End();
        }
    }

    public void Dispose()
    {
        foreach (IDisposable item in _owned) item.Dispose();
        _owned.Clear();
    }

    private static (Linear Fuse, List<Block> Blocks) Build(ModelBuilder b)
    {
        int width = b.Config.HiddenSize;
        WeightScope head = b.OptionalScope("model.");
        b.Activations.NeedHidden(width);
        b.Activations.NeedWide(2 * width);
        Linear fuse = head.Linear("fc", width, 2 * width, head.Contains("fc.bias"));
        bool attentionBias = b.Json.Bool("attention_bias", false);
        bool mlpBias = b.Json.Bool("mlp_bias", false);
        AttentionParts attention = new() { Rope = b.Rope() };
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        List<Block> blocks = b.Layers(head, "layers", (layer, _) => new SequentialBlock
        {
            AttentionNorm = layer.Contains("input_layernorm.weight") ? norm(layer, "input_layernorm") : null,
            Attention = layer.Attention(attention, attentionBias, attentionBias),
            MlpNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.GatedMlp(b.Activation("hidden_act"), mlpBias),
        });
        return (fuse, blocks);
    }
}
