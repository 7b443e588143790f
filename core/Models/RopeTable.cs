namespace Engine.Models;

/// <summary>Cosines and sines of rotary positions (Su et al. 2021) with every scaling in use.</summary>
internal static class RopeTable
{
    /// <summary>The table IDevice.Rope takes: [maxPositions, rotaryDim], cosines then sines.</summary>
    /// <param name="rope">Base and scaling.</param>
    /// <param name="config">For max_position_embeddings and the like.</param>
    /// <param name="rotaryDim">Leading part of a head that turns; even.</param>
    /// <param name="maxPositions">Rows; the longest context that will run.</param>
    /// <param name="rowScale">Multiplies the row of a position; null is 1.</param>
    public static float[] Build(
        RopeSettings rope, ModelConfig config, int rotaryDim, int maxPositions, Func<int, double>? rowScale)
    {
        (double[] frequencies, double scale) = Frequencies(rope, config, rotaryDim, maxPositions);
        int half = rotaryDim / 2;
        float[] table = new float[checked(maxPositions * rotaryDim)];
        for (int p = 0; p < maxPositions; p++)
        {
            double s = rowScale is null ? scale : scale * rowScale(p);
            Span<float> row = table.AsSpan(p * rotaryDim, rotaryDim);
            for (int i = 0; i < half; i++)
            {
                (double sin, double cos) = Math.SinCos(p * frequencies[i]);
                row[i] = (float)(cos * s);
                row[half + i] = (float)(sin * s);
            }
        }
        return table;
    }

    /// <summary>Angle per position of each pair, and the factor on cosines and sines.</summary>
    internal static (double[] Frequencies, double Scale) Frequencies(
        RopeSettings rope, ModelConfig config, int rotaryDim, int maxModelLen)
    {
        return rope.Type switch
        {
            "linear" => (Linear(rope, rotaryDim), 1),
            "dynamic" => (Plain(DynamicBase(rope, rotaryDim), rotaryDim), 1),
            "llama3" => (Llama3(rope, rotaryDim), 1),
            "yarn" => Yarn(rope, config, rotaryDim),
            "longrope" => LongRope(rope, config, rotaryDim, maxModelLen),
            "proportional" => (Proportional(rope, rotaryDim), 1),
            _ => (Plain(rope.Theta, rotaryDim), 1),
        };
    }

    private static double[] Plain(double theta, int dim)
    {
        double[] f = new double[dim / 2];
        for (int i = 0; i < f.Length; i++) f[i] = Math.Pow(theta, -2.0 * i / dim);
        return f;
    }

    private static double[] Linear(RopeSettings rope, int dim)
    {
        double factor = Factor(rope.Scaling!);
        double[] f = Plain(rope.Theta, dim);
        for (int i = 0; i < f.Length; i++) f[i] /= factor;
        return f;
    }

    // Gemma 4: the pairs and the angles of the whole head, of which only a leading share turns.
    private static double[] Proportional(RopeSettings rope, int dim)
    {
        double share = rope.PartialRotaryFactor ?? 1;
        if (share is < 0 or > 1) throw rope.Scaling!.Bad("partial_rotary_factor", "0 to 1", $"{share}");
        double factor = rope.Scaling?.Has("factor") == true ? Factor(rope.Scaling) : 1;
        double[] f = Plain(rope.Theta, dim);
        int turning = (int)(share * dim / 2);
        for (int i = 0; i < f.Length; i++) f[i] = i < turning ? f[i] / factor : 0;
        return f;
    }

    // With a KV cache the base cannot follow the length, since earlier keys are rotated already: the base is
    // the one for the longest length, max_position_embeddings * factor. Hunyuan names it outright (alpha).
    private static double DynamicBase(RopeSettings rope, int dim)
    {
        double power = dim / (dim - 2.0);
        if (rope.Scaling!.OptionalDouble("alpha") is double alpha && alpha > 0)
        {
            return rope.Theta * Math.Pow(alpha, power);
        }
        double factor = Factor(rope.Scaling);
        return rope.Theta * Math.Pow((factor * factor) - factor + 1, power);
    }

