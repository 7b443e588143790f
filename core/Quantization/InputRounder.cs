namespace Engine.Quantization;

/// <summary>Rounds rows of inputs as the formats define it, in f32 and one value after another.</summary>
internal static class InputRounder
{
    private const int Group = 128;
    private const int SmallGroup = 16;
    private const float MostE4M3 = 448;
    private const float MostInt8 = 127;

    /// <summary>Writes what a row of inputs counts as. One that is no number makes none of all of them.</summary>
    public static void Round(InputScheme scheme, ReadOnlySpan<float> x, Span<float> y)
    {
        x.CopyTo(y);
        if (scheme.Rounding == InputRounding.Own) return;
        float least = 0, most = 0;
        foreach (float v in x)
        {
            if (!float.IsFinite(v))
            {
                y.Fill(float.NaN);
                return;
            }

            least = MathF.Min(least, v);
            most = MathF.Max(most, v);
        }

        float largest = MathF.Max(most, -least);
        switch (scheme.Rounding)
        {
            case InputRounding.Int8Tensor:
                ToIntegers(y, scheme.Scale, scheme.Zero);
                break;
            case InputRounding.Int8Token:
                ToIntegers(y, largest > 0 ? largest / MostInt8 : 1, 0);
                break;
            case InputRounding.Int8TokenZero:
                float step = largest > 0 ? (most - least) / 255 : 1;
                ToIntegers(y, step, Math.Clamp(Nearest(-128 - (least / step)), -128, 127));
                break;
            case InputRounding.E4M3Tensor:
                ToE4M3(y, scheme.Scale);
                break;
            case InputRounding.E4M3Token:
                ToE4M3(y, MathF.Max(largest / MostE4M3, 1 / (MostE4M3 * 512)));
                break;
            case InputRounding.E4M3Group:
                for (int at = 0; at < y.Length; at += Group)
                {
                    Span<float> group = y[at..Math.Min(at + Group, y.Length)];
                    ToE4M3(group, MathF.Max(Largest(group), 1e-10f) / MostE4M3);
                }

                break;
            default:
                for (int at = 0; at < y.Length; at += SmallGroup)
                    ToNvFp4(y[at..Math.Min(at + SmallGroup, y.Length)], scheme.Scale);
                break;
        }
    }

    private static void ToIntegers(Span<float> y, float scale, float zero)
    {
        foreach (ref float v in y) v = (Math.Clamp(Nearest(v / scale) + zero, -128, 127) - zero) * scale;
    }

    private static void ToE4M3(Span<float> y, float scale)
    {
        foreach (ref float v in y) v = SmallFloats.RoundE4M3(v / scale) * scale;
    }

    private static void ToNvFp4(Span<float> y, float scale)
    {
        float factor = SmallFloats.RoundE4M3(scale * Largest(y) / 6);
        if (factor == 0) factor = 0.125f;
        foreach (ref float v in y)
            v = MathF.CopySign(NearestE2M1(MathF.Abs(v / (factor / scale))), v) * factor / scale;
    }

    // Steps of a half below 2, of 1 below 4, of 2 up to 6: ties go to the even code.
    private static float NearestE2M1(float magnitude)
    {
        float bounded = MathF.Min(magnitude, 6), step = bounded < 2 ? 0.5f : bounded < 4 ? 1 : 2;
        return Nearest(bounded / step) * step;
    }

    private static float Nearest(float v) => MathF.Round(v, MidpointRounding.ToEven);

    private static float Largest(ReadOnlySpan<float> x)
    {
        float largest = 0;
        foreach (float v in x) largest = MathF.Max(largest, MathF.Abs(v));
        return largest;
    }
}
