using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Hunyuan dense (Tencent 2025): norms on the heads of q and k behind the rotation.</summary>
internal static class HunYuan
{
    public static DecoderModel Build(ModelBuilder b)
    {
        int headDim = b.Config.HeadDim;
        float epsilon = b.Json.Float("rms_norm_eps", 1e-5);
        Rope rope = b.Rope();
        bool bias = b.Json.Bool("attention_bias", false);
        bool normsHeads = b.Json.Bool("use_qk_norm", true);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(norm, (layer, _) => new SequentialBlock
        {
            AttentionNorm = norm(layer, "input_layernorm"),
            Attention = layer.Attention(
                new AttentionParts
                {
                    Rope = rope,
                    QueryNorm = HeadNorm(layer, "query_layernorm"),
                    KeyNorm = HeadNorm(layer, "key_layernorm"),
                    NormAfterRope = true,
                },
                bias, bias),
            MlpNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.GatedMlp(b.Activation("hidden_act")),
        });

        Norm? HeadNorm(WeightScope layer, string name) =>
            normsHeads ? layer.RmsNorm($"self_attn.{name}", headDim, epsilon) : null;
    }
}
