using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Granite 3 (IBM 2024): Llama with four multipliers.</summary>
internal static class Granite
{
    public static DecoderModel Build(ModelBuilder b)
    {
        bool attentionBias = b.Json.Bool("attention_bias", false);
        bool mlpBias = b.Json.Bool("mlp_bias", false);
        AttentionParts attention = new()
        {
            Rope = b.Rope(),
            Scale = b.Json.Float("attention_multiplier", 1),
        };
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(
            norm,
            (layer, _) => new SequentialBlock
            {
                AttentionNorm = norm(layer, "input_layernorm"),
                Attention = layer.Attention(attention, attentionBias, attentionBias),
                MlpNorm = norm(layer, "post_attention_layernorm"),
                Mlp = layer.GatedMlp(b.Activation("hidden_act"), mlpBias),
                ResidualScale = b.Json.Float("residual_multiplier", 1),
            },
            embeddingScale: b.Json.Float("embedding_multiplier", 1),
            logitScale: (float)(1 / b.Json.Double("logits_scaling", 1)));
    }
}
