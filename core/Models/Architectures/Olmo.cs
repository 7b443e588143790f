using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>OLMo 1 (Groeneveld et al. 2024): Llama with layer norms without parameters, q, k, v clipped.</summary>
internal static class Olmo
{
    private const float Epsilon = 1e-5f;

    public static DecoderModel Build(ModelBuilder b)
    {
        bool bias = b.Json.Bool("attention_bias", false);
        AttentionParts attention = new() { Rope = b.Rope(), Clip = b.Json.Float("clip_qkv", 0) };
        float[] ones = new float[b.Config.HiddenSize];
        Array.Fill(ones, 1);
        Norm norm = new()
        {
            IsLayerNorm = true,
            Width = ones.Length,
            Epsilon = Epsilon,
            Weight = b.Constant(ones),
        };
        return b.Decoder((_, _) => norm, (layer, _) => new SequentialBlock
        {
            AttentionNorm = norm,
            Attention = layer.Attention(attention, bias, bias),
            MlpNorm = norm,
            Mlp = layer.GatedMlp(b.Activation("hidden_act")),
        });
    }
}
