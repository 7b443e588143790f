using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>OPT (Zhang et al. 2022): learned positions from row 2 on; the 350M norms behind the sublayers.</summary>
internal static class Opt
{
    private const int PositionOffset = 2;

    public static DecoderModel Build(ModelBuilder b)
    {
        ModelConfig c = b.Config;
        int hidden = c.HiddenSize, inner = b.Json.Int("ffn_dim", null, 1);
        int width = b.Json.Int("word_embed_proj_dim", hidden, 1);
        bool bias = b.Json.Bool("enable_bias", true);
        bool normsBefore = b.Json.Bool("do_layer_norm_before", true);
        WeightScope model = b.Weights.HasPrefix("model.decoder.") ? b.Scope("model.decoder.") : b.Scope("decoder.");
        return new DecoderModel
        {
            HiddenSize = hidden,
            Embedding = b.Embedding(
                model, "embed_tokens", width: width,
                positions: b.Positions(
                    model, "embed_positions", c.MaxPositionEmbeddings + PositionOffset, PositionOffset),
                projection: width == hidden ? null : model.Linear("project_in", hidden, width, bias: false)),
            Blocks = b.Layers(model, "layers", (layer, _) =>
            {
                Norm attentionNorm = layer.LayerNorm("self_attn_layer_norm", hidden, 1e-5f);
                Norm mlpNorm = layer.LayerNorm("final_layer_norm", hidden, 1e-5f);
                SelfAttention attention = layer.Attention(new AttentionParts(), bias, bias, "out_proj");
                Mlp mlp = layer.PlainMlp("fc1", "fc2", inner, b.Activation("activation_function"), bias);
                return normsBefore
                    ? new SequentialBlock
                    {
                        AttentionNorm = attentionNorm,
                        MlpNorm = mlpNorm,
                        Attention = attention,
                        Mlp = mlp,
                    }
                    : new PostNormBlock
                    {
                        AttentionNorm = attentionNorm,
                        MlpNorm = mlpNorm,
                        Attention = attention,
                        Mlp = mlp,
                    };
            }),
            FinalNorm = normsBefore && !b.Json.Bool("_remove_final_layer_norm", false)
                ? model.LayerNorm("final_layer_norm", hidden, 1e-5f)
                : null,
            OutputProjection = width == hidden ? null : model.Linear("project_out", width, hidden, bias: false),
            Head = b.Head(b.Tied(true)),
        };
    }
}
