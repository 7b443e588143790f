using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>GPT-2 (Radford et al. 2019): learned positions, matrices stored [in, out], tied.</summary>
internal static class Gpt2
{
    public static DecoderModel Build(ModelBuilder b)
    {
        int hidden = b.Config.HiddenSize;
        int inner = b.Json.OptionalInt("n_inner", 1) ?? 4 * hidden;
        bool scaleByLayer = b.Json.Bool("scale_attn_by_inverse_layer_idx", false);
        float scale = b.Json.Bool("scale_attn_weights", true) ? (float)(1 / Math.Sqrt(b.Config.HeadDim)) : 1;
        Func<WeightScope, string, Norm> norm = b.LayerNorms("layer_norm_epsilon");
        WeightScope model = b.OptionalScope("transformer.");
        b.Activations.NeedNarrow(inner);
        return new DecoderModel
        {
            HiddenSize = hidden,
            Embedding = b.Embedding(
                model, "wte", positions: b.Positions(model, "wpe", b.Config.MaxPositionEmbeddings)),
            Blocks = b.Layers(model, "h", (layer, i) => new SequentialBlock
            {
                AttentionNorm = norm(layer, "ln_1"),
                Attention = b.Attention(
                    layer.Transposed("attn.c_attn", 3 * hidden, hidden),
                    layer.Transposed("attn.c_proj", hidden, hidden),
                    new AttentionParts { Scale = scaleByLayer ? scale / (i + 1) : scale }),
                MlpNorm = norm(layer, "ln_2"),
                Mlp = new PlainMlp
                {
                    Up = layer.Transposed("mlp.c_fc", inner, hidden),
                    Down = layer.Transposed("mlp.c_proj", hidden, inner),
                    Activation = b.Activation("activation_function"),
                },
            }),
            FinalNorm = norm(model, "ln_f"),
            Head = b.Head(b.Tied(true)),
        };
    }
}
