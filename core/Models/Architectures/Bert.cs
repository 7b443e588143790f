using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>
/// BERT (Devlin et al. 2019), RoBERTa (Liu et al. 2019) and XLM-R: encoders with learned positions and types of tokens,
/// norms behind the sublayers.
/// </summary>
internal static class Bert
{
    public static DecoderModel Build(ModelBuilder b) => Build(b, "bert.");

    /// <summary>The same under another prefix, with shifted positions.</summary>
    public static DecoderModel BuildRoberta(ModelBuilder b) => Build(b, "roberta.");

    /// <summary>Rows of the position table that no token has: RoBERTa counts from behind the padding token's.</summary>
    public static int PositionOffset(ModelConfig config) =>
        config.Architecture.Contains("Roberta", StringComparison.Ordinal)
            ? config.Json.Int("pad_token_id", 1, 0) + 1
            : 0;

    private static DecoderModel Build(ModelBuilder b, string prefix)
    {
        ModelConfig c = b.Config;
        int hidden = c.HiddenSize;
        if (b.Json.String("position_embedding_type", "absolute") is not "absolute" and var kind)
        {
            throw b.Json.Bad("position_embedding_type", "absolute", $"\"{kind}\"");
        }
        Func<WeightScope, string, Norm> norm = b.LayerNorms("layer_norm_eps");
        WeightScope model = b.OptionalScope(prefix);
        WeightScope embeddings = model.Scope("embeddings.");
        int numTypes = b.Json.Int("type_vocab_size", 2, 1);
        return new DecoderModel
        {
            HiddenSize = hidden,
            Embedding = b.Embedding(
                embeddings, "word_embeddings",
                positions: b.Positions(
                    embeddings, "position_embeddings", c.MaxPositionEmbeddings, PositionOffset(c)),
                types: b.Positions(embeddings, "token_type_embeddings", numTypes),
                norm: norm(embeddings, "LayerNorm")),
            Blocks = b.Layers(model, "encoder.layer", (layer, _) => new PostNormBlock
            {
                Attention = Attention(layer),
                AttentionNorm = norm(layer, "attention.output.LayerNorm"),
                Mlp = layer.PlainMlp(
                    "intermediate.dense", "output.dense", c.IntermediateSize, b.Activation("hidden_act"), bias: true),
                MlpNorm = norm(layer, "output.LayerNorm"),
            }),
            Head = b.Head(tied: true),
        };
    }

    private static SelfAttention Attention(WeightScope layer)
    {
        int hidden = layer.Builder.Config.HiddenSize;
        WeightScope attention = layer.Scope("attention.");
        return layer.Builder.Attention(
            attention.Scope("self.").Fused(hidden, true, ("query", hidden), ("key", hidden), ("value", hidden)),
            attention.Linear("output.dense", hidden, hidden, bias: true),
            new AttentionParts { IsBidirectional = true });
    }
}
