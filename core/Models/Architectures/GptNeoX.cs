using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>GPT-NeoX and Pythia (Black et al. 2022): parallel sublayers, q, k, v interleaved by head.</summary>
internal static class GptNeoX
{
    public static DecoderModel Build(ModelBuilder b)
    {
        ModelConfig c = b.Config;
        int hidden = c.HiddenSize;
        bool bias = b.Json.Bool("attention_bias", true);
        bool isParallel = b.Json.Bool("use_parallel_residual", true);
        RopeSettings settings = c.Rope();
        AttentionParts parts = new()
        {
            Rope = b.Rope(rotaryDim: (int)(c.HeadDim * (settings.PartialRotaryFactor ?? 0.25))),
        };
        Func<WeightScope, string, Norm> norm = b.LayerNorms("layer_norm_eps");
        WeightScope model = b.OptionalScope("gpt_neox.");
        return new DecoderModel
        {
            HiddenSize = hidden,
            Embedding = b.Embedding(model, "embed_in"),
            Blocks = b.Layers(model, "layers", (layer, _) =>
            {
                Norm attentionNorm = norm(layer, "input_layernorm");
                Norm mlpNorm = norm(layer, "post_attention_layernorm");
                SelfAttention attention = b.Attention(
                    layer.Reordered(
                        "attention.query_key_value", 3 * hidden, hidden, bias,
                        CommonParts.SplitGroups(c.NumHeads, 1, c.HeadDim)),
                    layer.Linear("attention.dense", hidden, hidden, bias),
                    parts);
                Mlp mlp = layer.Scope("mlp.").PlainMlp(
                    "dense_h_to_4h", "dense_4h_to_h", c.IntermediateSize, b.Activation("hidden_act"), bias: true);
                return isParallel
                    ? new ParallelBlock
                    {
                        AttentionNorm = attentionNorm,
                        MlpNorm = mlpNorm,
                        Attention = attention,
                        Mlp = mlp,
                    }
                    : new SequentialBlock
                    {
                        AttentionNorm = attentionNorm,
                        MlpNorm = mlpNorm,
                        Attention = attention,
                        Mlp = mlp,
                    };
            }),
            FinalNorm = norm(model, "final_layer_norm"),
            Head = b.Head(b.Tied(false), "embed_out"),
        };
    }
}
