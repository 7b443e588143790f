using Engine.Memory;

namespace Engine.Devices;

/// <summary>Runs of rows of a weight, so that no more of a file than one of them need be resident.</summary>
internal static class LinearWindows
{
    // Packed panels have 16 rows.
    private const int PanelRows = 16;
    private const long WindowBytes = 8 << 20;

    /// <summary>Runs of whole panels, some megabytes each as they are stored.</summary>
    public static IEnumerable<(int FirstRow, LinearSource Rows)> Of(LinearSource source)
    {
        long rowBytes = Math.Max(1, StoredBytes(source) / source.N);
        int rows = (int)Math.Clamp(WindowBytes / rowBytes / PanelRows * PanelRows, PanelRows, int.MaxValue / 2);
        for (int first = 0; first < source.N; first += rows)
            yield return (first, first == 0 && rows >= source.N ? source : Slice(source, first, rows));
    }

    /// <summary>What a weight takes on disk, nearly.</summary>
    public static long StoredBytes(LinearSource source) => source.Parts.Sum(BytesOf);

    private static LinearSource Slice(LinearSource source, int first, int count)
    {
        List<LinearPart> parts = [];
        foreach (LinearPart part in source.Parts)
        {
            int from = Math.Clamp(first, 0, part.N), to = Math.Clamp(first + count, 0, part.N);
            if (to > from) parts.Add(Slice(part, from, to - from));
            first -= part.N;
        }

        return source.With(parts);
    }

    private static LinearPart Slice(in LinearPart part, int first, int count)
    {
        if (part.Matrix is not null) return part with { N = count, FirstRow = part.FirstRow + first };
        long elements = part.Transposed ? first : (long)first * part.RowStride;
        long bytes = part.Blocks != WeightBlocks.None ? elements : elements * part.Type.SizeOf();
        return part with { N = count, Address = part.Address + (nint)bytes };
    }

    private static long BytesOf(LinearPart part)
    {
        long count = (long)part.N * part.K;
        if (part.Matrix is not null) return count * (part.Matrix.Codes?.Bits ?? 8) / 8;
        return part.Blocks switch
        {
            WeightBlocks.Q8_0 => count / 32 * 34,
            WeightBlocks.Q4_0 => count / 32 * 18,
            _ => count * part.Type.SizeOf(),
        };
    }
}
