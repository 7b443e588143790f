using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Ministral 3: Mistral whose queries grow with the logarithm of their position, as in Llama 4.</summary>
internal static class Ministral3
{
    public static DecoderModel Build(ModelBuilder b)
    {
        Rope rope = b.Rope(queryScale: QueryScale(b));
        int window = b.Json.Int("sliding_window", 0);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(norm, (layer, _) => new SequentialBlock
        {
            AttentionNorm = norm(layer, "input_layernorm"),
            Attention = layer.Attention(new AttentionParts { Rope = rope, SlidingWindow = window }),
            MlpNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.GatedMlp(b.Activation("hidden_act")),
        });
    }

    private static Func<int, double>? QueryScale(ModelBuilder b)
    {
        ConfigJson? rope = b.Json.Object("rope_parameters") ?? b.Json.Object("rope_scaling");
        if (rope?.OptionalDouble("llama_4_scaling_beta") is not double beta) return null;
        int original = rope.Int("original_max_position_embeddings", b.Config.MaxPositionEmbeddings, 1);
        return position => 1 + (beta * Math.Log(1 + (position / original)));
    }
}
