using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Phi-3 and Phi-4 (Abdin et al. 2024): Llama with q, k, v and gate, up stored as one.</summary>
internal static class Phi3
{
    public static DecoderModel Build(ModelBuilder b)
    {
        ModelConfig c = b.Config;
        int queryWidth = c.NumHeads * c.HeadDim;
        int qkvWidth = queryWidth + (2 * c.NumKvHeads * c.HeadDim);
        AttentionParts attention = new() { Rope = b.Rope(), SlidingWindow = b.Json.Int("sliding_window", 0) };
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(norm, (layer, _) => new SequentialBlock
        {
            AttentionNorm = norm(layer, "input_layernorm"),
            Attention = b.Attention(
                layer.Linear("self_attn.qkv_proj", qkvWidth, c.HiddenSize, bias: false),
                layer.Linear("self_attn.o_proj", c.HiddenSize, queryWidth, bias: false),
                attention),
            MlpNorm = norm(layer, "post_attention_layernorm"),
            Mlp = layer.GatedMlp(b.Activation("hidden_act"), isFused: true),
        });
    }
}
