namespace Engine.Quantization;

/// <summary>
/// Floats as codes in groups of 32 with one scale of 16 bits: what the CPU's kernels do as they pack, to the bit
/// (pack.h), for files. Codes are 2^(bits - 1) above their values.
/// </summary>
internal static class GroupRounding
{
    /// <summary>Values that share a scale.</summary>
    public const int Group = 32;

    /// <summary>Rounds a group; of 4 bits the value of largest magnitude becomes -8, of 8 bits 127 or -127.</summary>
    /// <param name="values">The group.</param>
    /// <param name="bits">4 or 8.</param>
    /// <param name="codes">As many as values.</param>
    public static Half Round(ReadOnlySpan<float> values, int bits, Span<byte> codes)
    {
        Half scale = ScaleOf(values, bits);
        float s = (float)scale, inverse = s != 0 ? 1 / s : 0;
        (int least, int most, int offset) = bits == 4 ? (-8, 7, 8) : (-127, 127, 128);
        for (int i = 0; i < values.Length; i++)
        {
            float r = MathF.Round(values[i] * inverse, MidpointRounding.ToEven);
            codes[i] = (byte)((r > most ? most : r < least ? least : (int)r) + offset);
        }

        return scale;
    }

    /// <summary>The scale of a group.</summary>
    public static Half ScaleOf(ReadOnlySpan<float> values, int bits)
    {
        float largest = 0;
        foreach (float x in values)
        {
            if (!float.IsFinite(x))
                throw EngineException.Corrupt("weights", $"expected numbers to round to int{bits}, found {x}");
            if (MathF.Abs(x) > MathF.Abs(largest)) largest = x;
        }

        return (Half)(bits == 8 ? MathF.Abs(largest) / 127 : largest / -8);
    }
}
