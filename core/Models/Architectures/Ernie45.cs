using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>ERNIE 4.5 (Baidu 2025), dense: Llama with interleaved rotary positions.</summary>
internal static class Ernie45
{
    public static DecoderModel Build(ModelBuilder b)
    {
        AttentionParts parts = new() { Rope = b.Rope(interleaved: true) };
        bool bias = b.Json.Bool("use_bias", false);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(
            norm,
            (layer, _) => new SequentialBlock
            {
                AttentionNorm = norm(layer, "input_layernorm"),
                Attention = layer.Attention(parts, bias, bias),
                MlpNorm = norm(layer, "post_attention_layernorm"),
                Mlp = layer.GatedMlp(b.Activation("hidden_act"), bias),
            },
            tiedByDefault: true);
    }
}
