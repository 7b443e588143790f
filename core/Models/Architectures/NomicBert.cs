using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>NomicBert (Nussbaum et al. 2024): BERT with rotary positions and a gated MLP, GPT-2's keys.</summary>
internal static class NomicBert
{
    public static DecoderModel Build(ModelBuilder b)
    {
        ModelConfig c = b.Config;
        int hidden = c.HiddenSize, inner = b.Json.Int("n_inner", 4 * hidden, 1);
        bool qkvBias = b.Json.Bool("qkv_proj_bias", true);
        bool upBias = b.Json.Bool("mlp_fc1_bias", true), downBias = b.Json.Bool("mlp_fc2_bias", true);
        if (b.Json.Bool("prenorm", false)) throw b.Json.Bad("prenorm", "false", "true");
        Rope rope = b.Rope(interleaved: b.Json.Bool("rotary_emb_interleaved", false), rotaryDim: RotaryDim(b));
        Func<WeightScope, string, Norm> norm = b.LayerNorms("layer_norm_epsilon");
        WeightScope model = b.OptionalScope("bert.");
        WeightScope embeddings = model.Scope("embeddings.");
        return new DecoderModel
        {
            HiddenSize = hidden,
            Embedding = b.Embedding(
                embeddings, "word_embeddings",
                types: b.Positions(embeddings, "token_type_embeddings", b.Json.Int("type_vocab_size", 2, 1)),
                norm: norm(model, "emb_ln")),
            Blocks = b.Layers(model, "encoder.layers", (layer, _) => new PostNormBlock
            {
                Attention = b.Attention(
                    layer.Linear("attn.Wqkv", 3 * hidden, hidden, qkvBias),
                    layer.Linear("attn.out_proj", hidden, hidden, qkvBias),
                    new AttentionParts { Rope = rope, IsBidirectional = true }),
                AttentionNorm = norm(layer, "norm1"),
                Mlp = Mlp(layer, inner, upBias, downBias),
                MlpNorm = norm(layer, "norm2"),
            }),
            Head = b.Head(tied: true),
        };
    }

    private static int RotaryDim(ModelBuilder b)
    {
        double fraction = b.Json.Double("rotary_emb_fraction", 1);
        return fraction is > 0 and <= 1
            ? (int)(b.Config.HeadDim * fraction)
            : throw b.Json.Bad("rotary_emb_fraction", "above 0, at most 1", $"{fraction}");
    }

    // swiglu: the gated half is stored second.
    private static Mlp Mlp(WeightScope layer, int inner, bool upBias, bool downBias)
    {
        ModelBuilder b = layer.Builder;
        WeightScope mlp = layer.Scope("mlp.");
        int hidden = b.Config.HiddenSize;
        string name = b.Json.String("activation_function", "gelu");
        if (name is not ("swiglu" or "geglu"))
        {
            return mlp.PlainMlp("fc1", "fc2", inner, b.Activation("activation_function"), upBias);
        }
        b.Activations.NeedWide(2 * inner);
        b.Activations.NeedNarrow(inner);
        return new GatedMlp
        {
            GateUp = mlp.Fused(hidden, upBias, ("fc12", inner), ("fc11", inner)),
            Down = mlp.Linear("fc2", hidden, inner, downBias),
            Activation = name == "swiglu" ? Devices.Activation.Silu : Devices.Activation.Gelu,
        };
    }
}
