using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>
/// Gemma 4, dense: heads wider in full layers, last layers that share the keys and values of earlier ones, and
/// embeddings per layer.
/// </summary>
internal static class Gemma4
{
    public static DecoderModel Build(ModelBuilder b)
    {
        if (b.Json.Bool("enable_moe_block", false))
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                "config.json: enable_moe_block: expected false, found true: mixtures of experts do not run yet",
                "architectures");
        }
        float epsilon = b.Json.Float("rms_norm_eps", 1e-6);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        Gemma4Attention attention = new(b, epsilon);
        int inner = b.Config.IntermediateSize, readersInner = b.Json.Bool("use_double_wide_mlp", false) ? 2 * inner : inner;
        LayerEmbedding? embedding = null;
        return b.Decoder(
            norm,
            (layer, i) => new SequentialBlock
            {
                AttentionNorm = norm(layer, "input_layernorm"),
                Attention = attention.Build(layer, i),
                AttentionOutputNorm = norm(layer, "post_attention_layernorm"),
                MlpNorm = norm(layer, "pre_feedforward_layernorm"),
                Mlp = layer.GatedMlp(
                    Gemma.Activation(b), width: attention.Sharing.Reads(i) ? readersInner : inner),
                MlpOutputNorm = norm(layer, "post_feedforward_layernorm"),
                LayerInput = embedding is null ? null : LayerInput(layer, i, embedding, norm),
                OutputScale = layer.Contains("layer_scalar") ? b.ReadVector(layer.Tensor("layer_scalar", 1))[0] : 1,
            },
            tiedByDefault: true, embeddingScale: (float)Math.Sqrt(b.Config.HiddenSize),
            logitCap: b.Json.Float("final_logit_softcapping", 0),
            perLayer: model => embedding = LayerEmbedding(b, model, epsilon));
    }

    private static LayerEmbedding? LayerEmbedding(ModelBuilder b, WeightScope model, float epsilon)
    {
        int width = b.Json.Int("hidden_size_per_layer_input", 256, 0, 1 << 16), numLayers = b.Config.NumLayers;
        if (width == 0) return null;
        int hidden = b.Config.HiddenSize, columns = checked(width * numLayers);
        int rows = b.Json.Int("vocab_size_per_layer_input", b.Config.VocabSize, b.Config.VocabSize, 1 << 24);
        b.Activations.NeedWide(columns);
        b.Activations.NeedLayerInputs(checked(columns + width));
        LayerEmbedding embedding = new()
        {
            NumLayers = numLayers,
            Width = width,
            Scale = (float)Math.Sqrt(width),
            Projection = model.Linear("per_layer_model_projection", columns, hidden, false),
            // The projection is divided by sqrt(hidden) first, which a norm sees by its epsilon alone.
            Norm = model.RmsNorm("per_layer_projection_norm", width, epsilon * hidden),
            SumScale = (float)Math.Sqrt(0.5),
        };
        b.AddTable(model.Tensor("embed_tokens_per_layer.weight", rows, columns), w => embedding.Table = w);
        return embedding;
    }

    private static LayerInput LayerInput(
        WeightScope layer, int index, LayerEmbedding embedding, Func<WeightScope, string, Norm> norm)
    {
        int hidden = layer.Builder.Config.HiddenSize;
        layer.Builder.Activations.NeedNarrow(embedding.Width);
        return new LayerInput
        {
            Embedding = embedding,
            Layer = index,
            Gate = layer.Linear("per_layer_input_gate", embedding.Width, hidden, false),
            Projection = layer.Linear("per_layer_projection", hidden, embedding.Width, false),
            Norm = norm(layer, "post_per_layer_input_norm"),
            Activation = Gemma.Activation(layer.Builder),
        };
    }
}
