using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>BLOOM (Scao et al. 2022): ALiBi, a norm behind the embedding, q, k, v interleaved by head.</summary>
internal static class Bloom
{
    public static DecoderModel Build(ModelBuilder b)
    {
        ModelConfig c = b.Config;
        int hidden = c.HiddenSize;
        if (b.Json.Bool("apply_residual_connection_post_layernorm", false))
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                "config.json: apply_residual_connection_post_layernorm: expected false, found true",
                "apply_residual_connection_post_layernorm");
        }
        AttentionParts parts = new() { AlibiSlopes = b.Constant(CommonParts.AlibiSlopes(c.NumHeads)) };
        Func<WeightScope, string, Norm> norm = b.LayerNorms("layer_norm_epsilon");
        WeightScope model = b.OptionalScope("transformer.");
        return new DecoderModel
        {
            HiddenSize = hidden,
            Embedding = b.Embedding(
                model, "word_embeddings", norm: norm(model, "word_embeddings_layernorm")),
            Blocks = b.Layers(model, "h", (layer, _) => new SequentialBlock
            {
                AttentionNorm = norm(layer, "input_layernorm"),
                Attention = b.Attention(
                    layer.Reordered(
                        "self_attention.query_key_value", 3 * hidden, hidden, bias: true,
                        CommonParts.SplitGroups(c.NumHeads, 1, c.HeadDim)),
                    layer.Linear("self_attention.dense", hidden, hidden, bias: true),
                    parts),
                MlpNorm = norm(layer, "post_attention_layernorm"),
                Mlp = layer.Scope("mlp.").PlainMlp(
                    "dense_h_to_4h", "dense_4h_to_h", 4 * hidden, Devices.Activation.GeluTanh, bias: true),
            }),
            FinalNorm = norm(model, "ln_f"),
            Head = b.Head(b.Tied(true)),
        };
    }
}
