using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Command R (Cohere 2024) and Command R7B: parallel sublayers, layer norms without bias.</summary>
internal static class Cohere
{
    public static DecoderModel Build(ModelBuilder b)
    {
        Rope rope = b.Rope(interleaved: true);
        return Build(b, (layer, _) => new AttentionParts
        {
            Rope = rope,
            QueryNorm = HeadNorm(b, layer, "q_norm", b.Config.NumHeads),
            KeyNorm = HeadNorm(b, layer, "k_norm", b.Config.NumKvHeads),
        });
    }

    /// <summary>Three layers in four have a window and rotary positions; the others see all, without.</summary>
    public static DecoderModel BuildCohere2(ModelBuilder b)
    {
        Rope rope = b.Rope(interleaved: true);
        int pattern = b.Json.Int("sliding_window_pattern", b.Json.Int("_sliding_window_pattern", 4, 1), 1);
        int[] windows = b.SlidingWindows(i => (i + 1) % pattern != 0);
        return Build(b, (_, i) => new AttentionParts
        {
            Rope = windows[i] > 0 ? rope : null,
            SlidingWindow = windows[i],
        });
    }

    private static DecoderModel Build(ModelBuilder b, Func<WeightScope, int, AttentionParts> attention)
    {
        bool bias = b.Json.Bool("attention_bias", false);
        Func<WeightScope, string, Norm> norm = b.LayerNorms("layer_norm_eps", bias: false);
        return b.Decoder(
            norm,
            (layer, i) => new ParallelBlock
            {
                AttentionNorm = norm(layer, "input_layernorm"),
                Attention = layer.Attention(attention(layer, i), bias, bias),
                Mlp = layer.GatedMlp(b.Activation("hidden_act")),
            },
            tiedByDefault: true, logitScale: b.Json.Float("logit_scale", 0.0625));
    }

    private static Norm? HeadNorm(ModelBuilder b, WeightScope layer, string name, int numHeads)
    {
        if (!b.Json.Bool("use_qk_norm", false)) return null;
        float[] weight = b.ReadVector(layer.Tensor($"self_attn.{name}.weight", numHeads, b.Config.HeadDim));
        return layer.LayerNormPerHead(weight, b.Config.HeadDim, b.Json.Float("layer_norm_eps", 1e-5));
    }
}
