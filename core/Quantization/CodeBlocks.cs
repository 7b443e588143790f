using System.Buffers;
using System.Buffers.Binary;
using Engine.Devices;

namespace Engine.Quantization;

/// <summary>Rows of codes in groups of 32 with scales of 16 bits, as blocks of GGUF's Q4_0 and Q8_0.</summary>
internal static class CodeBlocks
{
    private const int Group = 32;

    /// <summary>Blocks that hold a matrix without loss; None if there are none.</summary>
    public static WeightBlocks Of(WeightMatrix matrix)
    {
        bool fits = matrix.Codes is
        {
            GroupSize: Group, Scales: CodeScales.Plain, ScaleType: CodeScaleType.F16, Values: CodeValues.Integer,
        }
            && matrix.InputOrder is null && matrix.K % Group == 0;
        return !fits ? WeightBlocks.None : matrix.Codes switch
        {
            { Bits: 4, Zero: 8 } => WeightBlocks.Q4_0,
            { Bits: 8, Zero: 128 } => WeightBlocks.Q8_0,
            _ => WeightBlocks.None,
        };
    }

    /// <summary>Bytes of a row.</summary>
    public static int RowBytes(WeightBlocks blocks, int k) => k / Group * (blocks == WeightBlocks.Q4_0 ? 18 : 34);

    /// <summary>Row of a weight whose parts all are such matrices.</summary>
    public static void Read(LinearSource source, int row, WeightBlocks blocks, Span<byte> destination)
    {
        LinearPart part = source.PartOf(row, out int at);
        Read(part.Matrix!, part.FirstRow + at, blocks, destination);
    }

    private static void Read(WeightMatrix matrix, int row, WeightBlocks blocks, Span<byte> destination)
    {
        int k = matrix.K, groups = k / Group;
        byte[] codes = ArrayPool<byte>.Shared.Rent(k + groups);
        float[] scales = ArrayPool<float>.Shared.Rent(groups);
        matrix.ReadCodes(row, new CodeRow
        {
            Codes = codes.AsSpan(0, k),
            Scales = scales.AsSpan(0, groups),
            Zeros = codes.AsSpan(k, groups),
        });
        for (int g = 0; g < groups; g++)
        {
            ReadOnlySpan<byte> from = codes.AsSpan(g * Group, Group);
            BinaryPrimitives.WriteHalfLittleEndian(destination, (Half)scales[g]);
            if (blocks == WeightBlocks.Q8_0)
            {
                for (int i = 0; i < Group; i++) destination[2 + i] = (byte)(from[i] ^ 128);
                destination = destination[34..];
            }
            else
            {
                for (int i = 0; i < 16; i++) destination[2 + i] = (byte)(from[i] | (from[i + 16] << 4));
                destination = destination[18..];
            }
        }

        ArrayPool<byte>.Shared.Return(codes);
        ArrayPool<float>.Shared.Return(scales);
    }
}
