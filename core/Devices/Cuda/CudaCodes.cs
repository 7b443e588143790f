using Engine.Memory;
using Engine.Quantization;

namespace Engine.Devices.Cuda;

/// <summary>Kinds of packed weights; values of engine_cuda.h.</summary>
internal enum CudaCodeType
{
    /// <summary>Bytes 0 to 255.</summary>
    I8 = 4,

    /// <summary>Floats of 8 bits.</summary>
    E4M3 = 9,

    /// <summary>Numbers 0 to 15.</summary>
    I4 = 100,

    /// <summary>4 bits that index a table of floats.</summary>
    T4 = 101,
}

/// <summary>The codes of a run of rows as kernels read them: EkcCodes without its addresses.</summary>
/// <param name="Type">Kind of code.</param>
/// <param name="GroupShift">Log2 of the columns of a group.</param>
/// <param name="ScaleType">F32, F16 or BF16.</param>
/// <param name="HasSubs">A scale for 256 columns times one of a byte per group.</param>
/// <param name="SubType">I8 or F8E4M3.</param>
/// <param name="HasMins">A minimum per scale.</param>
/// <param name="HasZeros">A zero per group.</param>
/// <param name="Zero">The zero of all groups where they have none of their own.</param>
/// <param name="Table">Values of T4's codes.</param>
internal sealed record CudaCodes(
    CudaCodeType Type, int GroupShift, DType ScaleType, bool HasSubs, DType SubType, bool HasMins, bool HasZeros,
    int Zero, float[]? Table)
{
    private const int SuperColumns = 256;
    private const int LeastShift = 4;
    private const int WholeRow = 30;

    // Of GGUF: 16 uneven values.
    private static readonly float[] _iq4 =
        [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    private static readonly float[] _doubledE2M1 = [0, 1, 2, 3, 4, 6, 8, 12, -0f, -1, -2, -3, -4, -6, -8, -12];

    /// <summary>Rows whose codes lie together in blocks of 64 columns.</summary>
    public const int BlockRows = 16;

    public const int BlockColumns = 64;

    /// <summary>Bytes of a row's codes, padded for copies of 16 bytes.</summary>
    public long RowBytes(int k) => (((long)k * Bits) + 127) / 128 * 16;

    /// <summary>Bytes of a row's share of its blocks.</summary>
    public long BlockedRowBytes(int k) => ((long)k + BlockColumns - 1) / BlockColumns * (BlockColumns * Bits / 8);

    public int Bits => Type is CudaCodeType.I4 or CudaCodeType.T4 ? 4 : 8;

    /// <summary>Groups of a row.</summary>
    public int Groups(int k) => (int)(((long)k + (1L << GroupShift) - 1) >> GroupShift);

    /// <summary>Scales of a row.</summary>
    public int Scales(int k) => HasSubs ? (k + SuperColumns - 1) / SuperColumns : Groups(k);

    /// <summary>The form that holds codes without loss, or null: then the weight is widened.</summary>
    public static CudaCodes? Of(WeightCodes codes, int k)
    {
        if (ShiftOf(codes, k) is not int shift) return null;
        float[]? table = TableOf(codes.Values);
        bool isTable = table is not null;
        bool isInteger = codes.Values == CodeValues.Integer;
        if (!isTable && !isInteger && codes.Values != CodeValues.E4M3) return null;
        bool hasSubs, hasMins = false, hasZeros = false;
        switch (codes.Scales)
        {
            case CodeScales.Plain:
                hasSubs = false;
                break;
            case CodeScales.Zero when isInteger:
                (hasSubs, hasZeros) = (false, true);
                break;
            case CodeScales.Min when isInteger:
                (hasSubs, hasMins) = (false, true);
                break;
            case CodeScales.Super or CodeScales.SuperE4M3:
                hasSubs = true;
                break;
            case CodeScales.SuperMin when isInteger:
                (hasSubs, hasMins) = (true, true);
                break;
            default:
                return null;
        }

        return new CudaCodes(
            isTable ? CudaCodeType.T4 : !isInteger ? CudaCodeType.E4M3
                : codes.Bits <= 4 ? CudaCodeType.I4 : CudaCodeType.I8,
            shift, codes.ScaleType switch
            {
                CodeScaleType.F16 => DType.F16,
                CodeScaleType.BF16 => DType.BF16,
                _ => DType.F32,
            },
            hasSubs, codes.Scales == CodeScales.SuperE4M3 ? DType.F8E4M3 : DType.I8, hasMins, hasZeros,
            hasMins || hasZeros ? 0 : codes.Zero,
            table);
    }

    /// <summary>True if a product takes these weights and inputs of 8 bits as they are.</summary>
    public bool TakesCodes(InputScheme inputs, int k)
    {
        const int WeightZero = 128;
        const int InputGroupShift = 7;
        if (HasSubs || HasMins || HasZeros) return false;
        return inputs.Rounding switch
        {
            InputRounding.Int8Tensor or InputRounding.Int8Token or InputRounding.Int8TokenZero =>
                Type == CudaCodeType.I8 && Zero == WeightZero && GroupShift == WholeRow && k <= CudaDevice.W8A8MaxK,
            InputRounding.E4M3Tensor or InputRounding.E4M3Token or InputRounding.E4M3Group =>
                Type == CudaCodeType.E4M3 && GroupShift >= InputGroupShift,
            _ => false,
        };
    }

    private static float[]? TableOf(CodeValues values) => values switch
    {
        CodeValues.Iq4 => _iq4,
        CodeValues.DoubledE2M1 => _doubledE2M1,
        CodeValues.Nf4 => SmallFloats.Nf4,
        CodeValues.Fp4 => SmallFloats.Fp4,
        CodeValues.Grid2 or CodeValues.Grid3 or CodeValues.Grid3S =>
            [.. GgufGridBlocks.Coordinates(values).ToArray().Select(x => (float)x)],
        _ => null,
    };

    // Kernels divide by shifting; a group of another length is several of the largest power of two that divides it.
    private static int? ShiftOf(WeightCodes codes, int k)
    {
        if (codes.GroupSize <= 0) return null;
        if (codes.GroupSize >= k && codes.Scales <= CodeScales.Min) return WholeRow;
        int shift = int.TrailingZeroCount(codes.GroupSize);
        if (shift < LeastShift) return null;
        return codes.Scales <= CodeScales.Min || shift <= 8 ? shift : null;
    }
}
