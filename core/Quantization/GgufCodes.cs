using System.Buffers.Binary;
using Engine.Loading;

namespace Engine.Quantization;

/// <summary>Blocks of GGUF as codes and scales, for the types whose values are whole numbers times scales.</summary>
internal static class GgufCodes
{
    /// <summary>The form of a type, or null if there is none.</summary>
    public static WeightCodes? Find(string type) => type switch
    {
        "Q4_0" => Plain(4, 32),
        "Q5_0" => Plain(5, 32),
        "Q8_0" => Plain(8, 32),
        "Q4_1" => new(4, 32, CodeScales.Min, CodeScaleType.F16),
        "Q5_1" => new(5, 32, CodeScales.Min, CodeScaleType.F16),
        "IQ4_NL" => new(4, 32, CodeScales.Plain, CodeScaleType.F16, CodeValues.Iq4),
        "IQ4_XS" => new(4, 32, CodeScales.Super, CodeScaleType.F16, CodeValues.Iq4),
        "MXFP4" => new(4, 32, CodeScales.Plain, CodeScaleType.BF16, CodeValues.DoubledE2M1),
        "NVFP4" => new(4, 16, CodeScales.SuperE4M3, CodeScaleType.F32, CodeValues.DoubledE2M1),
        "Q1_0" => new(2, 128, CodeScales.Plain, CodeScaleType.F16, Zero: 1),
        "Q2_0" => new(2, 64, CodeScales.Plain, CodeScaleType.F16, Zero: 1),
        "TQ1_0" => new(2, 256, CodeScales.Plain, CodeScaleType.F16, Zero: 1),
        "TQ2_0" => new(2, 256, CodeScales.Plain, CodeScaleType.F16, Zero: 1),
        "Q2_K" => new(2, 16, CodeScales.SuperMin, CodeScaleType.F16),
        "Q3_K" => new(3, 16, CodeScales.Super, CodeScaleType.F16, Zero: 4),
        "Q4_K" => new(4, 32, CodeScales.SuperMin, CodeScaleType.F16),
        "Q5_K" => new(5, 32, CodeScales.SuperMin, CodeScaleType.F16),
        "Q6_K" => new(6, 16, CodeScales.Super, CodeScaleType.F16, Zero: 32),
        _ => GgufGridBlocks.Codes(type),
    };

    private static WeightCodes Plain(int bits, int group) =>
        new(bits, group, CodeScales.Plain, CodeScaleType.F16, Zero: 1 << (bits - 1));

    /// <summary>One row of blocks.</summary>
    public static void Read(GgufType type, ReadOnlySpan<byte> row, in CodeRow target)
    {
        for (int i = 0; row.Length > 0; i++, row = row[type.BlockBytes..])
        {
            ReadOnlySpan<byte> block = row[..type.BlockBytes];
            Span<byte> codes = target.Codes.Slice(i * type.BlockElements, type.BlockElements);
            if (type.BlockElements == 32)
                ReadSmall(type.Name, block, codes, i, target);
            else
                ReadSuper(type.Name, block, codes, i, target);
        }
    }

    private static void ReadSmall(string type, ReadOnlySpan<byte> b, Span<byte> codes, int i, in CodeRow target)
    {
        if (type == "MXFP4")
        {
            target.Scales[i] = b[0] < 2
                ? BitConverter.UInt32BitsToSingle(0x00200000u << b[0])
                : BitConverter.UInt32BitsToSingle((uint)(b[0] - 1) << 23);
            Nibbles(b[1..], codes);
            return;
        }

        target.Scales[i] = GgufBlocks.Half(b, 0);
        switch (type)
        {
            case "Q8_0":
                for (int j = 0; j < 32; j++) codes[j] = (byte)(b[2 + j] ^ 128);
                break;
            case "Q4_1":
                target.Mins[i] = GgufBlocks.Half(b, 2);
                Nibbles(b[4..], codes);
                break;
            case "Q5_0":
                Nibbles(b[6..], codes);
                FifthBits(b[2..], codes);
                break;
            case "Q5_1":
                target.Mins[i] = GgufBlocks.Half(b, 2);
                Nibbles(b[8..], codes);
                FifthBits(b[4..], codes);
                break;
            default:
                Nibbles(b[2..], codes);
                break;
        }
    }

