namespace Engine.Loading.Gguf;

/// <summary>Rotary positions.</summary>
internal sealed partial class GgufConfig
{
    private void WriteRope()
    {
        Json.WriteNumber("rope_theta", Real("rope.freq_base", 10000));
        int rotary = Int("rope.dimension_count", 0, HeadDim) ?? HeadDim;
        // Half a column more, so that the product with the head's width is not rounded below this number.
        if (rotary < HeadDim) Json.WriteNumber("partial_rotary_factor", (rotary + 0.5) / HeadDim);
        else Json.WriteNumber("partial_rotary_factor", 1);
        if (Factors("rope_factors_long.weight") is float[] longFactors)
        {
            WriteLongRope(longFactors, Factors("rope_factors_short.weight") ?? longFactors);
        }
        else if (Factors("rope_freqs.weight") is float[] factors)
        {
            // The frequencies of llama3 scaling, ready made: divisors for every length.
            WriteFactors(factors, factors, 1);
        }
        else
        {
            WriteScaling();
        }
    }

    private void WriteLongRope(float[] longFactors, float[] shortFactors)
    {
        double? attention = Real("rope.scaling.attn_factor");
        int original = Int("rope.scaling.original_context_length", 1, 1 << 28) ?? NeedInt("context_length", 1, 1 << 28);
        Json.WriteNumber("original_max_position_embeddings", original);
        WriteFactors(longFactors, shortFactors, attention);
    }

    private void WriteFactors(float[] longFactors, float[] shortFactors, double? attention)
    {
        Json.WriteStartObject("rope_scaling");
        Json.WriteString("rope_type", "longrope");
        WriteArray("long_factor", longFactors);
        WriteArray("short_factor", shortFactors);
        if (attention is double factor) Json.WriteNumber("attention_factor", factor);
        Json.WriteEndObject();
    }

    private void WriteArray(string key, float[] values)
    {
        Json.WriteStartArray(key);
        foreach (float value in values)
        {
            if (!float.IsFinite(value) || value == 0) throw Bad("rope factors", "finite numbers other than 0", $"{value}");
            Json.WriteNumberValue(value);
        }
        Json.WriteEndArray();
    }

    private void WriteScaling()
    {
        // Files of 2023 have scale_linear alone.
        double? old = Real("rope.scale_linear");
        string type = _model.Metadata.TextOrNull(Prefix + "rope.scaling.type") ?? (old is null ? "none" : "linear");
        double factor = Real("rope.scaling.factor") ?? old ?? 1;
        switch (type)
        {
            case "none" or "longrope":
                WriteTemperature(null);
                return;
            case "linear" when factor is 0 or 1:
                WriteTemperature(null);
                return;
            case "linear":
                Json.WriteStartObject("rope_scaling");
                Json.WriteString("rope_type", "linear");
                Json.WriteNumber("factor", factor);
                Json.WriteEndObject();
                return;
            case "yarn":
                WriteTemperature(factor);
                return;
            default:
                throw Bad("rope.scaling.type", "none, linear, yarn or longrope", $"\"{type}\"");
        }
    }

    /// <summary>YaRN, or no scaling, with what Ministral 3 keeps beside it.</summary>
    private void WriteTemperature(double? yarnFactor)
    {
        double? temperature = Real("attention.temperature_scale");
        if (yarnFactor is null && temperature is null) return;
        Json.WriteStartObject("rope_scaling");
        Json.WriteString("rope_type", yarnFactor is null ? "default" : "yarn");
        int original = Int("rope.scaling.original_context_length", 1, 1 << 28) ?? NeedInt("context_length", 1, 1 << 28);
        Json.WriteNumber("original_max_position_embeddings", original);
        if (temperature is double beta) Json.WriteNumber("llama_4_scaling_beta", beta);
        if (yarnFactor is double factor)
        {
            Json.WriteNumber("factor", factor);
            Json.WriteNumber("beta_fast", Real("rope.scaling.yarn_beta_fast", 32));
            Json.WriteNumber("beta_slow", Real("rope.scaling.yarn_beta_slow", 1));
            if ((Real("rope.scaling.yarn_attn_factor") ?? Real("rope.scaling.attn_factor")) is double attention)
            {
                Json.WriteNumber("attention_factor", attention);
            }
            if (Real("rope.scaling.yarn_log_multiplier") is double all && all != 0)
            {
                Json.WriteNumber("mscale", 1);
                Json.WriteNumber("mscale_all_dim", all);
            }
        }
        Json.WriteEndObject();
    }
}