    private static double[] Llama3(RopeSettings rope, int dim)
    {
        ConfigJson s = rope.Scaling!;
        double factor = Factor(s);
        double low = s.Double("low_freq_factor", 1), high = s.Double("high_freq_factor", 4);
        double original = s.Int("original_max_position_embeddings", 8192, 1);
        double[] f = Plain(rope.Theta, dim);
        for (int i = 0; i < f.Length; i++)
        {
            double turns = original * f[i] / (2 * Math.PI); // full turns within the original length
            if (turns < low)
            {
                f[i] /= factor;
            }
            else if (turns <= high && high > low)
            {
                double smooth = (turns - low) / (high - low);
                f[i] *= ((1 - smooth) / factor) + smooth;
            }
        }
        return f;
    }

    // Peng et al. 2023, YaRN.
    private static (double[] Frequencies, double Scale) Yarn(RopeSettings rope, ModelConfig config, int dim)
    {
        ConfigJson s = rope.Scaling!;
        double original = s.OptionalDouble("original_max_position_embeddings") ??
            config.MaxPositionEmbeddings;
        double factor = s.Has("factor") ? Factor(s) : config.MaxPositionEmbeddings / original;
        double low = CorrectionDim(s.Double("beta_fast", 32), original, rope.Theta, dim);
        double high = CorrectionDim(s.Double("beta_slow", 1), original, rope.Theta, dim);
        if (s.Bool("truncate", true)) (low, high) = (Math.Floor(low), Math.Ceiling(high));
        low = Math.Max(low, 0);
        high = Math.Min(high, dim - 1);
        if (low == high) high += 0.001;
        double[] f = Plain(rope.Theta, dim);
        for (int i = 0; i < f.Length; i++)
        {
            double interpolated = Math.Clamp((i - low) / (high - low), 0, 1);
            f[i] *= (interpolated / factor) + (1 - interpolated);
        }
        return (f, YarnScale(s, factor));
    }

    private static double YarnScale(ConfigJson s, double factor)
    {
        if (s.OptionalDouble("attention_factor") is double given) return given;
        double mscale = s.Double("mscale", 0), allDim = s.Double("mscale_all_dim", 0);
        return mscale != 0 && allDim != 0
            ? YarnMscale(factor, mscale) / YarnMscale(factor, allDim)
            : YarnMscale(factor, 1);
    }

    internal static double YarnMscale(double factor, double mscale) =>
        factor <= 1 ? 1 : (0.1 * mscale * Math.Log(factor)) + 1;

    // The pair that makes this many turns within the original length.
    private static double CorrectionDim(double turns, double original, double theta, int dim) =>
        dim * Math.Log(original / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));

    // Ding et al. 2024, LongRoPE. The long factors hold for every length once the engine may go beyond the
    // original one: keys in the cache cannot change their rotation when a request grows.
    private static (double[] Frequencies, double Scale) LongRope(
        RopeSettings rope, ModelConfig config, int dim, int maxModelLen)
    {
        ConfigJson s = rope.Scaling!;
        double original = s.OptionalDouble("original_max_position_embeddings") ??
            config.Json.OptionalDouble("original_max_position_embeddings") ?? config.MaxPositionEmbeddings;
        double factor = s.OptionalDouble("factor") ?? config.MaxPositionEmbeddings / original;
        string key = maxModelLen > original ? "long_factor" : "short_factor";
        List<double> divisors = s.Doubles(key) ?? throw s.Missing(key);
        if (divisors.Count != dim / 2)
        {
            throw s.Bad(key, $"{dim / 2} numbers", $"{divisors.Count}");
        }
        double[] f = Plain(rope.Theta, dim);
        for (int i = 0; i < f.Length; i++) f[i] /= divisors[i];
        double scale = s.OptionalDouble("attention_factor") ??
            (factor <= 1 ? 1 : Math.Sqrt(1 + (Math.Log(factor) / Math.Log(original))));
        return (f, scale);
    }

    private static double Factor(ConfigJson scaling)
    {
        double factor = scaling.Double("factor");
        return factor > 0 ? factor : throw scaling.Bad("factor", "> 0", $"{factor}");
    }
}
