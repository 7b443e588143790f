using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>AFM (Arcee 2025): Llama with a squared relu and no gate.</summary>
internal static class Arcee
{
    public static DecoderModel Build(ModelBuilder b)
    {
        AttentionParts parts = new() { Rope = b.Rope() };
        bool attentionBias = b.Json.Bool("attention_bias", false);
        bool mlpBias = b.Json.Bool("mlp_bias", false);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
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
