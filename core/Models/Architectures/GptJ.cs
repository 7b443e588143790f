using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>GPT-J (Wang and Komatsuzaki 2021): interleaved rotary positions, parallel sublayers.</summary>
internal static class GptJ
{
    public static DecoderModel Build(ModelBuilder b)
    {
        ModelConfig c = b.Config;
        int hidden = c.HiddenSize;
        int inner = b.Json.OptionalInt("n_inner", 1) ?? 4 * hidden;
        AttentionParts parts = new()
        {
            Rope = b.Rope(interleaved: true, rotaryDim: b.Json.Int("rotary_dim", c.HeadDim, 2, c.HeadDim)),
        };
        Func<WeightScope, string, Norm> norm = b.LayerNorms("layer_norm_epsilon");
        WeightScope model = b.OptionalScope("transformer.");
        return new DecoderModel
        {
            HiddenSize = hidden,
            Embedding = b.Embedding(model, "wte"),
            Blocks = b.Layers(model, "h", (layer, _) => new ParallelBlock
            {
                AttentionNorm = norm(layer, "ln_1"),
                Attention = layer.Attention(parts, output: "out_proj", scope: "attn."),
                Mlp = layer.Scope("mlp.").PlainMlp(
                    "fc_in", "fc_out", inner, b.Activation("activation_function"), bias: true),
            }),
            FinalNorm = norm(model, "ln_f"),
            Head = b.Head(b.Tied(false), bias: true),
        };
    }
}
