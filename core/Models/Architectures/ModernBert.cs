using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>
/// ModernBERT (Warner et al. 2024): an encoder with rotary positions, gated MLPs, norms before the sublayers, and
/// layers that see a window between layers that see everything.
/// </summary>
internal static class ModernBert
{
    public static DecoderModel Build(ModelBuilder b)
    {
        ModelConfig c = b.Config;
        bool attentionBias = b.Json.Bool("attention_bias", false), mlpBias = b.Json.Bool("mlp_bias", false);
        Func<WeightScope, string, Norm> norm = b.LayerNorms("norm_eps", b.Json.Bool("norm_bias", false));
        int every = b.Json.Int("global_attn_every_n_layers", 3, 1);
        int reach = b.Json.Int("local_attention", 128, 2) / 2;
        Rope globalRope = Rope(b, "full_attention", "global_rope_theta", 160000);
        Rope localRope = Rope(b, "sliding_attention", "local_rope_theta", 10000);
        WeightScope model = b.OptionalScope("model.");
        return new DecoderModel
        {
            HiddenSize = c.HiddenSize,
            Embedding = b.Embedding(
                model.Scope("embeddings."), "tok_embeddings", norm: norm(model, "embeddings.norm")),
            Blocks = b.Layers(model, "layers", (layer, i) =>
            {
                bool isGlobal = i % every == 0;
                return new SequentialBlock
                {
                    // The embedding's norm serves the first layer.
                    AttentionNorm = i == 0 ? null : norm(layer, "attn_norm"),
                    Attention = b.Attention(
                        layer.Linear("attn.Wqkv", 3 * c.HiddenSize, c.HiddenSize, attentionBias),
                        layer.Linear("attn.Wo", c.HiddenSize, c.HiddenSize, attentionBias),
                        new AttentionParts
                        {
                            Rope = isGlobal ? globalRope : localRope,
                            SlidingWindow = isGlobal ? 0 : reach,
                            IsBidirectional = true,
                        }),
                    MlpNorm = norm(layer, "mlp_norm"),
                    Mlp = Mlp(layer, mlpBias),
                };
            }),
            FinalNorm = norm(model, "final_norm"),
            Head = b.Head(tied: true),
        };
    }

    // Wi holds the half that is activated first, the gate second.
    private static GatedMlp Mlp(WeightScope layer, bool bias)
    {
        ModelBuilder b = layer.Builder;
        int inner = b.Config.IntermediateSize, hidden = b.Config.HiddenSize;
        b.Activations.NeedWide(2 * inner);
        b.Activations.NeedNarrow(inner);
        return new GatedMlp
        {
            GateUp = layer.Linear("mlp.Wi", 2 * inner, hidden, bias),
            Down = layer.Linear("mlp.Wo", hidden, inner, bias),
            Activation = b.Activation("hidden_activation"),
        };
    }

    private static Rope Rope(ModelBuilder b, string layerType, string key, double theta) => b.Rope(
        b.Json.Has("rope_parameters")
            ? b.Config.Rope(layerType)
            : b.Config.Rope().Unscaled(b.Json.Double(key, theta)));
}
