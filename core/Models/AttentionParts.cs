using Engine.Devices;
using Engine.Models.Layers;

namespace Engine.Models;

/// <summary>What differs between the attentions of families; the rest is as in Llama.</summary>
internal sealed record AttentionParts
{
    public Rope? Rope { get; init; }

    public Norm? QueryNorm { get; init; }

    public Norm? KeyNorm { get; init; }

    public bool NormAfterRope { get; init; }

    /// <summary>Null is headDim to the power of -1/2.</summary>
    public float? Scale { get; init; }

    public int SlidingWindow { get; init; }

    public float SoftCap { get; init; }

    public DeviceBuffer? AlibiSlopes { get; init; }

    public float Clip { get; init; }

    public int? NumKvHeads { get; init; }
}

/// <summary>Attention and MLP as most families store them.</summary>
internal static class CommonParts
{
    /// <summary>Attention from ready projections.</summary>
    public static SelfAttention Attention(
        this ModelBuilder b, Linear qkv, Linear output, AttentionParts parts)
    {
        ModelConfig c = b.Config;
        int numKvHeads = parts.NumKvHeads ?? c.NumKvHeads;
        b.KvLayers.Add((numKvHeads, c.HeadDim));
        b.Activations.NeedWide(qkv.N);
        b.Activations.NeedNarrow(c.NumHeads * c.HeadDim);
        return new SelfAttention
        {
            Qkv = qkv,
            Output = output,
            KvLayer = b.KvLayers.Count - 1,
            Settings = new AttentionSettings(
                c.NumHeads, numKvHeads, c.HeadDim, parts.Scale ?? (float)(1 / Math.Sqrt(c.HeadDim)),
                parts.SlidingWindow, parts.SoftCap, parts.AlibiSlopes),
            Rope = parts.Rope,
            QueryNorm = parts.QueryNorm,
            KeyNorm = parts.KeyNorm,
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
        int queryWidth = c.NumHeads * c.HeadDim, kvWidth = c.NumKvHeads * c.HeadDim;
        WeightScope attention = layer.Scope(scope);
        return layer.Builder.Attention(
            attention.Fused(
                c.HiddenSize, qkvBias, ("q_proj", queryWidth), ("k_proj", kvWidth), ("v_proj", kvWidth)),
            attention.Linear(output, c.HiddenSize, queryWidth, outputBias),
            parts);
    }

    /// <summary>mlp.{gate,up,down}_proj.</summary>
    public static GatedMlp GatedMlp(
        this WeightScope layer, Activation activation, bool bias = false, bool isFused = false)
    {
        ModelConfig c = layer.Builder.Config;
        int inner = c.IntermediateSize;
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
                "gelu" => Devices.Activation.Gelu,
                "gelu_new" or "gelu_pytorch_tanh" or "gelu_fast" => Devices.Activation.GeluTanh,
                "relu" => Devices.Activation.Relu,
                "relu2" => Devices.Activation.ReluSquared,
                _ => throw b.Json.Bad(
                    key, "silu, gelu, gelu_new, gelu_pytorch_tanh, relu or relu2", $"\"{name}\""),
            };
        }
        throw b.Json.Missing(keys[0]);
    }
}
