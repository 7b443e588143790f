using System.Buffers.Binary;

namespace Engine.Quantization;

/// <summary>One block of a GGUF tensor as floats.</summary>
/// <param name="block">The bytes of the block.</param>
/// <param name="y">Its elements, f32.</param>
internal delegate void BlockDecoder(ReadOnlySpan<byte> block, Span<float> y);

/// <summary>
/// Decoders of the block types of GGUF, by name: the floats, the types of 32 elements, the ternary types.
/// </summary>
/// <remarks>Layouts: ggml-common.h; results equal ggml's to the bit.</remarks>
internal static class GgufBlocks
{
    private static readonly sbyte[] NonLinear =
        [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    private static readonly sbyte[] DoubledE2M1 = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

    /// <summary>The decoder of a type, or null if it is not read.</summary>
    public static BlockDecoder? Find(string type) => type switch
    {
        "F32" => (b, y) => y[0] = BinaryPrimitives.ReadSingleLittleEndian(b),
        "F16" => (b, y) => y[0] = Half(b, 0),
        "BF16" => (b, y) => y[0] = BitConverter.UInt32BitsToSingle((uint)(b[0] | (b[1] << 8)) << 16),
        "Q4_0" => Q4,
        "Q4_1" => Q4WithMin,
        "Q5_0" => Q5,
        "Q5_1" => Q5WithMin,
        "Q8_0" => Q8,
        "IQ4_NL" => NonLinear4,
        "IQ4_XS" => NonLinear4Super,
        "MXFP4" => Mxfp4,
        "NVFP4" => Nvfp4,
        "Q1_0" => Q1,
        "Q2_0" => Q2,
        "TQ1_0" => Ternary1,
        "TQ2_0" => Ternary2,
        "Q2_K" => GgufSuperBlocks.Q2,
        "Q3_K" => GgufSuperBlocks.Q3,
        "Q4_K" => GgufSuperBlocks.Q4,
        "Q5_K" => GgufSuperBlocks.Q5,
        "Q6_K" => GgufSuperBlocks.Q6,
        _ => GgufGridBlocks.Find(type),
    };

    public static float Half(ReadOnlySpan<byte> b, int at) => (float)BinaryPrimitives.ReadHalfLittleEndian(b[at..]);

    private static void Q4(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b, 0);
        for (int j = 0; j < 16; j++)
        {
            y[j] = ((b[2 + j] & 15) - 8) * d;
            y[j + 16] = ((b[2 + j] >> 4) - 8) * d;
        }
    }

