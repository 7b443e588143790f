namespace Engine.Quantization;

/// <summary>Values of the 4 and 8 bit floats of the OCP formats.</summary>
internal static class SmallFloats
{
    /// <summary>e2m1 by code.</summary>
    public static readonly float[] E2M1 =
        [0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6];

    /// <summary>e4m3fn by code; 0x7F and 0xFF are NaN.</summary>
    public static readonly float[] E4M3 = MakeE4M3();

    /// <summary>bitsandbytes' nf4 by code.</summary>
    public static readonly float[] Nf4 =
    [
        -1, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f,
        -0.18477343022823334f, -0.09105003625154495f, 0, 0.07958029955625534f, 0.16093020141124725f,
        0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1,
    ];

    /// <summary>bitsandbytes' fp4 by code.</summary>
    public static readonly float[] Fp4 =
    [
        0, 0.0052083334885537624f, 0.6666666865348816f, 1, 0.3333333432674408f, 0.5f, 0.1666666716337204f, 0.25f,
        -0f, -0.0052083334885537624f, -0.6666666865348816f, -1, -0.3333333432674408f, -0.5f, -0.1666666716337204f,
        -0.25f,
    ];

    /// <summary>e8m0: 2^(code - 127), 255 is NaN.</summary>
    public static float PowerOfTwo(int code) =>
        code == 255 ? float.NaN : MathF.ScaleB(1, code - 127);

    /// <summary>The nearest e4m3 value, ties to even, saturating; NaN stays NaN.</summary>
    public static float RoundE4M3(float value)
    {
        float magnitude = MathF.Min(MathF.Abs(value), 448);
        // Spacing is 2^-9 below 2^-6, else an eighth of the power of two below the value.
        int exponent = magnitude < 0.015625f ? -6 : MathF.ILogB(magnitude);
        float spacing = MathF.ScaleB(1, exponent - 3);
        return MathF.CopySign(MathF.Round(magnitude / spacing, MidpointRounding.ToEven) * spacing, value);
    }

    private static float[] MakeE4M3()
    {
        float[] values = new float[256];
        for (int code = 0; code < 256; code++)
        {
            int exponent = (code >> 3) & 15;
            int mantissa = code & 7;
            float magnitude = exponent == 0
                ? MathF.ScaleB(mantissa, -9)
                : MathF.ScaleB(8 + mantissa, exponent - 10);
            if ((code & 0x7F) == 0x7F) magnitude = float.NaN;
            values[code] = code >= 128 ? -magnitude : magnitude;
        }

        return values;
    }
}
