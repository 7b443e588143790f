using Engine.Memory;
using Engine.Quantization;

namespace Engine.Devices;

/// <summary>Rows of a weight as f32, whatever it is stored in.</summary>
internal static unsafe class LinearRows
{
    /// <summary>Row of all parts stacked.</summary>
    /// <param name="source">The weight.</param>
    /// <param name="row">0 to N - 1.</param>
    /// <param name="destination">[K] f32.</param>
    public static void Read(LinearSource source, int row, Span<float> destination) =>
        Read(source.PartOf(row, out int at), at, destination);

    /// <summary>One row of a part.</summary>
    public static void Read(in LinearPart part, int row, Span<float> destination)
    {
        if (part.Matrix is not null)
        {
            part.Matrix.Dequantize(part.FirstRow + row, destination);
        }
        else if (part.Blocks != WeightBlocks.None)
        {
            ReadBlocks(part, row, destination);
        }
        else if (part.Transposed)
        {
            for (int k = 0; k < destination.Length; k++)
            {
                long at = ((long)k * part.RowStride) + row;
                destination[k] = FloatBits.Read(part.Address, at, part.Type);
            }
        }
        else
        {
            FloatBits.Read(destination, part.Address, (long)row * part.RowStride, part.Type);
        }
    }

    private static void ReadBlocks(in LinearPart part, int row, Span<float> destination)
    {
        int size = part.Blocks == WeightBlocks.Q8_0 ? 34 : 18;
        BlockDecoder decode = GgufBlocks.Find(part.Blocks.ToString())!;
        byte* data = (byte*)part.Address + ((long)row * part.RowStride);
        for (int k = 0; k < destination.Length; k += 32, data += size)
        {
            decode(new ReadOnlySpan<byte>(data, size), destination.Slice(k, 32));
        }
    }
}
