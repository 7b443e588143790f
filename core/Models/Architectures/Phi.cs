using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Phi-1 and Phi-2 (Gunasekar et al. 2023): both sublayers in parallel behind one layer norm.</summary>
internal static class Phi
{
    public static DecoderModel Build(ModelBuilder b)
    {
        ModelConfig c = b.Config;
        float epsilon = b.Json.Float("layer_norm_eps", 1e-5);
        bool normsHeads = b.Json.Bool("qk_layernorm", false);
        Rope rope = b.Rope(rotaryDim: (int)(c.HeadDim * (c.Rope().PartialRotaryFactor ?? 0.5)));
        Func<WeightScope, string, Norm> norm = b.LayerNorms("layer_norm_eps");
        WeightScope model = b.OptionalScope("model.");
        return new DecoderModel
        {
            HiddenSize = c.HiddenSize,
            Embedding = b.Embedding(model, "embed_tokens"),
            Blocks = b.Layers(model, "layers", (layer, _) => new ParallelBlock
            {
                AttentionNorm = norm(layer, "input_layernorm"),
                Attention = layer.Attention(
                    new AttentionParts
                    {
                        Rope = rope,
                        QueryNorm = HeadNorm(layer, "q_layernorm"),
                        KeyNorm = HeadNorm(layer, "k_layernorm"),
                    },
                    qkvBias: true, outputBias: true, output: "dense"),
                Mlp = layer.Scope("mlp.").PlainMlp(
                    "fc1", "fc2", c.IntermediateSize, b.Activation("hidden_act"), bias: true),
            }),
            FinalNorm = norm(model, "final_layernorm"),
            Head = b.Head(b.Tied(false), bias: true),
        };

        Norm? HeadNorm(WeightScope layer, string name) =>
            normsHeads ? layer.LayerNorm($"self_attn.{name}", c.HeadDim, epsilon) : null;
    }
}