    // Element j in the low half of byte j, j + 16 in the high one.
    private static void Nibbles(ReadOnlySpan<byte> b, Span<byte> codes)
    {
        for (int j = 0; j < 16; j++)
        {
            codes[j] = (byte)(b[j] & 15);
            codes[j + 16] = (byte)(b[j] >> 4);
        }
    }

    private static void FifthBits(ReadOnlySpan<byte> b, Span<byte> codes)
    {
        uint high = BinaryPrimitives.ReadUInt32LittleEndian(b);
        for (int j = 0; j < 32; j++) codes[j] |= (byte)(((high >> j) & 1) << 4);
    }

    private static void ReadSuper(string type, ReadOnlySpan<byte> b, Span<byte> codes, int i, in CodeRow target)
    {
        switch (type)
        {
            case "NVFP4":
                ReadNvfp4(b, codes, i, target);
                break;
            case "Q1_0":
                target.Scales[i] = GgufBlocks.Half(b, 0);
                for (int j = 0; j < 128; j++) codes[j] = (byte)(((b[2 + (j / 8)] >> (j % 8)) & 1) * 2);
                break;
            case "Q2_0":
                target.Scales[i] = GgufBlocks.Half(b, 0);
                for (int j = 0; j < 64; j++) codes[j] = (byte)((b[2 + (j / 4)] >> (j % 4 * 2)) & 3);
                break;
            case "TQ1_0":
                target.Scales[i] = GgufBlocks.Half(b, 52);
                GgufBlocks.TernaryDigits(b, codes);
                break;
            case "TQ2_0":
                target.Scales[i] = GgufBlocks.Half(b, 64);
                TwoBits(b[..64], codes);
                break;
            case "Q2_K":
                ReadQ2(b, codes, i, target);
                break;
            case "Q3_K":
                ReadQ3(b, codes, i, target);
                break;
            case "Q6_K":
                ReadQ6(b, codes, i, target);
                break;
            case "IQ4_XS":
                ReadIq4(b, codes, i, target);
                break;
            case "Q4_K" or "Q5_K":
                ReadQ4Or5(b, type == "Q5_K", codes, i, target);
                break;
            default:
                GgufGridBlocks.Read(type, b, codes, i, target);
                break;
        }
    }

    // Four groups of 16 with e4m3 scales, whose signs are not read; what would be no number is 0.
    private static void ReadNvfp4(ReadOnlySpan<byte> b, Span<byte> codes, int i, in CodeRow target)
    {
        target.Scales[i * 64 / 256] = 0.5f;
        for (int s = 0; s < 4; s++)
        {
            target.Subs[(4 * i) + s] = (sbyte)(b[s] == 0x7F ? 0 : b[s] & 0x7F);
            for (int j = 0; j < 8; j++)
            {
                codes[(16 * s) + j] = (byte)(b[4 + (8 * s) + j] & 15);
                codes[(16 * s) + j + 8] = (byte)(b[4 + (8 * s) + j] >> 4);
            }
        }
    }

    private static void TwoBits(ReadOnlySpan<byte> b, Span<byte> codes)
    {
        for (int e = 0; e < 256; e += 32)
        {
            ReadOnlySpan<byte> from = b.Slice(e / 128 * 32, 32);
            int shift = e / 32 % 4 * 2;
            Span<byte> to = codes.Slice(e, 32);
            for (int l = 0; l < 32; l++) to[l] = (byte)((from[l] >> shift) & 3);
        }
    }

