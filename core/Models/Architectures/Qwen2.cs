using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Qwen 2 and 2.5 (Yang et al. 2024): Llama with biases on q, k and v.</summary>
internal static class Qwen2
{
    public static DecoderModel Build(ModelBuilder b)
    {
        Rope rope = b.Rope();
        int[] windows = Windows(b);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(norm, (layer, i) => new SequentialBlock
        {
            AttentionNorm = norm(layer, "input_layernorm"),
            Attention = layer.Attention(
                new AttentionParts { Rope = rope, SlidingWindow = windows[i] }, qkvBias: true),
            MlpNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.GatedMlp(b.Activation("hidden_act")),
        });
    }

    /// <summary>sliding_window counts only with use_sliding_window, from layer max_window_layers on.</summary>
    public static int[] Windows(ModelBuilder b)
    {
        if (!b.Json.Bool("use_sliding_window", false)) return new int[b.Config.NumLayers];
        int first = b.Json.Int("max_window_layers", 28);
        return b.SlidingWindows(i => i >= first);
    }
}
