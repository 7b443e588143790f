using System.Buffers.Binary;
using System.Numerics;

namespace Engine.Quantization;

/// <summary>The IQ types of GGUF whose codes are points of a codebook: 256 elements in groups of 8 or 4.</summary>
internal static class GgufGridBlocks
{
    private const float Delta = 0.125f;

    public static void Iq2Xxs(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = GgufBlocks.Half(b, 0);
        for (int s = 0; s < 8; s++)
        {
            ReadOnlySpan<byte> codes = b.Slice(2 + (8 * s), 4);
            uint signs = BinaryPrimitives.ReadUInt32LittleEndian(b[(6 + (8 * s))..]);
            float scale = d * (0.5f + (signs >> 28)) * 0.25f;
            for (int l = 0; l < 4; l++)
            {
                Write(GgufGrids.Iq2Xxs, codes[l], 8, Even(signs >> (7 * l)), scale, y[((32 * s) + (8 * l))..]);
            }
        }
    }

    public static void Iq2Xs(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = GgufBlocks.Half(b, 0);
        for (int g = 0; g < 32; g++)
        {
            int code = BinaryPrimitives.ReadUInt16LittleEndian(b[(2 + (2 * g))..]);
            float scale = d * (0.5f + Nibble(b[66 + (g / 4)], g / 2)) * 0.25f;
            Write(GgufGrids.Iq2Xs, code & 511, 8, Even((uint)code >> 9), scale, y[(8 * g)..]);
        }
    }

    public static void Iq2S(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = GgufBlocks.Half(b, 0);
        for (int g = 0; g < 32; g++)
        {
            int code = b[2 + g] | (((b[66 + (g / 4)] >> (g % 4 * 2)) & 3) << 8);
            float scale = d * (0.5f + Nibble(b[74 + (g / 4)], g / 2)) * 0.25f;
            Write(GgufGrids.Iq2S, code, 8, b[34 + g], scale, y[(8 * g)..]);
        }
    }

    public static void Iq3Xxs(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = GgufBlocks.Half(b, 0);
        for (int s = 0; s < 8; s++)
        {
            uint signs = BinaryPrimitives.ReadUInt32LittleEndian(b[(66 + (4 * s))..]);
            float scale = d * (0.5f + (signs >> 28)) * 0.5f;
            for (int l = 0; l < 8; l++)
            {
                int four = Even(signs >> (7 * (l / 2))) >> (l % 2 * 4);
                Write(GgufGrids.Iq3Xxs, b[2 + (8 * s) + l], 4, four, scale, y[((32 * s) + (4 * l))..]);
            }
        }
    }

    public static void Iq3S(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = GgufBlocks.Half(b, 0);
        for (int g = 0; g < 64; g++)
        {
            int code = b[2 + g] | (((b[66 + (g / 8)] >> (g % 8)) & 1) << 8);
            float scale = d * (1 + (2 * Nibble(b[106 + (g / 16)], g / 8)));
            Write(GgufGrids.Iq3S, code, 4, b[74 + (g / 2)] >> (g % 2 * 4), scale, y[(4 * g)..]);
        }
    }

    public static void Iq1S(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = GgufBlocks.Half(b, 0);
        for (int g = 0; g < 32; g++)
        {
            int high = BinaryPrimitives.ReadUInt16LittleEndian(b[(34 + (g / 4 * 2))..]);
            int code = b[2 + g] | (((high >> (g % 4 * 3)) & 7) << 8);
            float scale = d * ((2 * ((high >> 12) & 7)) + 1);
            WriteShifted(code, scale, (high & 0x8000) != 0, y[(8 * g)..]);
        }
    }

    public static void Iq1M(ReadOnlySpan<byte> b, Span<float> y)
    {
        // The four high bits of every word of scales together are the block's own.
        Span<int> words = stackalloc int[4];
        int own = 0;
        for (int i = 0; i < 4; i++)
        {
            words[i] = BinaryPrimitives.ReadUInt16LittleEndian(b[(48 + (2 * i))..]);
            own |= (words[i] >> 12) << (4 * i);
        }

        float d = (float)BitConverter.UInt16BitsToHalf((ushort)own);
        for (int g = 0; g < 32; g++)
        {
            int high = Nibble(b[32 + (g / 2)], g);
            int small = (words[g / 8] >> (g / 2 % 4 * 3)) & 7;
            WriteShifted(b[g] | ((high & 7) << 8), d * ((2 * small) + 1), (high & 8) != 0, y[(8 * g)..]);
        }
    }

    private static int Nibble(byte packed, int index) => (packed >> (index % 2 * 4)) & 15;

    /// <summary>Seven signs and an eighth that makes their number even.</summary>
    private static int Even(uint signs)
    {
        uint seven = signs & 127;
        return (int)(seven | ((uint)(BitOperations.PopCount(seven) & 1) << 7));
    }

    private static void Write(byte[] grid, int code, int width, int signs, float scale, Span<float> y)
    {
        for (int j = 0; j < width; j++)
        {
            float value = scale * grid[(code * width) + j];
            y[j] = ((signs >> j) & 1) != 0 ? -value : value;
        }
    }

    private static void WriteShifted(int code, float scale, bool isDown, Span<float> y)
    {
        float delta = isDown ? -Delta : Delta;
        for (int j = 0; j < 8; j++) y[j] = scale * ((sbyte)GgufGrids.Iq1[(code * 8) + j] + delta);
    }
}
