namespace Engine.Quantization;

/// <summary>
/// The codebooks of GGUF's IQ types: points of a small lattice, part of the format. gguf-grids.bin has one bit for
/// every point of the lattice, set where a codebook holds it; codes number the points held in the lattice's order,
/// the first coordinate fastest. Points are given as numbers of coordinates; GgufGridBlocks has their values.
/// </summary>
internal static class GgufGrids
{
    private static readonly byte[] Bitmaps = ReadBitmaps();

    private const int TernaryBytes = (6561 + 7) / 8; // 3^8 points
    private const int OctalBytes = 4096 / 8; // 8^4 points

    /// <summary>256 points of 8 magnitudes.</summary>
    public static byte[] Iq2Xxs { get; } = Read(0, 256, 8, 3);

    /// <summary>512 points of 8 magnitudes.</summary>
    public static byte[] Iq2Xs { get; } = Read(TernaryBytes, 512, 8, 3);

    /// <summary>1024 points of 8 magnitudes.</summary>
    public static byte[] Iq2S { get; } = Read(2 * TernaryBytes, 1024, 8, 3);

    /// <summary>2048 points of 8 values from -1 to 1.</summary>
    public static byte[] Iq1 { get; } = Read(3 * TernaryBytes, 2048, 8, 3);

    /// <summary>256 points of 4 magnitudes.</summary>
    public static byte[] Iq3Xxs { get; } = Read(4 * TernaryBytes, 256, 4, 8);

    /// <summary>512 points of 4 magnitudes.</summary>
    public static byte[] Iq3S { get; } = Read((4 * TernaryBytes) + OctalBytes, 512, 4, 8);

    private static byte[] ReadBitmaps()
    {
        using Stream stream = typeof(GgufGrids).Assembly
            .GetManifestResourceStream("Engine.Quantization.gguf-grids.bin")!;
        byte[] data = new byte[stream.Length];
        stream.ReadExactly(data);
        return data;
    }

    private static byte[] Read(int offset, int count, int width, int coordinates)
    {
        byte[] points = new byte[count * width];
        int at = 0;
        for (int point = 0; at < points.Length; point++)
        {
            if (((Bitmaps[offset + (point / 8)] >> (point % 8)) & 1) == 0) continue;
            for (int i = 0, rest = point; i < width; i++, rest /= coordinates)
            {
                points[at++] = (byte)(rest % coordinates);
            }
        }

        return points;
    }
}
