namespace Engine.Loading.Gguf;

/// <summary>The keys of Gemma 4, whose full layers have heads of another width and number than others.</summary>
internal static class GgufGemma4
{
    // The converter's divisor of pairs that stand still is 1e30.
    private const float Infinite = 1e29f;

    /// <summary>KV heads of the layers of a kind; null if the file says nothing.</summary>
    public static int? KvHeads(GgufConfig c, bool isSliding)
    {
        const string Key = "attention.head_count_kv";
        if (c.PerLayer(Key) is not double[] heads) return c.Int(Key, 1, c.NumHeads);
        bool[] sliding = c.SlidingLayers();
        IEnumerable<int> layers = Enumerable.Range(0, sliding.Length).Where(i => sliding[i] == isSliding);
        double[] found = [.. layers.Select(i => heads[i]).Distinct()];
        if (found.Length == 0) return null;
        return found.Length == 1 && found[0] == Math.Floor(found[0]) && found[0] >= 1 && found[0] <= c.NumHeads
            ? (int)found[0]
            : throw c.Bad(Key, $"one number from 1 to {c.NumHeads} for layers of a kind", string.Join(", ", found));
    }

    /// <summary>Everything but heads of layers with a window, positions and windows.</summary>
    public static void Write(GgufConfig c)
    {
        int last = c.NumLayers - 1, numReaders = c.Int("attention.shared_kv_layers", 0, last) ?? 0;
        int fullHeads = KvHeads(c, isSliding: false) ?? c.NumKvHeads;
        bool[] sliding = c.SlidingLayers();
        int full = Array.IndexOf(sliding, false);
        bool keyIsValue = full >= 0 && full < c.NumLayers - numReaders && !c.HasTensor($"blk.{full}.attn_v.weight");
        if (fullHeads != c.NumKvHeads && !keyIsValue)
        {
            throw c.Unsupported("full layers with a number of KV heads of their own beside values of their own");
        }
        c.Json.WriteNumber("global_head_dim", c.HeadDimOf(""));
        c.Json.WriteNumber("num_global_key_value_heads", fullHeads);
        c.Json.WriteBoolean("attention_k_eq_v", keyIsValue);
        c.Json.WriteNumber("num_kv_shared_layers", numReaders);
        c.Json.WriteBoolean(
            "use_double_wide_mlp",
            c.Columns($"blk.{last}.ffn_down.weight") is int wide && wide != c.Columns("blk.0.ffn_down.weight"));
        c.Json.WriteNumber(
            "hidden_size_per_layer_input", c.Int("embedding_length_per_layer_input", 0, 1 << 16) ?? 0);
        if (c.Rows("per_layer_token_embd.weight") is int rows) c.Json.WriteNumber("vocab_size_per_layer_input", rows);
        if (c.Real("final_logit_softcapping") is double cap) c.Json.WriteNumber("final_logit_softcapping", cap);
    }

    /// <summary>rope_parameters of both kinds.</summary>
    public static void WriteRope(GgufConfig c)
    {
        c.Json.WriteStartObject("rope_parameters");
        c.Json.WriteStartObject("sliding_attention");
        c.Json.WriteString("rope_type", "default");
        c.Json.WriteNumber("rope_theta", c.Real("rope.freq_base_swa", 10000));
        int rotary = c.Int("rope.dimension_count_swa", 2, c.HeadDim) ?? c.HeadDim;
        // Half a column more, so that the product with the head's width is not rounded below this number.
        c.Json.WriteNumber("partial_rotary_factor", rotary == c.HeadDim ? 1 : (rotary + 0.5) / c.HeadDim);
        c.Json.WriteEndObject();
        c.Json.WriteStartObject("full_attention");
        c.Json.WriteNumber("rope_theta", c.Real("rope.freq_base", 10000));
        WriteFull(c, c.HeadDimOf(""));
        c.Json.WriteEndObject();
        c.Json.WriteEndObject();
    }

    // Divisors of the pairs of a whole head: 1 for those that turn, 1e30 for the others, which follow.
    private static void WriteFull(GgufConfig c, int headDim)
    {
        if (c.Int("rope.dimension_count", 0, headDim) is int rotary && rotary != headDim)
            throw c.Bad("rope.dimension_count", $"{headDim}, a full layer's head", $"{rotary}");
        float[] divisors = c.Factors("rope_freqs.weight")
            ?? throw EngineException.Corrupt(c.File, "rope_freqs.weight: expected a tensor of this name, found none");
        int turning = Array.FindLastIndex(divisors, d => d < Infinite) + 1;
        bool isPlain = divisors.Length == headDim / 2 && Array.TrueForAll(divisors[..turning], d => d == 1);
        if (!isPlain)
        {
            throw EngineException.Corrupt(
                c.File, $"rope_freqs.weight: expected {headDim / 2} divisors, some 1 and then 1e30, found others");
        }
        // As above.
        double share = turning == divisors.Length ? 1 : (turning + 0.5) / divisors.Length;
        c.Json.WriteString("rope_type", "proportional");
        c.Json.WriteNumber("partial_rotary_factor", share);
        if (c.Real("rope.scaling.factor") is double factor && factor > 0) c.Json.WriteNumber("factor", factor);
    }
}
