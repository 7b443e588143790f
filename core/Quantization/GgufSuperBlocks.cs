namespace Engine.Quantization;

/// <summary>The K types of GGUF: 256 elements, quantized scales for 16 or 32 of them each.</summary>
internal static class GgufSuperBlocks
{
    public static void Q2(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = GgufBlocks.Half(b, 80);
        float min = GgufBlocks.Half(b, 82);
        for (int i = 0; i < 256; i++)
        {
            int scale = b[i / 16];
            int code = (b[16 + (i / 128 * 32) + (i % 32)] >> (i / 32 % 4 * 2)) & 3;
            y[i] = (d * (scale & 15) * code) - (min * (scale >> 4));
        }
    }

    public static void Q3(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = GgufBlocks.Half(b, 108);
        for (int i = 0; i < 256; i++)
        {
            int s = i / 16;
            int low = (b[96 + (s % 8)] >> (s / 8 * 4)) & 15;
            int high = (b[104 + (s % 4)] >> (s / 4 * 2)) & 3;
            int code = (b[32 + (i / 128 * 32) + (i % 32)] >> (i / 32 % 4 * 2)) & 3;
            int offset = ((b[i % 32] >> (i / 32)) & 1) == 0 ? 4 : 0;
            y[i] = d * ((low | (high << 4)) - 32) * (code - offset);
        }
    }

    /// <summary>Scale and minimum of 32 elements, six bits each in twelve bytes.</summary>
    public static (int Scale, int Min) ScaleAndMin(ReadOnlySpan<byte> q, int j) => j < 4
        ? (q[j] & 63, q[j + 4] & 63)
        : ((q[j + 4] & 15) | (q[j - 4] >> 6 << 4), (q[j + 4] >> 4) | (q[j] >> 6 << 4));

    public static void Q4(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = GgufBlocks.Half(b, 0);
        float min = GgufBlocks.Half(b, 2);
        for (int j = 0; j < 8; j++)
        {
            (int s, int m) = ScaleAndMin(b.Slice(4, 12), j);
            for (int l = 0; l < 32; l++)
            {
                int code = (b[16 + (j / 2 * 32) + l] >> (j % 2 * 4)) & 15;
                y[(32 * j) + l] = (d * s * code) - (min * m);
            }
        }
    }

    public static void Q5(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = GgufBlocks.Half(b, 0);
        float min = GgufBlocks.Half(b, 2);
        for (int j = 0; j < 8; j++)
        {
            (int s, int m) = ScaleAndMin(b.Slice(4, 12), j);
            for (int l = 0; l < 32; l++)
            {
                int code = ((b[48 + (j / 2 * 32) + l] >> (j % 2 * 4)) & 15) | (((b[16 + l] >> j) & 1) << 4);
                y[(32 * j) + l] = (d * s * code) - (min * m);
            }
        }
    }

    public static void Q6(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = GgufBlocks.Half(b, 208);
        for (int i = 0; i < 256; i++)
        {
            int half = i / 128;
            int quarter = i / 32 % 4;
            int l = i % 32;
            int low = (b[(half * 64) + (quarter % 2 * 32) + l] >> (quarter / 2 * 4)) & 15;
            int high = (b[128 + (half * 32) + l] >> (quarter * 2)) & 3;
            y[i] = d * (sbyte)b[192 + (i / 16)] * ((low | (high << 4)) - 32);
        }
    }
}
