using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>MPT (MosaicML 2023): ALiBi, one fused q, k, v, no biases.</summary>
internal static class Mpt
{
    public static DecoderModel Build(ModelBuilder b)
    {
        ModelConfig c = b.Config;
        // expansion_ratio is written into the files and read by nothing: every MPT has 4.
        int hidden = c.HiddenSize, inner = 4 * hidden;
        ConfigJson? attention = b.Json.Object("attn_config");
        if (attention?.Bool("alibi", true) == false || attention?.Bool("qk_ln", false) == true)
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                "config.json: attn_config: expected alibi true and qk_ln false, found otherwise", "attn_config");
        }
        AttentionParts parts = new()
        {
            AlibiSlopes = b.Constant(Slopes(c.NumHeads, attention?.Double("alibi_bias_max", 8) ?? 8)),
            Scale = (float?)attention?.OptionalDouble("softmax_scale"),
            Clip = attention?.Float("clip_qkv", 0) ?? 0,
        };
        Func<WeightScope, string, Norm> norm = b.LayerNorms("layer_norm_epsilon", bias: false);
        WeightScope model = b.OptionalScope("transformer.");
        return new DecoderModel
        {
            HiddenSize = hidden,
            Embedding = b.Embedding(model, "wte"),
            Blocks = b.Layers(model, "blocks", (layer, _) => new SequentialBlock
            {
                AttentionNorm = norm(layer, "norm_1"),
                Attention = b.Attention(
                    layer.Linear("attn.Wqkv", 3 * hidden, hidden, bias: false),
                    layer.Linear("attn.out_proj", hidden, hidden, bias: false),
                    parts),
                MlpNorm = norm(layer, "norm_2"),
                Mlp = layer.Scope("ffn.").PlainMlp(
                    "up_proj", "down_proj", inner, Devices.Activation.Gelu, bias: false),
            }),
            FinalNorm = norm(model, "norm_f"),
            Head = b.Head(b.Tied(true)),
        };
    }

    // Unlike Bloom's: for a number of heads that is no power of two, every other slope of the next one.
    private static float[] Slopes(int numHeads, double biasMax)
    {
        int power = 1;
        while (power < numHeads) power *= 2;
        float[] all = new float[power];
        for (int i = 0; i < power; i++) all[i] = (float)Math.Pow(2, -biasMax * (i + 1) / power);
        if (power == numHeads) return all;
        IEnumerable<float> odd = all.Where((_, i) => i % 2 == 1), even = all.Where((_, i) => i % 2 == 0);
        return [.. odd.Concat(even).Take(numHeads)];
    }
}
