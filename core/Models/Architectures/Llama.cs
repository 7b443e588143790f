using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Llama 1 to 3 (Touvron et al. 2023) and the many models that are Llama by another name.</summary>
internal static class Llama
{
    public static DecoderModel Build(ModelBuilder b)
    {
        ModelConfig c = b.Config;
        float epsilon = b.Json.Float("rms_norm_eps", 1e-6);
        bool attentionBias = b.Json.Bool("attention_bias", false);
        bool mlpBias = b.Json.Bool("mlp_bias", false);
        AttentionParts attention = new() { Rope = b.Rope() };
        WeightScope model = b.Scope("model.");
        return new DecoderModel
        {
            HiddenSize = c.HiddenSize,
            Embedding = b.Embedding(model, "embed_tokens"),
            Blocks = b.Layers(model, "layers", (layer, _) => new SequentialBlock
            {
                AttentionNorm = layer.RmsNorm("input_layernorm", c.HiddenSize, epsilon),
                Attention = layer.Attention(attention, attentionBias, attentionBias),
                MlpNorm = layer.RmsNorm("post_attention_layernorm", c.HiddenSize, epsilon),
                Mlp = layer.GatedMlp(b.Activation("hidden_act"), mlpBias),
            }),
            FinalNorm = model.RmsNorm("norm", c.HiddenSize, epsilon),
            Head = b.Head(b.Tied(false)),
        };
    }
}
