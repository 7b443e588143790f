using Engine.Models.Layers;

namespace Engine.Models.Architectures;

/// <summary>Gemma 4's attention: wider heads in full layers, and layers that read earlier ones' keys.</summary>
internal sealed class Gemma4Attention
{
    private readonly float _epsilon;
    private readonly int[] _windows;
    private readonly bool _hasBias;
    private readonly bool _isBidirectional;
    private readonly AttentionParts _sliding;
    private readonly AttentionParts _full;

    public Gemma4Attention(ModelBuilder b, float epsilon)
    {
        ConfigJson json = b.Json;
        if (json.Has("per_layer_config")) throw json.Bad("per_layer_config", "global_head_dim in its place", "an object");
        _epsilon = epsilon;
        _ = json.Int("sliding_window", 512, 1);
        _windows = b.SlidingWindows(i => (i + 1) % 6 != 0, usualWindow: 512);
        _windows[^1] = 0; // whatever layer_types says, as in transformers
        _hasBias = json.Bool("attention_bias", false);
        _isBidirectional = json.String("use_bidirectional_attention", "vision") switch
        {
            "vision" => false, // images see both sides, texts do not
            "all" => true,
            string other => throw json.Bad("use_bidirectional_attention", "all, vision or null", $"\"{other}\""),
        };
        int numLayers = b.Config.NumLayers, numHeads = b.Config.NumHeads, numKvHeads = b.Config.NumKvHeads;
        Sharing = new KvSharing(
            [.. _windows.Select(w => w > 0)], numLayers - json.Int("num_kv_shared_layers", 0, 0, numLayers - 1),
            i => json.Bad("num_kv_shared_layers", $"a layer of layer {i}'s type before the shared ones", "none"));

        bool keyIsValue = json.Bool("attention_k_eq_v", false);
        int numFull = keyIsValue
            ? json.OptionalInt("num_global_key_value_heads", 1, numHeads) ?? numKvHeads
            : numKvHeads;
        if (numHeads % numFull != 0)
            throw json.Bad("num_global_key_value_heads", $"a divisor of {numHeads} heads", $"{numFull}");
        int headDim = b.Config.HeadDim, fullDim = json.Int("global_head_dim", 512, 1, 4096);
        AttentionParts parts = new() { Scale = 1, IsBidirectional = _isBidirectional };
        _sliding = parts with { Rope = b.Rope(RopeOf(b, "sliding_attention"), headDim: headDim), HeadDim = headDim };
        _full = parts with
        {
            Rope = b.Rope(RopeOf(b, "full_attention"), headDim: fullDim),
            HeadDim = fullDim,
            NumKvHeads = numFull,
            KeyIsValue = keyIsValue,
        };
    }

    /// <summary>Which layers read which.</summary>
    public KvSharing Sharing { get; }

    /// <summary>Attention of layer i; layers come in their order.</summary>
    public SelfAttention Build(WeightScope layer, int i)
    {
        AttentionParts kind = _windows[i] > 0 ? _sliding : _full;
        int headDim = kind.HeadDim!.Value;
        bool reads = Sharing.Reads(i);
        // Some checkpoints carry what such a layer never uses.
        foreach (string module in (string[])(reads ? ["k_proj", "v_proj", "k_norm", "v_norm"] : []))
            layer.Scope("self_attn.").Skip(module);
        AttentionParts parts = kind with
        {
            SlidingWindow = _isBidirectional ? _windows[i] / 2 : _windows[i],
            KeyIsValue = kind.KeyIsValue && !reads,
            KvLayer = Sharing.KvLayerOf(i),
            IsShared = Sharing.IsRead(i),
            QueryNorm = layer.RmsNorm("self_attn.q_norm", headDim, _epsilon),
            KeyNorm = reads ? null : layer.RmsNorm("self_attn.k_norm", headDim, _epsilon),
            ValueNorm = reads ? null : new Norm { IsLayerNorm = false, Width = headDim, Epsilon = _epsilon },
        };
        return Sharing.Built(i, layer.Attention(parts, _hasBias, _hasBias));
    }

    private static RopeSettings RopeOf(ModelBuilder b, string kind) =>
        b.Json.Has("rope_parameters") ? b.Config.Rope(kind)
        : kind == "sliding_attention" ? new RopeSettings { Theta = 1e4, Type = "default" }
        : new RopeSettings { Theta = 1e6, Type = "proportional", PartialRotaryFactor = 0.25 };
}