    private static void ReadQ2(ReadOnlySpan<byte> b, Span<byte> codes, int i, in CodeRow target)
    {
        target.Scales[i] = GgufBlocks.Half(b, 80);
        target.Mins[i] = GgufBlocks.Half(b, 82);
        for (int s = 0; s < 16; s++)
        {
            target.Subs[(16 * i) + s] = (sbyte)(b[s] & 15);
            target.SubMins[(16 * i) + s] = (byte)(b[s] >> 4);
        }

        TwoBits(b.Slice(16, 64), codes);
    }

    private static void ReadQ3(ReadOnlySpan<byte> b, Span<byte> codes, int i, in CodeRow target)
    {
        target.Scales[i] = GgufBlocks.Half(b, 108);
        for (int s = 0; s < 16; s++)
        {
            int low = (b[96 + (s % 8)] >> (s / 8 * 4)) & 15, high = (b[104 + (s % 4)] >> (s / 4 * 2)) & 3;
            target.Subs[(16 * i) + s] = (sbyte)((low | (high << 4)) - 32);
        }

        TwoBits(b.Slice(32, 64), codes);
        for (int e = 0; e < 256; e++) codes[e] |= (byte)(((b[e % 32] >> (e / 32)) & 1) << 2);
    }

    private static void ReadQ4Or5(ReadOnlySpan<byte> b, bool isFive, Span<byte> codes, int i, in CodeRow target)
    {
        target.Scales[i] = GgufBlocks.Half(b, 0);
        target.Mins[i] = GgufBlocks.Half(b, 2);
        ReadOnlySpan<byte> packed = b.Slice(isFive ? 48 : 16, 128);
        for (int j = 0; j < 8; j++)
        {
            (int s, int m) = GgufSuperBlocks.ScaleAndMin(b.Slice(4, 12), j);
            target.Subs[(8 * i) + j] = (sbyte)s;
            target.SubMins[(8 * i) + j] = (byte)m;
            ReadOnlySpan<byte> from = packed.Slice(j / 2 * 32, 32);
            Span<byte> to = codes.Slice(j * 32, 32);
            int shift = j % 2 * 4;
            for (int l = 0; l < 32; l++) to[l] = (byte)((from[l] >> shift) & 15);
            if (!isFive) continue;
            for (int l = 0; l < 32; l++) to[l] |= (byte)(((b[16 + l] >> j) & 1) << 4);
        }
    }

    private static void ReadQ6(ReadOnlySpan<byte> b, Span<byte> codes, int i, in CodeRow target)
    {
        target.Scales[i] = GgufBlocks.Half(b, 208);
        for (int s = 0; s < 16; s++) target.Subs[(16 * i) + s] = (sbyte)b[192 + s];
        for (int e = 0; e < 256; e += 32)
        {
            int half = e / 128, quarter = e / 32 % 4;
            ReadOnlySpan<byte> low = b.Slice((half * 64) + (quarter % 2 * 32), 32);
            ReadOnlySpan<byte> high = b.Slice(128 + (half * 32), 32);
            Span<byte> to = codes.Slice(e, 32);
            for (int l = 0; l < 32; l++)
                to[l] = (byte)(((low[l] >> (quarter / 2 * 4)) & 15) | (((high[l] >> (quarter * 2)) & 3) << 4));
        }
    }

    private static void ReadIq4(ReadOnlySpan<byte> b, Span<byte> codes, int i, in CodeRow target)
    {
        target.Scales[i] = GgufBlocks.Half(b, 0);
        int high = BinaryPrimitives.ReadUInt16LittleEndian(b[2..]);
        for (int s = 0; s < 8; s++)
        {
            int low = (b[4 + (s / 2)] >> (4 * (s % 2))) & 15;
            target.Subs[(8 * i) + s] = (sbyte)((low | (((high >> (2 * s)) & 3) << 4)) - 32);
            Nibbles(b.Slice(8 + (16 * s), 16), codes.Slice(32 * s, 32));
        }
    }
}
