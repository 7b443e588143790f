using System.Buffers;
using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>Rows of a weight in one element type, on their way to the device.</summary>
internal static unsafe class CudaRows
{
    /// <summary>Writes rows [first, first + count), K elements each without padding, with several threads.</summary>
    public static void Write(LinearSource source, int first, int count, DType type, nint destination)
    {
        long rowBytes = (long)source.K * type.SizeOf();
        int partFirst = 0;
        foreach (LinearPart part in source.Parts)
        {
            int from = Math.Max(first, partFirst), to = Math.Min(first + count, partFirst + part.N);
            int start = partFirst;
            partFirst += part.N;
            if (from >= to) continue;
            LinearPart one = part;
            nint target = destination + (nint)((from - first) * rowBytes);
            if (IsPlain(one, type))
            {
                Copy(one, from - start, to - from, type.SizeOf(), target);
                continue;
            }

            Parallel.For(0, to - from, r => Convert(one, from - start + r, type, target + (nint)(r * rowBytes)));
        }
    }

    private static bool IsPlain(in LinearPart part, DType type) =>
        part.Matrix is null && part.Blocks == WeightBlocks.None && !part.Transposed && part.Type == type;

    private static void Copy(in LinearPart part, int row, int count, int size, nint target)
    {
        nuint bytes = (nuint)((long)part.K * size);
        for (int r = 0; r < count; r++)
        {
            nint at = part.Address + (nint)((long)(row + r) * part.RowStride * size);
            NativeMemory.Copy((void*)at, (void*)(target + (nint)(r * (long)bytes)), bytes);
        }
    }

    private static void Convert(in LinearPart part, int row, DType type, nint target)
    {
        float[] values = ArrayPool<float>.Shared.Rent(part.K);
        LinearRows.Read(part, row, values.AsSpan(0, part.K));
        for (int k = 0; k < part.K; k++) FloatBits.Write(target, k, type, values[k]);
        ArrayPool<float>.Shared.Return(values);
    }
}
