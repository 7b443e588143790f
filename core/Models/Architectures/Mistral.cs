using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Mistral 7B (Jiang et al. 2023): Llama with a sliding window; Ministral mixes in full layers.</summary>
internal static class Mistral
{
    public static DecoderModel Build(ModelBuilder b)
    {
        Rope rope = b.Rope();
        int[] windows = b.SlidingWindows(_ => true);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(norm, (layer, i) => new SequentialBlock
        {
            AttentionNorm = norm(layer, "input_layernorm"),
            Attention = layer.Attention(new AttentionParts { Rope = rope, SlidingWindow = windows[i] }),
            MlpNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.GatedMlp(b.Activation("hidden_act")),
        });
    }
}
