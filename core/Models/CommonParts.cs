using Engine.Devices;
using Engine.Models.Layers;

namespace Engine.Models;

/// <summary>Attention and MLP as most families store them.</summary>
internal static class CommonParts
{
    /// <summary>Attention from ready projections.</summary>
    public static SelfAttention Attention(
        this ModelBuilder b, Linear qkv, Linear output, AttentionParts parts)
    {
        ModelConfig c = b.Config;
        int numKvHeads = parts.NumKvHeads ?? c.NumKvHeads, headDim = parts.HeadDim ?? c.HeadDim;
        int kvLayer = parts.KvLayer ?? b.KvLayer(numKvHeads, headDim, parts.IsShared);
        b.Activations.NeedWide(parts.KeyIsValue ? qkv.N + (numKvHeads * headDim) : qkv.N);
        b.Activations.NeedNarrow(c.NumHeads * headDim);
        return new SelfAttention
        {
            Qkv = qkv,
            Output = output,
            KvLayer = kvLayer,
            ReadsKv = parts.KvLayer is not null,
            Settings = new AttentionSettings(
                c.NumHeads, numKvHeads, headDim, parts.Scale ?? (float)(1 / Math.Sqrt(headDim)),
                parts.SlidingWindow, parts.SoftCap, parts.AlibiSlopes, parts.IsBidirectional),
            Rope = parts.Rope,
            QueryNorm = parts.QueryNorm,
            KeyNorm = parts.KeyNorm,
            ValueNorm = parts.ValueNorm,
            KeyIsValue = parts.KeyIsValue,
            NormAfterRope = parts.NormAfterRope,
            Clip = parts.Clip,
        };
    }

    /// <summary>self_attn.{q,k,v}_proj and the output projection.</summary>
    public static SelfAttention Attention(
        this WeightScope layer, AttentionParts parts, bool qkvBias = false, bool outputBias = false,
        string output = "o_proj", string scope = "self_attn.")
    {
        ModelConfig c = layer.Builder.Config;
        int headDim = parts.HeadDim ?? c.HeadDim;
        int queryWidth = c.NumHeads * headDim, kvWidth = (parts.NumKvHeads ?? c.NumKvHeads) * headDim;
        WeightScope attention = layer.Scope(scope);
        List<(string, int)> qkv = [("q_proj", queryWidth)];
        if (parts.KvLayer is null) qkv.Add(("k_proj", kvWidth));
        if (parts.KvLayer is null && !parts.KeyIsValue) qkv.Add(("v_proj", kvWidth));
        return layer.Builder.Attention(
            attention.Fused(c.HiddenSize, qkvBias, [.. qkv]),
            attention.Linear(output, c.HiddenSize, queryWidth, outputBias),
            parts);
    }

    /// <summary>mlp.{gate,up,down}_proj, of the width that config.json has or of that of a layer.</summary>
    public static GatedMlp GatedMlp(
        this WeightScope layer, Activation activation, bool bias = false, bool isFused = false, int? width = null)
    {
        ModelConfig c = layer.Builder.Config;
        int inner = width ?? c.IntermediateSize;
        WeightScope mlp = layer.Scope("mlp.");
        layer.Builder.Activations.NeedWide(2 * inner);
        layer.Builder.Activations.NeedNarrow(inner);
        return new GatedMlp
        {
            GateUp = isFused
                ? mlp.Linear("gate_up_proj", 2 * inner, c.HiddenSize, bias)
                : mlp.Fused(c.HiddenSize, bias, ("gate_proj", inner), ("up_proj", inner)),
            Down = mlp.Linear("down_proj", c.HiddenSize, inner, bias),
            Activation = activation,
        };
    }

    /// <summary>Two matrices with an activation between them.</summary>
    public static PlainMlp PlainMlp(
        this WeightScope layer, string up, string down, int inner, Activation activation, bool bias)
    {
        int hidden = layer.Builder.Config.HiddenSize;
        layer.Builder.Activations.NeedNarrow(inner);
        return new PlainMlp
        {
            Up = layer.Linear(up, inner, hidden, bias),
            Down = layer.Linear(down, hidden, inner, bias),
            Activation = activation,
        };
    }

