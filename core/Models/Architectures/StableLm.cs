using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>StableLM 2 (Bellagente et al. 2024): layer norms, partly rotary; the 12B is parallel.</summary>
internal static class StableLm
{
    public static DecoderModel Build(ModelBuilder b)
    {
        RopeSettings settings = b.Config.Rope();
        Rope rope = b.Rope(
            rotaryDim: (int)(b.Config.HeadDim * (settings.PartialRotaryFactor ?? 0.25)));
        bool qkvBias = b.Json.Bool("use_qkv_bias", false);
        bool isParallel = b.Json.Bool("use_parallel_residual", false);
        Func<WeightScope, string, Norm> norm = b.LayerNorms("layer_norm_eps");
        return b.Decoder(norm, (layer, _) =>
        {
            Norm attentionNorm = norm(layer, "input_layernorm");
            SelfAttention attention = layer.Attention(
                new AttentionParts
                {
                    Rope = rope,
                    QueryNorm = HeadNorm(b, layer, "q_layernorm", b.Config.NumHeads),
                    KeyNorm = HeadNorm(b, layer, "k_layernorm", b.Config.NumKvHeads),
                },
                qkvBias);
            Mlp mlp = layer.GatedMlp(b.Activation("hidden_act"));
            if (isParallel)
            {
                return new ParallelBlock { AttentionNorm = attentionNorm, Attention = attention, Mlp = mlp };
            }
            return new SequentialBlock
            {
                AttentionNorm = attentionNorm,
                Attention = attention,
                MlpNorm = norm(layer, "post_attention_layernorm"),
                Mlp = mlp,
            };
        });
    }

    // Every head has a norm of its own, stored apart.
    private static Norm? HeadNorm(ModelBuilder b, WeightScope layer, string name, int numHeads)
    {
        if (!b.Json.Bool("qk_layernorm", false)) return null;
        List<float> weights = [];
        for (int h = 0; h < numHeads; h++)
        {
            weights.AddRange(b.ReadVector(
                layer.Tensor($"self_attn.{name}.norms.{h}.weight", b.Config.HeadDim)));
        }
        return layer.LayerNormPerHead([.. weights], b.Config.HeadDim, b.Json.Float("layer_norm_eps", 1e-5));
    }
}
