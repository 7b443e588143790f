using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Gemma 1 to 3 (Gemma Team 2024, 2025): norms of 1 + weight, scaled and tied embeddings.</summary>
internal static class Gemma
{
    public static DecoderModel Build(ModelBuilder b)
    {
        AttentionParts attention = new() { Rope = b.Rope() };
        bool bias = b.Json.Bool("attention_bias", false);
        Func<WeightScope, string, Norm> norm = b.RmsNorms(offset: 1);
        return b.Decoder(
            norm,
            (layer, _) => new SequentialBlock
            {
                AttentionNorm = norm(layer, "input_layernorm"),
                Attention = layer.Attention(attention, bias, bias),
                MlpNorm = norm(layer, "post_attention_layernorm"),
                Mlp = layer.GatedMlp(Activation(b)),
            },
            tiedByDefault: true, embeddingScale: EmbeddingScale(b));
    }

    /// <summary>Norms around both sublayers, soft caps, every other layer with a window.</summary>
    public static DecoderModel BuildGemma2(ModelBuilder b)
    {
        Rope rope = b.Rope();
        int[] windows = b.SlidingWindows(i => i % 2 == 0);
        return BuildSandwich(b, (_, i) => new AttentionParts
        {
            Rope = rope,
            Scale = QueryScale(b),
            SlidingWindow = windows[i],
            SoftCap = Cap(b, "attn_logit_softcapping", 50),
        },
        Cap(b, "final_logit_softcapping", 30));
    }

    // Left out it is that of every Gemma 2; null is none.
    private static float Cap(ModelBuilder b, string key, float usual) =>
        b.Json.IsNull(key) ? 0 : b.Json.Float(key, usual);

    /// <summary>Norms on the heads of q and k; layers with a window have rotary positions of their own.</summary>
    public static DecoderModel BuildGemma3(ModelBuilder b)
    {
        int headDim = b.Config.HeadDim;
        float epsilon = b.Json.Float("rms_norm_eps", 1e-6);
        int pattern = b.Json.Int("sliding_window_pattern", b.Json.Int("_sliding_window_pattern", 6, 1), 1);
        int[] windows = b.SlidingWindows(i => (i + 1) % pattern != 0);
        bool isBidirectional = b.Json.Bool("use_bidirectional_attention", false);
        Rope globalRope = b.Rope();
        Rope localRope = b.Rope(b.Json.Has("rope_parameters")
            ? b.Config.Rope("sliding_attention")
            : b.Config.Rope().Unscaled(b.Json.Double("rope_local_base_freq", 10000)));
        return BuildSandwich(b, (layer, i) => new AttentionParts
        {
            Rope = windows[i] > 0 ? localRope : globalRope,
            Scale = QueryScale(b),
            SlidingWindow = isBidirectional ? windows[i] / 2 : windows[i],
            IsBidirectional = isBidirectional,
            SoftCap = b.Json.Float("attn_logit_softcapping", 0),
            QueryNorm = layer.RmsNorm("self_attn.q_norm", headDim, epsilon, offset: 1),
            KeyNorm = layer.RmsNorm("self_attn.k_norm", headDim, epsilon, offset: 1),
        },
        b.Json.Float("final_logit_softcapping", 0));
    }

    private static DecoderModel BuildSandwich(
        ModelBuilder b, Func<WeightScope, int, AttentionParts> attention, float logitCap)
    {
        bool bias = b.Json.Bool("attention_bias", false);
        Func<WeightScope, string, Norm> norm = b.RmsNorms(offset: 1);
        return b.Decoder(
            norm,
            (layer, i) => new SequentialBlock
            {
                AttentionNorm = norm(layer, "input_layernorm"),
                Attention = layer.Attention(attention(layer, i), bias, bias),
                AttentionOutputNorm = norm(layer, "post_attention_layernorm"),
                MlpNorm = norm(layer, "pre_feedforward_layernorm"),
                Mlp = layer.GatedMlp(Activation(b)),
                MlpOutputNorm = norm(layer, "post_feedforward_layernorm"),
            },
            tiedByDefault: true, embeddingScale: EmbeddingScale(b),
            logitCap: logitCap);
    }

    // Early files say hidden_act: gelu but were trained with the tanh form, which hidden_activation names.
    internal static Devices.Activation Activation(ModelBuilder b) => b.Json.Has("hidden_activation")
        ? b.Activation("hidden_activation")
        : Devices.Activation.GeluTanh;

    private static float EmbeddingScale(ModelBuilder b) => (float)Math.Sqrt(b.Config.HiddenSize);

    private static float QueryScale(ModelBuilder b) =>
        (float)(1 / Math.Sqrt(b.Json.Double("query_pre_attn_scalar", 256)));
}
