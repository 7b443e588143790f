using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>
/// Falcon (Almazrouei et al. 2023): the 40B form (grouped heads), the 7B form (one KV head), RW (ALiBi).
/// </summary>
internal static class Falcon
{
    public static DecoderModel Build(ModelBuilder b)
    {
        ModelConfig c = b.Config;
        int hidden = c.HiddenSize, inner = b.Json.Int("ffn_hidden_size", 4 * hidden, 1);
        bool bias = b.Json.Bool("bias", false);
        bool isNew = b.Json.Bool("new_decoder_architecture", false);
        bool isParallel = isNew || b.Json.Bool("parallel_attn", true);
        bool hasTwoNorms = isNew && b.Json.Int("num_ln_in_parallel_attn", 2) == 2;
        AttentionParts parts = Parts(b, isNew);
        Func<WeightScope, string, Norm> norm = b.LayerNorms("layer_norm_epsilon");
        WeightScope model = b.OptionalScope("transformer.");
        return new DecoderModel
        {
            HiddenSize = hidden,
            Embedding = b.Embedding(model, "word_embeddings"),
            Blocks = b.Layers(model, "h", (layer, _) =>
            {
                Norm attentionNorm = norm(layer, hasTwoNorms ? "ln_attn" : "input_layernorm");
                SelfAttention attention = b.Attention(
                    QueryKeyValue(layer, parts.NumKvHeads!.Value, isNew, bias),
                    layer.Linear("self_attention.dense", hidden, hidden, bias),
                    parts);
                Mlp mlp = layer.Scope("mlp.").PlainMlp(
                    "dense_h_to_4h", "dense_4h_to_h", inner,
                    b.Json.Has("activation") ? b.Activation("activation") : Devices.Activation.Gelu, bias);
                return isParallel
                    ? new ParallelBlock
                    {
                        AttentionNorm = attentionNorm,
                        MlpNorm = hasTwoNorms ? norm(layer, "ln_mlp") : null,
                        Attention = attention,
                        Mlp = mlp,
                    }
                    : new SequentialBlock
                    {
                        AttentionNorm = attentionNorm,
                        MlpNorm = norm(layer, "post_attention_layernorm"),
                        Attention = attention,
                        Mlp = mlp,
                    };
            }),
            FinalNorm = norm(model, "ln_f"),
            Head = b.Head(b.Tied(true)),
        };
    }

    private static AttentionParts Parts(ModelBuilder b, bool isNew)
    {
        int numHeads = b.Config.NumHeads;
        int numKvHeads = isNew ? b.Json.Int("num_kv_heads", numHeads, 1, numHeads)
            : b.Json.Bool("multi_query", true) ? 1 : numHeads;
        if (numHeads % numKvHeads != 0)
        {
            throw b.Json.Bad("num_kv_heads", $"a divisor of {numHeads} heads", $"{numKvHeads}");
        }
        if (!b.Json.Bool("alibi", false)) return new AttentionParts { Rope = b.Rope(), NumKvHeads = numKvHeads };
        // Falcon scales the sum of score and bias, so the slopes take the scale too. (The eager attention of
        // transformers adds the bias a second time, with the mask; its default one and the original do not.)
        double scale = 1 / Math.Sqrt(b.Config.HeadDim);
        float[] slopes = CommonParts.AlibiSlopes(numHeads);
        for (int i = 0; i < slopes.Length; i++) slopes[i] = (float)(slopes[i] * scale);
        return new AttentionParts { AlibiSlopes = b.Constant(slopes), NumKvHeads = numKvHeads };
    }

    // Stored as [q ... q, k, v] per KV head, except that the 7B form has one k and v behind all q.
    private static Linear QueryKeyValue(WeightScope layer, int numKvHeads, bool isNew, bool bias)
    {
        ModelConfig c = layer.Builder.Config;
        int n = (c.NumHeads + (2 * numKvHeads)) * c.HeadDim;
        const string name = "self_attention.query_key_value";
        return numKvHeads == 1 && !isNew
            ? layer.Linear(name, n, c.HiddenSize, bias)
            : layer.Reordered(
                name, n, c.HiddenSize, bias,
                CommonParts.SplitGroups(numKvHeads, c.NumHeads / numKvHeads, c.HeadDim));
    }
}
