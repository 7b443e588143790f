using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Llama 1 to 3 (Touvron et al. 2023) and the many models that are Llama by another name.</summary>
internal static class Llama
{
    public static DecoderModel Build(ModelBuilder b)
    {
        bool attentionBias = b.Json.Bool("attention_bias", false);
        bool mlpBias = b.Json.Bool("mlp_bias", false);
        AttentionParts attention = new() { Rope = b.Rope() };
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(norm, (layer, _) => new SequentialBlock
        {
            AttentionNorm = norm(layer, "input_layernorm"),
            Attention = layer.Attention(attention, attentionBias, attentionBias),
            MlpNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.GatedMlp(b.Activation("hidden_act"), mlpBias),
        });
    }
}
