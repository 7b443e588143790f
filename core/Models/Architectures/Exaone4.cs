using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>EXAONE 4 (LG AI Research 2025): norms behind the sublayers, full layers without positions.</summary>
internal static class Exaone4
{
    public static DecoderModel Build(ModelBuilder b)
    {
        int headDim = b.Config.HeadDim;
        float epsilon = b.Json.Float("rms_norm_eps", 1e-5);
        Rope rope = b.Rope();
        int[] windows = b.SlidingWindows(i => IsSliding(b, i));
        bool hasWindow = b.Json.Int("sliding_window", 0) > 0;
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(norm, (layer, i) => new SequentialBlock
        {
            Attention = layer.Attention(new AttentionParts
            {
                Rope = windows[i] > 0 || !hasWindow ? rope : null,
                SlidingWindow = windows[i],
                QueryNorm = layer.RmsNorm("self_attn.q_norm", headDim, epsilon),
                KeyNorm = layer.RmsNorm("self_attn.k_norm", headDim, epsilon),
            }),
            AttentionOutputNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.GatedMlp(b.Activation("hidden_act")),
            MlpOutputNorm = norm(layer, "post_feedforward_layernorm"),
        });
    }

    // "LLLG" repeats, and the last layer is always full.
    private static bool IsSliding(ModelBuilder b, int i)
    {
        if (i == b.Config.NumLayers - 1) return false;
        string pattern = b.Json.String("sliding_window_pattern", "LLLG");
        return pattern.Length > 0 && pattern[i % pattern.Length] == 'L';
    }
}
