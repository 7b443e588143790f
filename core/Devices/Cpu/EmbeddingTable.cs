using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Devices.Cpu;

/// <summary>Rows of an embedding in one element type, from whatever lies on disk.</summary>
internal static unsafe class EmbeddingTable
{
    public static void Write(LinearSource source, DType type, nint destination)
    {
        Parallel.For(
            0, source.N, () => new float[source.K],
            (row, _, values) =>
            {
                nint at = destination + (nint)((long)row * source.K * type.SizeOf());
                if (!TryCopy(source, row, type, at))
                {
                    LinearRows.Read(source, row, values);
                    for (int k = 0; k < values.Length; k++) FloatBits.Write(at, k, type, values[k]);
                }

                return values;
            },
            static _ => { });
    }

    // Rows that lie in the type that is wanted.
    private static bool TryCopy(LinearSource source, int row, DType type, nint destination)
    {
        foreach (LinearPart part in source.Parts)
        {
            if (row < part.N)
            {
                bool isPlain = part.Matrix is null && part.Blocks == WeightBlocks.None && !part.Transposed;
                if (!isPlain || part.Type != type) return false;
                nint at = part.Address + (nint)((long)row * part.RowStride * type.SizeOf());
                NativeMemory.Copy((void*)at, (void*)destination, (nuint)((long)part.K * type.SizeOf()));
                return true;
            }

            row -= part.N;
        }

        return false;
    }
}
