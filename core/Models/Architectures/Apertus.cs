using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Apertus (Swiss AI 2025): xIELU with learned parameters, no gate, norms on the heads of q and k.</summary>
internal static class Apertus
{
    public static DecoderModel Build(ModelBuilder b)
    {
        int headDim = b.Config.HeadDim;
        float epsilon = b.Json.Float("rms_norm_eps", 1e-5);
        Rope rope = b.Rope();
        bool bias = b.Json.Bool("attention_bias", false);
        Func<WeightScope, string, Norm> norm = b.RmsNorms();
        return b.Decoder(norm, (layer, _) => new SequentialBlock
        {
            AttentionNorm = norm(layer, "attention_layernorm"),
            Attention = layer.Attention(
                new AttentionParts
                {
                    Rope = rope,
                    QueryNorm = layer.RmsNorm("self_attn.q_norm", headDim, epsilon),
                    KeyNorm = layer.RmsNorm("self_attn.k_norm", headDim, epsilon),
                },
                bias, bias),
            MlpNorm = norm(layer, "feedforward_layernorm"),
            Mlp = XieluMlp(b, layer.Scope("mlp.")),
        });
    }

    private static XieluMlp XieluMlp(ModelBuilder b, WeightScope mlp)
    {
        int hidden = b.Config.HiddenSize, inner = b.Config.IntermediateSize;
        b.Activations.NeedNarrow(inner);
        double beta = mlp.Contains("act_fn.beta") ? b.ReadVector(mlp.Tensor("act_fn.beta"))[0] : 0.5;
        double epsilon = mlp.Contains("act_fn.eps") ? b.ReadVector(mlp.Tensor("act_fn.eps"))[0] : -1e-6;
        double alphaP = Softplus(b.ReadVector(mlp.Tensor("act_fn.alpha_p", 1))[0]);
        double alphaN = beta + Softplus(b.ReadVector(mlp.Tensor("act_fn.alpha_n", 1))[0]);
        return new XieluMlp
        {
            Up = mlp.Linear("up_proj", inner, hidden, bias: false),
            Down = mlp.Linear("down_proj", hidden, inner, bias: false),
            Curve = ((float)alphaP, (float)alphaN, (float)beta, (float)epsilon),
        };
    }

    private static double Softplus(double x) => x > 20 ? x : Math.Log(1 + Math.Exp(x));
}
