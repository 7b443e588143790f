using Engine.Models;

namespace Engine.Loading.Gguf;

/// <summary>Rotary positions.</summary>
internal sealed partial class GgufConfig
{
    private void WriteRope()
    {
        Json.WriteNumber("rope_theta", RopeBase());
        int rotary = Int("rope.dimension_count", 0, HeadDim) ?? HeadDim;
        // Half a column more, so that the product with the head's width is not rounded below this number.
        if (rotary < HeadDim) Json.WriteNumber("partial_rotary_factor", (rotary + 0.5) / HeadDim);
        else Json.WriteNumber("partial_rotary_factor", 1);
        (string type, double factor) = Scaling();
        if (Factors("rope_factors_long.weight") is float[] longFactors)
        {
            WriteLongRope(longFactors, Factors("rope_factors_short.weight") ?? longFactors);
        }
        else if (Factors("rope_freqs.weight") is float[] factors)
        {
            // The frequencies of llama3 scaling, ready made: divisors for every length.
            if (type == "yarn") throw Unsupported("rope_freqs.weight together with rope.scaling.type yarn is not supported");
            for (int i = 0; i < factors.Length; i++) factors[i] *= (float)factor;
            WriteFactors(factors, factors, Real("rope.scaling.attn_factor", 1));
        }
        else
        {
            WriteScaling(type, factor, rotary);
        }
    }

    private double RopeBase()
    {
        double theta = Real("rope.freq_base", 10000);
        // A base that grows with the context (NTK-aware), which Hunyuan's checkpoints name by its alpha.
        double alpha = _family.HasRopeAlpha ? Real("rope.scaling.alpha", 0) : 0;
        return alpha > 0 && HeadDim > 2 ? theta * Math.Pow(alpha, HeadDim / (HeadDim - 2.0)) : theta;
    }

    /// <summary>How positions are scaled, and by what they are divided.</summary>
    private (string Type, double Factor) Scaling()
    {
        // A factor without a type is linear. Files of 2023 have scale_linear alone.
        string type = _model.Metadata.TextOrNull(Prefix + "rope.scaling.type") ?? "linear";
        if (type is not ("none" or "linear" or "yarn" or "longrope"))
        {
            throw Bad("rope.scaling.type", "none, linear, yarn or longrope", $"\"{type}\"");
        }
        double factor = Real("rope.scaling.factor") ?? Real("rope.scale_linear") ?? 0;
        if (factor < 0) throw Bad("rope.scaling.factor", "0 or more", $"{factor}");
        return (type, type == "none" || factor == 0 ? 1 : factor);
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

    private void WriteScaling(string type, double factor, int rotary)
    {
        double attention = Real("rope.scaling.attn_factor", 1);
        if (type == "yarn")
        {
            WriteTemperature(factor, attention);
        }
        else if (attention != 1)
        {
            float[] factors = [.. Enumerable.Repeat((float)factor, rotary / 2)];
            WriteFactors(factors, factors, attention);
        }
        else if (factor != 1)
        {
            Json.WriteStartObject("rope_scaling");
            Json.WriteString("rope_type", "linear");
            Json.WriteNumber("factor", factor);
            Json.WriteEndObject();
        }
        else
        {
            WriteTemperature(null, 1);
        }
    }

    /// <summary>YaRN, or no scaling, with what Ministral 3 keeps beside it.</summary>
    private void WriteTemperature(double? yarnFactor, double attention)
    {
        double? temperature = Real("attention.temperature_scale");
        if (yarnFactor is null && temperature is null) return;
        Json.WriteStartObject("rope_scaling");
        Json.WriteString("rope_type", yarnFactor is null ? "default" : "yarn");
        int original = Int("rope.scaling.original_context_length", 1, 1 << 28) ?? NeedInt("context_length", 1, 1 << 28);
        Json.WriteNumber("original_max_position_embeddings", original);
        if (temperature is double beta) Json.WriteNumber("llama_4_scaling_beta", beta);
        if (yarnFactor is double factor) WriteYarn(factor, attention);
        Json.WriteEndObject();
    }

    private void WriteYarn(double factor, double attention)
    {
        if (Real("rope.scaling.yarn_ext_factor", 1) is double mix && mix != 1)
        {
            throw Unsupported($"rope.scaling.yarn_ext_factor: expected 1, found {mix}");
        }
        Json.WriteNumber("factor", factor);
        Json.WriteNumber("beta_fast", Real("rope.scaling.yarn_beta_fast", 32));
        Json.WriteNumber("beta_slow", Real("rope.scaling.yarn_beta_slow", 1));
        double all = Real("rope.scaling.yarn_log_multiplier", 0);
        if (Real("rope.scaling.yarn_attn_factor") is double given)
        {
            // The checkpoint's own attention_factor, in the place of the one that YaRN derives.
            Json.WriteNumber("attention_factor", given * attention);
        }
        else if (attention != 1)
        {
            double derived = RopeTable.YarnMscale(factor, 1);
            Json.WriteNumber("attention_factor", attention * (all == 0 ? derived : derived / RopeTable.YarnMscale(factor, all)));
        }
        else if (all != 0)
        {
            Json.WriteNumber("mscale", 1);
            Json.WriteNumber("mscale_all_dim", all);
        }
    }
}
