using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Seed-OSS (ByteDance 2025): Llama with biases on q, k and v, and others by choice.</summary>
internal static class SeedOss
{
    public static DecoderModel Build(ModelBuilder b)
    {
        AttentionParts parts = new() { Rope = b.Rope() };
        bool qkvBias = b.Json.Bool("attention_bias", true);
        bool outputBias = b.Json.Bool("attention_out_bias", false);
        bool mlpBias = b.Json.Bool("mlp_bias", false);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(norm, (layer, _) => new SequentialBlock
        {
            AttentionNorm = norm(layer, "input_layernorm"),
            Attention = layer.Attention(parts, qkvBias, outputBias),
            MlpNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.GatedMlp(b.Activation("hidden_act"), mlpBias),
        });
    }
}