    private static void Q4WithMin(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b, 0);
        float m = Half(b, 2);
        for (int j = 0; j < 16; j++)
        {
            y[j] = ((b[4 + j] & 15) * d) + m;
            y[j + 16] = ((b[4 + j] >> 4) * d) + m;
        }
    }

    private static void Q5(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b, 0);
        uint high = BinaryPrimitives.ReadUInt32LittleEndian(b[2..]);
        for (int j = 0; j < 16; j++)
        {
            y[j] = (((b[6 + j] & 15) | (Bit(high, j) << 4)) - 16) * d;
            y[j + 16] = (((b[6 + j] >> 4) | (Bit(high, j + 16) << 4)) - 16) * d;
        }
    }

    private static void Q5WithMin(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b, 0);
        float m = Half(b, 2);
        uint high = BinaryPrimitives.ReadUInt32LittleEndian(b[4..]);
        for (int j = 0; j < 16; j++)
        {
            y[j] = (((b[8 + j] & 15) | (Bit(high, j) << 4)) * d) + m;
            y[j + 16] = (((b[8 + j] >> 4) | (Bit(high, j + 16) << 4)) * d) + m;
        }
    }

    private static int Bit(uint word, int i) => (int)(word >> i) & 1;

    private static void Q8(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b, 0);
        for (int j = 0; j < 32; j++)
            y[j] = (sbyte)b[2 + j] * d;
    }

    private static void NonLinear4(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b, 0);
        for (int j = 0; j < 16; j++)
        {
            y[j] = d * NonLinear[b[2 + j] & 15];
            y[j + 16] = d * NonLinear[b[2 + j] >> 4];
        }
    }

    private static void NonLinear4Super(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b, 0);
        int high = BinaryPrimitives.ReadUInt16LittleEndian(b[2..]);
        for (int s = 0; s < 8; s++)
        {
            int low = (b[4 + (s / 2)] >> (4 * (s % 2))) & 15;
            float scale = d * ((low | (((high >> (2 * s)) & 3) << 4)) - 32);
            for (int j = 0; j < 16; j++)
            {
                int codes = b[8 + (16 * s) + j];
                y[(32 * s) + j] = scale * NonLinear[codes & 15];
                y[(32 * s) + j + 16] = scale * NonLinear[codes >> 4];
            }
        }
    }

    private static void Mxfp4(ReadOnlySpan<byte> b, Span<float> y)
    {
        // Half the power of two of e8m0, because the code values are doubled.
        uint bits = b[0] < 2 ? 0x00200000u << b[0] : (uint)(b[0] - 1) << 23;
        float d = BitConverter.UInt32BitsToSingle(bits);
        for (int j = 0; j < 16; j++)
        {
            y[j] = DoubledE2M1[b[1 + j] & 15] * d;
            y[j + 16] = DoubledE2M1[b[1 + j] >> 4] * d;
        }
    }

    private static void Nvfp4(ReadOnlySpan<byte> b, Span<float> y)
    {
        for (int s = 0; s < 4; s++)
        {
            float d = HalvedE4M3(b[s]);
            for (int j = 0; j < 8; j++)
            {
                int codes = b[4 + (8 * s) + j];
                y[(16 * s) + j] = DoubledE2M1[codes & 15] * d;
                y[(16 * s) + j + 8] = DoubledE2M1[codes >> 4] * d;
            }
        }
    }

    /// <summary>Half of an e4m3 without its sign; what would be no number is 0.</summary>
    private static float HalvedE4M3(byte x)
    {
        if (x is 0 or 0x7F) return 0;
        int exponent = (x >> 3) & 15, mantissa = x & 7;
        return exponent == 0
            ? mantissa * (1f / 1024)
            : BitConverter.UInt32BitsToSingle((uint)(exponent + 119) << 23 | (uint)mantissa << 20);
    }

    private static void Q1(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b, 0);
        for (int j = 0; j < 128; j++) y[j] = ((b[2 + (j / 8)] >> (j % 8)) & 1) != 0 ? d : -d;
    }

    private static void Q2(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b, 0);
        for (int j = 0; j < 64; j++) y[j] = (((b[2 + (j / 4)] >> (j % 4 * 2)) & 3) - 1) * d;
    }

    /// <summary>Five ternary digits in a byte, as a fraction of 256.</summary>
    private static void Ternary1(ReadOnlySpan<byte> b, Span<float> y)
    {
        Span<byte> digits = stackalloc byte[256];
        TernaryDigits(b, digits);
        float d = Half(b, 52);
        for (int i = 0; i < 256; i++) y[i] = (digits[i] - 1) * d;
    }

    /// <summary>The digits 0 to 2 of a block of TQ1_0.</summary>
    public static void TernaryDigits(ReadOnlySpan<byte> b, Span<byte> digits)
    {
        int at = Digits(b[..32], 5, digits, 0);
        at = Digits(b.Slice(32, 16), 5, digits, at);
        Digits(b.Slice(48, 4), 4, digits, at);
    }

    private static int Digits(ReadOnlySpan<byte> b, int count, Span<byte> digits, int at)
    {
        int power = 1;
        for (int n = 0; n < count; n++, power *= 3)
        {
            foreach (byte packed in b)
            {
                int fraction = (packed * power) & 255;
                digits[at++] = (byte)((fraction * 3) >> 8);
            }
        }

        return at;
    }

    private static void Ternary2(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b, 64);
        int at = 0;
        for (int half = 0; half < 64; half += 32)
        {
            for (int shift = 0; shift < 8; shift += 2)
            {
                for (int m = 0; m < 32; m++)
                    y[at++] = (((b[half + m] >> shift) & 3) - 1) * d;
            }
        }
    }
}