    /// <summary>The activation that config.json names.</summary>
    public static Activation Activation(this ModelBuilder b, params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            if (b.Json.OptionalString(key) is not string name) continue;
            return name switch
            {
                "silu" or "swish" => Devices.Activation.Silu,
                "gelu" or "gelu_python" => Devices.Activation.Gelu,
                "gelu_new" or "gelu_pytorch_tanh" or "gelu_fast" or "gelu_accurate" or "gelu_python_tanh" =>
                    Devices.Activation.GeluTanh,
                "relu" => Devices.Activation.Relu,
                "relu2" => Devices.Activation.ReluSquared,
                _ => throw b.Json.Bad(
                    key, "silu, gelu, gelu_new, gelu_pytorch_tanh, relu or relu2", $"\"{name}\""),
            };
        }
        throw b.Json.Missing(keys[0]);
    }

    /// <summary>A decoder with the usual names: model.embed_tokens, model.layers, model.norm, lm_head.</summary>
    /// <param name="b">The builder.</param>
    /// <param name="norm">Makes a norm of a name: the final one here, usually those of the layers too.</param>
    /// <param name="layer">Makes layer i.</param>
    /// <param name="tiedByDefault">Where config.json says nothing of tie_word_embeddings.</param>
    /// <param name="embeddingScale">Multiplies the embeddings.</param>
    /// <param name="logitScale">Multiplies the logits.</param>
    /// <param name="logitCap">Caps the logits; 0 is off.</param>
    /// <param name="perLayer">Makes the embeddings per layer, where there are some.</param>
    public static DecoderModel Decoder(
        this ModelBuilder b, Func<WeightScope, string, Norm> norm, Func<WeightScope, int, Block> layer,
        bool tiedByDefault = false, float embeddingScale = 1, float logitScale = 1, float logitCap = 0,
        Func<WeightScope, LayerEmbedding?>? perLayer = null)
    {
        // Saved without its output matrix, which is how tied models may come, a decoder has no prefix.
        WeightScope model = b.OptionalScope("model.");
        return new DecoderModel
        {
            HiddenSize = b.Config.HiddenSize,
            Embedding = b.Embedding(model, "embed_tokens", embeddingScale),
            LayerEmbedding = perLayer?.Invoke(model),
            Blocks = b.Layers(model, "layers", layer),
            FinalNorm = norm(model, "norm"),
            Head = b.Head(b.Tied(tiedByDefault), scale: logitScale, softCap: logitCap),
        };
    }

    /// <summary>RMS norms of the whole row with the epsilon of config.json.</summary>
    public static Func<WeightScope, string, Norm> RmsNorms(this ModelBuilder b, float offset = 0)
    {
        float epsilon = b.Json.Float("rms_norm_eps", 1e-6);
        int width = b.Config.HiddenSize;
        return (scope, name) => scope.RmsNorm(name, width, epsilon, offset);
    }

    /// <summary>Layer norms of the whole row with the epsilon that config.json has under a key.</summary>
    public static Func<WeightScope, string, Norm> LayerNorms(
        this ModelBuilder b, string epsilonKey, bool bias = true, float offset = 0)
    {
        float epsilon = b.Json.Float(epsilonKey, 1e-5);
        int width = b.Config.HiddenSize;
        return (scope, name) => scope.LayerNorm(name, width, epsilon, bias, offset);
    }

    /// <summary>Window of each layer, 0 for none: by layer_types, or where the file is older by the rule.</summary>
    public static int[] SlidingWindows(this ModelBuilder b, Func<int, bool> isSlidingByDefault, int usualWindow = 0)
    {
        int window = b.Json.Int("sliding_window", usualWindow);
        List<string>? types = b.Config.LayerTypes();
        int[] windows = new int[b.Config.NumLayers];
        for (int i = 0; i < windows.Length; i++)
        {
            bool isSliding = types is null ? isSlidingByDefault(i) : types[i] switch
            {
                "sliding_attention" => true,
                "full_attention" => false,
                _ => throw b.Json.Bad(
                    $"layer_types[{i}]", "full_attention or sliding_attention", $"\"{types[i]}\""),
            };
            windows[i] = isSliding ? window : 0;
        }
        return windows;
    }

    /// <summary>Runs that sort rows stored as [q, k, v] per KV head into all q, all k, all v.</summary>
    /// <param name="numKvHeads">Groups.</param>
    /// <param name="group">Query heads of a group.</param>
    /// <param name="headDim">Rows of a head.</param>
    public static List<(int First, int Count)> SplitGroups(int numKvHeads, int group, int headDim)
    {
        int rows = (group + 2) * headDim;
        List<(int, int)> runs = [];
        for (int g = 0; g < numKvHeads; g++) runs.Add((g * rows, group * headDim));
        for (int g = 0; g < numKvHeads; g++) runs.Add(((g * rows) + (group * headDim), headDim));
        for (int g = 0; g < numKvHeads; g++) runs.Add(((g * rows) + ((group + 1) * headDim), headDim));
        return runs;
    }

    /// <summary>ALiBi slopes of a number of heads (Press et al. 2021), as Bloom and Falcon have them.</summary>
    public static float[] AlibiSlopes(int numHeads)
    {
        int power = 1;
        while (power * 2 <= numHeads) power *= 2;
        float[] slopes = new float[numHeads];
        for (int i = 0; i < numHeads; i++)
        {
            slopes[i] = i < power
                ? (float)Math.Pow(2, -8.0 * (i + 1) / power)
                : (float)Math.Pow(2, -4.0 * ((2 * (i - power)) + 1) / power);
        }
        return slopes;
    }
}
