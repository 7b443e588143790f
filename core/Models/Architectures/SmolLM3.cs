using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>SmolLM 3 (Hugging Face 2025): Llama without rotary positions in some layers.</summary>
internal static class SmolLM3
{
    public static DecoderModel Build(ModelBuilder b)
    {
        Rope rope = b.Rope();
        bool[] hasRope = LayersWithRope(b);
        int[] windows = Qwen2.Windows(b);
        bool attentionBias = b.Json.Bool("attention_bias", false);
        bool mlpBias = b.Json.Bool("mlp_bias", false);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(
            norm,
            (layer, i) => new SequentialBlock
            {
                AttentionNorm = norm(layer, "input_layernorm"),
                Attention = layer.Attention(
                    new AttentionParts { Rope = hasRope[i] ? rope : null, SlidingWindow = windows[i] },
                    attentionBias, attentionBias),
                MlpNorm = norm(layer, "post_attention_layernorm"),
                Mlp = layer.GatedMlp(b.Activation("hidden_act"), mlpBias),
            },
            tiedByDefault: true);
    }

    // no_rope_layers is 1 where rotary positions are used, whatever its name says.
    private static bool[] LayersWithRope(ModelBuilder b)
    {
        int numLayers = b.Config.NumLayers;
        List<int>? flags = b.Json.Ints("no_rope_layers");
        if (flags is not null && flags.Count < numLayers)
        {
            throw b.Json.Bad("no_rope_layers", $"{numLayers} entries", $"{flags.Count}");
        }
        int interval = b.Json.Int("no_rope_layer_interval", 4, 1);
        bool[] hasRope = new bool[numLayers];
        for (int i = 0; i < numLayers; i++)
        {
            hasRope[i] = flags is null ? (i + 1) % interval != 0 : flags[i] != 0;
        }
        return hasRope;
    }
}
