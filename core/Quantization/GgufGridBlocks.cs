using System.Buffers.Binary;
using System.Numerics;

namespace Engine.Quantization;

/// <summary>
/// The IQ types of GGUF whose codes are points of a codebook: 256 elements in groups of 8 or 4. A block becomes a
/// scale, whole factors of it for runs of 16 or 32, and per element the number of a coordinate and (bit 3) its sign;
/// weight = scale * factor * coordinate, without rounding.
/// </summary>
internal static class GgufGridBlocks
{
    /// <summary>Coordinates of IQ2's codebooks and, eight times IQ1's shifted by an eighth, those of IQ1.</summary>
    private static readonly sbyte[] Values2 = Signed(8, 25, 43, 1, 7, 9, 0, 0);

    private static readonly sbyte[] Values3 = Signed(4, 12, 20, 28, 36, 44, 52, 62);

    private static readonly sbyte[] Values3S = Signed(1, 3, 5, 7, 9, 11, 13, 15);

    /// <summary>Reads a block; gives its scale.</summary>
    private delegate float Reader(ReadOnlySpan<byte> block, Span<byte> codes, Span<sbyte> factors);

    private static sbyte[] Signed(params sbyte[] magnitudes) =>
        [.. magnitudes, .. magnitudes.Select(m => (sbyte)-m)];

    private static (Reader Read, int Group, CodeValues Values)? Of(string type) => type switch
    {
        "IQ1_S" => (Iq1S, 32, CodeValues.Grid2),
        "IQ1_M" => (Iq1M, 16, CodeValues.Grid2),
        "IQ2_XXS" => (Iq2Xxs, 32, CodeValues.Grid2),
        "IQ2_XS" => (Iq2Xs, 16, CodeValues.Grid2),
        "IQ2_S" => (Iq2S, 16, CodeValues.Grid2),
        "IQ3_XXS" => (Iq3Xxs, 32, CodeValues.Grid3),
        "IQ3_S" => (Iq3S, 32, CodeValues.Grid3S),
        _ => null,
    };

    /// <summary>What a code of such values stands for.</summary>
    public static ReadOnlySpan<sbyte> Coordinates(CodeValues values) =>
        values == CodeValues.Grid2 ? Values2 : values == CodeValues.Grid3 ? Values3 : Values3S;

    /// <summary>The form of a type, or null if it is none of these.</summary>
    public static WeightCodes? Codes(string type) => Of(type) is (_, int group, CodeValues values)
        ? new WeightCodes(4, group, CodeScales.Super, CodeScaleType.F32, values)
        : null;

    /// <summary>The codes of one block.</summary>
    public static void Read(string type, ReadOnlySpan<byte> block, Span<byte> codes, int index, in CodeRow target)
    {
        (Reader read, int group, _) = Of(type)!.Value;
        int count = 256 / group;
        target.Scales[index] = read(block, codes, target.Subs.Slice(index * count, count));
    }

    /// <summary>The decoder of a type, or null if it is none of these.</summary>
    public static BlockDecoder? Find(string type)
    {
        if (Of(type) is not (Reader read, int group, CodeValues values)) return null;
        return (block, y) =>
        {
            Span<byte> codes = stackalloc byte[256];
            Span<sbyte> factors = stackalloc sbyte[256 / group];
            float scale = read(block, codes, factors);
            ReadOnlySpan<sbyte> coordinates = Coordinates(values);
            for (int i = 0; i < 256; i++) y[i] = scale * factors[i / group] * coordinates[codes[i]];
        };
    }

    private static float Iq2Xxs(ReadOnlySpan<byte> b, Span<byte> codes, Span<sbyte> factors)
    {
        for (int s = 0; s < 8; s++)
        {
            ReadOnlySpan<byte> points = b.Slice(2 + (8 * s), 4);
            uint signs = BinaryPrimitives.ReadUInt32LittleEndian(b[(6 + (8 * s))..]);
            factors[s] = Odd(signs >> 28);
            for (int l = 0; l < 4; l++)
                Write(GgufGrids.Iq2Xxs, points[l], 8, Even(signs >> (7 * l)), codes[((32 * s) + (8 * l))..]);
        }

        return GgufBlocks.Half(b, 0) * 0.125f;
    }

    private static float Iq2Xs(ReadOnlySpan<byte> b, Span<byte> codes, Span<sbyte> factors)
    {
        for (int g = 0; g < 32; g++)
        {
            int point = BinaryPrimitives.ReadUInt16LittleEndian(b[(2 + (2 * g))..]);
            factors[g / 2] = Odd((uint)Nibble(b[66 + (g / 4)], g / 2));
            Write(GgufGrids.Iq2Xs, point & 511, 8, Even((uint)point >> 9), codes[(8 * g)..]);
        }

        return GgufBlocks.Half(b, 0) * 0.125f;
    }

