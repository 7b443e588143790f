using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>OLMo 2 and 3 (OLMo Team 2024, 2025): norms behind the sublayers, q and k normed over all heads.</summary>
internal static class Olmo2
{
    public static DecoderModel Build(ModelBuilder b)
    {
        Rope rope = b.Rope();
        return Build(b, _ => new AttentionParts { Rope = rope });
    }

    /// <summary>Three layers in four have a window; only the others stretch their rotary positions.</summary>
    public static DecoderModel BuildOlmo3(ModelBuilder b)
    {
        int[] windows = b.SlidingWindows(i => (i + 1) % 4 != 0);
        Rope fullRope = b.Rope();
        Rope localRope = b.Rope(b.Json.Has("rope_parameters")
            ? b.Config.Rope("sliding_attention")
            : b.Config.Rope().Unscaled(b.Config.Rope().Theta));
        return Build(b, i => new AttentionParts
        {
            Rope = windows[i] > 0 ? localRope : fullRope,
            SlidingWindow = windows[i],
        });
    }

    private static DecoderModel Build(ModelBuilder b, Func<int, AttentionParts> attention)
    {
        ModelConfig c = b.Config;
        float epsilon = b.Json.Float("rms_norm_eps", 1e-5);
        bool bias = b.Json.Bool("attention_bias", false);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(norm, (layer, i) => new SequentialBlock
        {
            Attention = layer.Attention(
                attention(i) with
                {
                    QueryNorm = layer.RmsNorm("self_attn.q_norm", c.NumHeads * c.HeadDim, epsilon),
                    KeyNorm = layer.RmsNorm("self_attn.k_norm", c.NumKvHeads * c.HeadDim, epsilon),
                },
                bias, bias),
            AttentionOutputNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.GatedMlp(b.Activation("hidden_act")),
            MlpOutputNorm = norm(layer, "post_feedforward_layernorm"),
        });
    }
}
