using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>StarCoder 2 (Lozhkov et al. 2024): layer norms, biases, a plain MLP, a window.</summary>
internal static class Starcoder2
{
    public static DecoderModel Build(ModelBuilder b)
    {
        Rope rope = b.Rope();
        int[] windows = b.SlidingWindows(_ => true);
        bool bias = b.Json.Bool("use_bias", true);
        Func<WeightScope, string, Norm> norm = b.LayerNorms("norm_epsilon");
        return b.Decoder(
            norm,
            (layer, i) => new SequentialBlock
            {
                AttentionNorm = norm(layer, "input_layernorm"),
                Attention = layer.Attention(
                    new AttentionParts { Rope = rope, SlidingWindow = windows[i] }, bias, bias),
                MlpNorm = norm(layer, "post_attention_layernorm"),
                Mlp = layer.Scope("mlp.").PlainMlp(
                    "c_fc", "c_proj", b.Config.IntermediateSize, b.Activation("hidden_act"), bias),
            },
            tiedByDefault: true);
    }
}