    private static float Iq2S(ReadOnlySpan<byte> b, Span<byte> codes, Span<sbyte> factors)
    {
        for (int g = 0; g < 32; g++)
        {
            int point = b[2 + g] | (((b[66 + (g / 4)] >> (g % 4 * 2)) & 3) << 8);
            factors[g / 2] = Odd((uint)Nibble(b[74 + (g / 4)], g / 2));
            Write(GgufGrids.Iq2S, point, 8, b[34 + g], codes[(8 * g)..]);
        }

        return GgufBlocks.Half(b, 0) * 0.125f;
    }

    private static float Iq3Xxs(ReadOnlySpan<byte> b, Span<byte> codes, Span<sbyte> factors)
    {
        for (int s = 0; s < 8; s++)
        {
            uint signs = BinaryPrimitives.ReadUInt32LittleEndian(b[(66 + (4 * s))..]);
            factors[s] = Odd(signs >> 28);
            for (int l = 0; l < 8; l++)
            {
                int four = Even(signs >> (7 * (l / 2))) >> (l % 2 * 4);
                Write(GgufGrids.Iq3Xxs, b[2 + (8 * s) + l], 4, four, codes[((32 * s) + (4 * l))..]);
            }
        }

        return GgufBlocks.Half(b, 0) * 0.25f;
    }

    private static float Iq3S(ReadOnlySpan<byte> b, Span<byte> codes, Span<sbyte> factors)
    {
        for (int g = 0; g < 64; g++)
        {
            int point = b[2 + g] | (((b[66 + (g / 8)] >> (g % 8)) & 1) << 8);
            factors[g / 8] = Odd((uint)Nibble(b[106 + (g / 16)], g / 8));
            Write(GgufGrids.Iq3S, point, 4, b[74 + (g / 2)] >> (g % 2 * 4), codes[(4 * g)..]);
        }

        return GgufBlocks.Half(b, 0);
    }

    private static float Iq1S(ReadOnlySpan<byte> b, Span<byte> codes, Span<sbyte> factors)
    {
        for (int g = 0; g < 32; g++)
        {
            int high = BinaryPrimitives.ReadUInt16LittleEndian(b[(34 + (g / 4 * 2))..]);
            int point = b[2 + g] | (((high >> (g % 4 * 3)) & 7) << 8);
            factors[g / 4] = Odd((uint)(high >> 12) & 7);
            WriteShifted(point, (high & 0x8000) != 0, codes[(8 * g)..]);
        }

        return GgufBlocks.Half(b, 0) * 0.125f;
    }

    private static float Iq1M(ReadOnlySpan<byte> b, Span<byte> codes, Span<sbyte> factors)
    {
        // The four high bits of every word of scales together are the block's own.
        Span<int> words = stackalloc int[4];
        int own = 0;
        for (int i = 0; i < 4; i++)
        {
            words[i] = BinaryPrimitives.ReadUInt16LittleEndian(b[(48 + (2 * i))..]);
            own |= (words[i] >> 12) << (4 * i);
        }

        for (int g = 0; g < 32; g++)
        {
            int high = Nibble(b[32 + (g / 2)], g);
            factors[g / 2] = Odd((uint)(words[g / 8] >> (g / 2 % 4 * 3)) & 7);
            WriteShifted(b[g] | ((high & 7) << 8), (high & 8) != 0, codes[(8 * g)..]);
        }

        return (float)BitConverter.UInt16BitsToHalf((ushort)own) * 0.125f;
    }

    private static int Nibble(byte packed, int index) => (packed >> (index % 2 * 4)) & 15;

    private static sbyte Odd(uint half) => (sbyte)((2 * half) + 1);

    /// <summary>Seven signs and an eighth that makes their number even.</summary>
    private static int Even(uint signs)
    {
        uint seven = signs & 127;
        return (int)(seven | ((uint)(BitOperations.PopCount(seven) & 1) << 7));
    }

    private static void Write(byte[] grid, int point, int width, int signs, Span<byte> codes)
    {
        for (int j = 0; j < width; j++)
            codes[j] = (byte)(grid[(point * width) + j] | (((signs >> j) & 1) << 3));
    }

    // -1, 0 and 1 shifted by an eighth are, in eighths: -7, 1 and 9, or -9, -1 and 7.
    private static void WriteShifted(int point, bool isDown, Span<byte> codes)
    {
        ReadOnlySpan<byte> numbers = isDown ? [8 | 5, 8 | 3, 4] : [8 | 4, 3, 5];
        for (int j = 0; j < 8; j++) codes[j] = numbers[GgufGrids.Iq1[(point * 8) + j]];
    }
}
