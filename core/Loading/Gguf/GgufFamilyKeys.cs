namespace Engine.Loading.Gguf;

/// <summary>The keys of config.json that only some families have.</summary>
internal static class GgufFamilyKeys
{
    private static void Write(GgufConfig c, ReadOnlySpan<(string Key, bool Value)> flags)
    {
        foreach ((string key, bool value) in flags) c.Json.WriteBoolean(key, value);
    }

    private static bool HasBias(GgufConfig c, string tensor) => c.HasTensor($"blk.0.{tensor}.bias");

    private static bool HasQkvBias(GgufConfig c) => HasBias(c, "attn_q") || HasBias(c, "attn_qkv");

    /// <summary>Biases that the file has are biases of the model.</summary>
    public static void Biases(GgufConfig c) => Write(
        c,
        [
            ("attention_bias", HasQkvBias(c)), ("attention_out_bias", HasBias(c, "attn_output")),
            ("mlp_bias", HasBias(c, "ffn_up")), ("use_bias", HasQkvBias(c)),
        ]);

    public static void Inner(GgufConfig c)
    {
        if (c.Columns("blk.0.ffn_down.weight") is int inner) c.Json.WriteNumber("n_inner", inner);
    }

    public static void Window(GgufConfig c)
    {
        if (c.Int("attention.sliding_window", 0, int.MaxValue) is int window and > 0)
        {
            c.Json.WriteNumber("sliding_window", window);
        }
    }

    public static void SmolLM3(GgufConfig c)
    {
        Biases(c);
        c.Json.WriteNumber("no_rope_layer_interval", 4);
    }

    public static void Granite(GgufConfig c)
    {
        // The format's way to say that there are no positions.
        if (!c.Flag("rope.scaling.finetuned", true)) throw c.Unsupported("no rotary positions (rope.scaling.finetuned is false)");
        Biases(c);
        c.Json.WriteNumber("embedding_multiplier", Positive(c, "embedding_scale", 1));
        c.Json.WriteNumber("residual_multiplier", Positive(c, "residual_scale", 1));
        c.Json.WriteNumber("logits_scaling", Positive(c, "logit_scale", 1));
        c.Json.WriteNumber("attention_multiplier", Positive(c, "attention.scale", 1 / Math.Sqrt(c.HeadDim)));
    }

    // 0 stands for "not scaled".
    private static double Positive(GgufConfig c, string key, double otherwise) =>
        c.Real(key, 0) is double value && value != 0 ? value : otherwise;

    public static void Gemma2(GgufConfig c)
    {
        c.Json.WriteNumber("attn_logit_softcapping", c.Real("attn_logit_softcapping", 50));
        c.Json.WriteNumber("final_logit_softcapping", c.Real("final_logit_softcapping", 30));
        WriteQueryScale(c, largeLayers: 46);
    }

    public static void Gemma3(GgufConfig c)
    {
        c.Json.WriteNumber("rope_local_base_freq", c.Real("rope.freq_base_swa", 10000));
        if (c.Real("final_logit_softcapping") is double cap) c.Json.WriteNumber("final_logit_softcapping", cap);
        WriteQueryScale(c, largeLayers: 62);
    }

    // No key says it: the two 27B models divide by the root of their width per head, all others by the head's own.
    private static void WriteQueryScale(GgufConfig c, int largeLayers) => c.Json.WriteNumber(
        "query_pre_attn_scalar", c.NumLayers == largeLayers ? c.HiddenSize / c.NumHeads : c.HeadDim);

    public static void Starcoder2(GgufConfig c)
    {
        c.Json.WriteBoolean("use_bias", HasQkvBias(c));
        Window(c);
    }

    public static void GptBigCode(GgufConfig c)
    {
        Inner(c);
        c.Json.WriteBoolean("multi_query", c.NumKvHeads == 1);
        if (c.NumKvHeads != 1) throw c.Unsupported("more than one KV head is not supported");
    }

    public static void GptNeoX(GgufConfig c) => Write(
        c,
        [
            ("attention_bias", HasQkvBias(c)), ("use_parallel_residual", c.Flag("use_parallel_residual", true)),
        ]);

    public static void Falcon(GgufConfig c)
    {
        bool hasTwoNorms = c.HasTensor("blk.0.attn_norm_2.weight");
        c.Json.WriteNumber("ffn_hidden_size", c.Columns("blk.0.ffn_down.weight") ?? 4 * c.HiddenSize);
        c.Json.WriteNumber("num_kv_heads", c.NumKvHeads);
        c.Json.WriteNumber("num_ln_in_parallel_attn", hasTwoNorms ? 2 : 1);
        Write(
            c,
            [
                ("new_decoder_architecture", hasTwoNorms || c.NumKvHeads > 1), ("multi_query", c.NumKvHeads == 1),
                ("bias", HasQkvBias(c)), ("parallel_attn", true), ("alibi", false),
            ]);
    }

    public static void Mpt(GgufConfig c)
    {
        double bias = c.Real("attention.max_alibi_bias", 0);
        c.Json.WriteStartObject("attn_config");
        c.Json.WriteBoolean("alibi", bias > 0);
        c.Json.WriteNumber("alibi_bias_max", bias);
        if (c.Real("attention.clamp_kqv") is double clip) c.Json.WriteNumber("clip_qkv", clip);
        c.Json.WriteEndObject();
    }

    public static void Olmo(GgufConfig c)
    {
        Biases(c);
        if (c.Real("attention.clamp_kqv", 0) is double clip and > 0) c.Json.WriteNumber("clip_qkv", clip);
    }

    public static void StableLm(GgufConfig c) => Write(
        c,
        [
            ("use_qkv_bias", HasQkvBias(c)), ("qk_layernorm", c.HasTensor("blk.0.attn_q_norm.weight")),
            // Which form it is shows in the tensors; the 3B models lack the key and say nothing else.
            ("use_parallel_residual", !c.HasTensor("blk.0.ffn_norm.weight")),
        ]);

    public static void Cohere(GgufConfig c)
    {
        Biases(c);
        c.Json.WriteBoolean("use_qk_norm", c.HasTensor("blk.0.attn_q_norm.weight"));
        c.Json.WriteNumber("logit_scale", Positive(c, "logit_scale", 1));
    }

    public static void HunYuan(GgufConfig c)
    {
        Biases(c);
        c.Json.WriteBoolean("use_qk_norm", c.HasTensor("blk.0.attn_q_norm.weight"));
    }
}
