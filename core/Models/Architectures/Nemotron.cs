using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Nemotron-4 and Minitron (Parmar et al. 2024): layer norms of 1 + weight, squared relu.</summary>
internal static class Nemotron
{
    public static DecoderModel Build(ModelBuilder b)
    {
        AttentionParts parts = new()
        {
            Rope = b.Rope(rotaryDim: (int)(b.Config.HeadDim * (b.Config.Rope().PartialRotaryFactor ?? 0.5))),
        };
        bool attentionBias = b.Json.Bool("attention_bias", false);
        bool mlpBias = b.Json.Bool("mlp_bias", false);
        Func<WeightScope, string, Norm> norm = b.LayerNorms("norm_eps", offset: 1);
        return b.Decoder(norm, (layer, _) => new SequentialBlock
        {
            AttentionNorm = norm(layer, "input_layernorm"),
            Attention = layer.Attention(parts, attentionBias, attentionBias),
            MlpNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.Scope("mlp.").PlainMlp(
                "up_proj", "down_proj", b.Config.IntermediateSize, b.Activation("hidden_act"), mlpBias),
        });
    }
}
