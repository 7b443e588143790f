namespace Engine.Devices.Cuda;

// Dynamic shared memory of the kernels, as kernels/cuda/include gives it; a test compares.
internal sealed unsafe partial class CudaDevice
{
    internal const int LinearAnySharedBytes = (32 + 8) * 33 * 4;
    internal const int LinearTiledSharedBytes = 4 * (64 + 128) * 64;
    internal const int LinearSkinnyMaxK = 16384;
    internal const int LinearSkinnySharedBytes = (8 * 4 * 32 * 128) + 32768;
    internal const int CodesTiledSharedBytes = (3 * ((128 * 64) + (64 * 128))) + 64;
    internal const int RoundSharedBytes = 96;
    internal const int InputGroup = 128;
    internal const int W8A8MaxK = 32768;
    internal const int SampleSharedBytes = (256 * 8) + (((SampleThreads / 32) + 2) * 8);
    internal const int AnyHeadDim = 512;
    internal const int AttentionAnySharedBytes = (4 * (AnyHeadDim + 4) * 4) + (AnyHeadDim * 4);

    internal const int AttentionBulkSharedBytes = 1024;
    internal const int AttentionWgmmaThreads = 384;
    private const int AttentionWgmmaStages = 4;

    /// <summary>Of products with codes of so many bits.</summary>
    internal static int CodesSkinnySharedBytes(int bits) => (8 * 8 * ((128 * bits) + (8 * 128))) + 16384 + 64;

    internal static int AttentionTiledSharedBytes(int columns, bool isNarrow)
    {
        int step = columns <= 128 ? 64 : 32, rest = (64 * columns * 4) + (4 * QueryBytes(columns));
        return isNarrow
            ? (2 * 2 * step * NarrowRowBytes(columns)) + (2 * step * columns * 2) + rest
            : (2 * 2 * step * columns * 2) + rest;
    }

    internal static int AttentionWgmmaSharedBytes(int columns) =>
        (128 * columns * 2) + (AttentionWgmmaStages * ((2 * 64 * columns * 2) + 32));

    internal static int AttentionSplitSharedBytes(int columns, bool isNarrow)
    {
        int slots = columns <= 64 ? 8 : columns <= 128 ? 6 : columns <= 192 ? 4 : 3;
        return isNarrow
            ? 4 * ((slots * 16 * NarrowRowBytes(columns)) + (16 * columns * 2) + QueryBytes(columns))
            : 4 * ((slots * 16 * columns * 2) + QueryBytes(columns));
    }

    // The 16 queries of a warp, where registers have no room for them.
    private static int QueryBytes(int columns) => columns <= 192 ? 0 : 16 * columns * 2;

    // Rows of an 8-bit cache are padded to 128 bytes.
    private static int NarrowRowBytes(int columns) => (columns + 127) / 128 * 128;
}
