using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>GLM-4 (Zeng et al. 2024): interleaved rotary on half a head; 0414 norms sublayers twice.</summary>
internal static class Glm
{
    public static DecoderModel Build(ModelBuilder b) => Build(b, normsOutputs: false);

    public static DecoderModel BuildGlm4(ModelBuilder b) => Build(b, normsOutputs: true);

    private static DecoderModel Build(ModelBuilder b, bool normsOutputs)
    {
        ModelConfig c = b.Config;
        AttentionParts parts = new()
        {
            Rope = b.Rope(
                interleaved: true, rotaryDim: (int)(c.HeadDim * (c.Rope().PartialRotaryFactor ?? 0.5))),
        };
        bool qkvBias = b.Json.Bool("attention_bias", false);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(norm, (layer, _) => new SequentialBlock
        {
            AttentionNorm = norm(layer, "input_layernorm"),
            Attention = layer.Attention(parts, qkvBias),
            AttentionOutputNorm = normsOutputs ? norm(layer, "post_self_attn_layernorm") : null,
            MlpNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.GatedMlp(b.Activation("hidden_act"), isFused: true),
            MlpOutputNorm = normsOutputs ? norm(layer, "post_mlp_layernorm") : null,
        });
    }
}
