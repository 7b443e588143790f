using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>SantaCoder and StarCoder (Li et al. 2023): GPT-2 with one KV head for all.</summary>
internal static class GptBigCode
{
    public static DecoderModel Build(ModelBuilder b)
    {
        ModelConfig c = b.Config;
        int hidden = c.HiddenSize;
        int inner = b.Json.OptionalInt("n_inner", 1) ?? 4 * hidden;
        bool isMultiQuery = b.Json.Bool("multi_query", true);
        float scale = b.Json.Bool("scale_attn_weights", true) ? (float)(1 / Math.Sqrt(c.HeadDim)) : 1;
        Func<WeightScope, string, Norm> norm = b.LayerNorms("layer_norm_epsilon");
        WeightScope model = b.OptionalScope("transformer.");
        return new DecoderModel
        {
            HiddenSize = hidden,
            Embedding = b.Embedding(
                model, "wte", positions: b.Positions(model, "wpe", c.MaxPositionEmbeddings)),
            Blocks = b.Layers(model, "h", (layer, _) => new SequentialBlock
            {
                AttentionNorm = norm(layer, "ln_1"),
                Attention = b.Attention(
                    isMultiQuery
                        ? layer.Linear("attn.c_attn", hidden + (2 * c.HeadDim), hidden, bias: true)
                        : layer.Reordered(
                            "attn.c_attn", 3 * hidden, hidden, bias: true,
                            CommonParts.SplitGroups(c.NumHeads, 1, c.HeadDim)),
                    layer.Linear("attn.c_proj", hidden, hidden, bias: true),
                    new AttentionParts { Scale = scale, NumKvHeads = isMultiQuery ? 1 : c.NumHeads }),
                MlpNorm = norm(layer, "ln_2"),
                Mlp = layer.Scope("mlp.").PlainMlp(
                    "c_fc", "c_proj", inner, b.Activation("activation_function"), bias: true),
            }),
            FinalNorm = norm(model, "ln_f"),
            Head = b.Head(b.Tied(true)),
        };
    }
}
