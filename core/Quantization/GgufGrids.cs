namespace Engine.Quantization;

/// <summary>
/// The codebooks of GGUF's IQ types: points of a small lattice, part of the format. gguf-grids.bin has one bit for
/// every point of the lattice, set where a codebook holds it; codes number the points held in the lattice's order,
/// the first coordinate fastest.
/// </summary>
internal static class GgufGrids
{
    private static readonly byte[] Bitmaps = ReadBitmaps();

    private static readonly byte[] Quarters = [8, 25, 43];

    private static readonly byte[] Eighths = [4, 12, 20, 28, 36, 44, 52, 62];

    private static readonly byte[] Odd = [1, 3, 5, 7, 9, 11, 13, 15];

    private static readonly byte[] Ternary = [unchecked((byte)-1), 0, 1];

    private const int TernaryBytes = (6561 + 7) / 8; // 3^8 points
    private const int OctalBytes = 4096 / 8; // 8^4 points

    /// <summary>256 points of 8 magnitudes.</summary>
    public static byte[] Iq2Xxs { get; } = Read(0, 256, 8, Quarters);

    /// <summary>512 points of 8 magnitudes.</summary>
    public static byte[] Iq2Xs { get; } = Read(TernaryBytes, 512, 8, Quarters);

    /// <summary>1024 points of 8 magnitudes.</summary>
    public static byte[] Iq2S { get; } = Read(2 * TernaryBytes, 1024, 8, Quarters);

    /// <summary>2048 points of 8 signed values from -1 to 1.</summary>
    public static byte[] Iq1 { get; } = Read(3 * TernaryBytes, 2048, 8, Ternary);

    /// <summary>256 points of 4 magnitudes.</summary>
    public static byte[] Iq3Xxs { get; } = Read(4 * TernaryBytes, 256, 4, Eighths);

    /// <summary>512 points of 4 magnitudes.</summary>
    public static byte[] Iq3S { get; } = Read((4 * TernaryBytes) + OctalBytes, 512, 4, Odd);

    private static byte[] ReadBitmaps()
    {
        using Stream stream = typeof(GgufGrids).Assembly
            .GetManifestResourceStream("Engine.Quantization.gguf-grids.bin")!;
        byte[] data = new byte[stream.Length];
        stream.ReadExactly(data);
        return data;
    }

    private static byte[] Read(int offset, int count, int width, byte[] values)
    {
        byte[] points = new byte[count * width];
        int at = 0;
        for (int point = 0; at < points.Length; point++)
        {
            if (((Bitmaps[offset + (point / 8)] >> (point % 8)) & 1) == 0) continue;
            for (int i = 0, rest = point; i < width; i++, rest /= values.Length)
            {
                points[at++] = values[rest % values.Length];
            }
        }

        return points;
    }
}
