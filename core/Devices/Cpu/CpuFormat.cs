using Engine.Quantization;

namespace Engine.Devices.Cpu;

/// <summary>Packed formats of a weight; values of engine_kernels.h, which draws the layouts.</summary>
internal static class CpuFormat
{
    public const int F32 = 0;
    public const int F16 = 1;
    public const int BF16 = 2;
    public const int BF16Dot = 3;
    public const int Q8 = 4;
    public const int Q4 = 5;

    /// <summary>Weights of small integers; the fields of engine_kernels.h are added.</summary>
    public const int Codes = 0x10000;

    /// <summary>The packed form that holds a matrix without loss, or 0 if there is none.</summary>
    public static int Of(WeightMatrix matrix) => CodeBlocks.Of(matrix) switch
    {
        WeightBlocks.Q4_0 => Q4,
        WeightBlocks.Q8_0 => Q8,
        _ => matrix.Codes is WeightCodes codes ? OfCodes(codes, matrix.K) : 0,
    };

    /// <summary>The same of codes and scales.</summary>
    public static int OfCodes(WeightCodes codes, int k)
    {
        int kind = Bits(codes);
        if (Group(codes, k) is not int group) return 0;
        (int Scale, int Min)? facts = (codes.Scales, codes.ScaleType) switch
        {
            (CodeScales.Plain, CodeScaleType type) => ((int)type, 0),
            (CodeScales.Zero, CodeScaleType type) => ((int)type, 1),
            (CodeScales.Min, CodeScaleType type) => ((int)type, 2),
            (CodeScales.Super, CodeScaleType.F16) => (3, 0),
            (CodeScales.Super, CodeScaleType.F32) => (4, 0),
            (CodeScales.SuperE4M3, CodeScaleType.F32) => (5, 0),
            (CodeScales.SuperMin, CodeScaleType.F16) => (3, 3),
            _ => null,
        };
        bool hasMin = facts is (_, > 0);
        bool isFloat = codes.Values is CodeValues.E4M3 or CodeValues.Nf4 or CodeValues.Fp4;
        if (isFloat && (group < 5 || codes.Scales != CodeScales.Plain)) return 0;
        if (facts is not (int scale, int min) || (hasMin && codes.Values != CodeValues.Integer)) return 0;
        return Codes + kind + (16 * group) + (256 * scale) + (4096 * min);
    }

    /// <summary>What is added to codes without zeros and minima, so that zero is half of their range.</summary>
    public static int StoredOffset(WeightCodes codes) =>
        codes.Values == CodeValues.Integer && codes.Scales is CodeScales.Plain or CodeScales.Super
            ? (1 << (Math.Max(codes.Bits, 4) is var bits and <= 6 ? bits - 1 : 7)) - codes.Zero
            : 0;

    private static int Bits(WeightCodes codes) => codes.Values switch
    {
        CodeValues.Iq4 => 4,
        CodeValues.DoubledE2M1 => 5,
        CodeValues.E4M3 => 6,
        CodeValues.Nf4 => 7,
        CodeValues.Fp4 => 8,
        CodeValues.Grid2 => 9,
        CodeValues.Grid3 => 10,
        CodeValues.Grid3S => 11,
        _ => codes.Bits switch
        {
            <= 4 => 0,
            5 => 1,
            6 => 2,
            _ => 3,
        },
    };

    // As a power of two: 4 to 7.
    private static int? Group(WeightCodes codes, int k)
    {
        bool isWhole = codes.GroupSize >= k && codes.Scales <= CodeScales.Min;
        if (isWhole && codes.GroupSize is not (16 or 32 or 64)) return 7;
        for (int shift = 7; shift >= 4; shift--)
        {
            if (codes.GroupSize % (1 << shift) == 0) return shift;
        }

        return null;
    }
}
