using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Qwen 3 (Yang et al. 2025): RMS norms on the heads of q and k in place of biases.</summary>
internal static class Qwen3
{
    public static DecoderModel Build(ModelBuilder b)
    {
        Rope rope = b.Rope();
        int[] windows = Qwen2.Windows(b);
        int headDim = b.Config.HeadDim;
        float epsilon = b.Json.Float("rms_norm_eps", 1e-6);
        bool bias = b.Json.Bool("attention_bias", false);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(norm, (layer, i) => new SequentialBlock
        {
            AttentionNorm = norm(layer, "input_layernorm"),
            Attention = layer.Attention(
                new AttentionParts
                {
                    Rope = rope,
                    SlidingWindow = windows[i],
                    QueryNorm = layer.RmsNorm("self_attn.q_norm", headDim, epsilon),
                    KeyNorm = layer.RmsNorm("self_attn.k_norm", headDim, epsilon),
                },
                bias, bias),
            MlpNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.GatedMlp(b.Activation("hidden_act")),
        });
    }
}
