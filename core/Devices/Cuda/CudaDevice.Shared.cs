namespace Engine.Devices.Cuda;

// Dynamic shared memory of the kernels, as kernels/cuda/include gives it; a test compares.
internal sealed unsafe partial class CudaDevice
{
    internal const int LinearAnySharedBytes = (32 + 8) * 33 * 4;
    internal const int LinearTiledSharedBytes = 4 * (64 + 128) * 64;
    internal const int LinearSkinnyMaxK = 16384;
    internal const int LinearSkinnySharedBytes = (8 * 4 * 32 * 128) + 32768;
    internal const int RoundSharedBytes = 96;
    internal const int InputGroup = 128;
    internal const int W8A8MaxK = 32768;
    internal const int SampleSharedBytes = (256 * 8) + (((SampleThreads / 32) + 2) * 8);
    internal const int AnyHeadDim = 512;
    internal const int AttentionAnySharedBytes = (4 * (AnyHeadDim + 4) * 4) + (AnyHeadDim * 4);

    internal const int AttentionBulkSharedBytes = 1024;

    internal static int AttentionTiledSharedBytes(int columns, bool isNarrow)
    {
        int step = columns <= 128 ? 64 : 32, sums = 64 * columns * 4;
        return isNarrow
            ? (2 * 2 * step * NarrowRowBytes(columns)) + (2 * step * columns * 2) + sums
            : (2 * 2 * step * columns * 2) + sums;
    }

    internal static int AttentionSplitSharedBytes(int columns, bool isNarrow)
    {
        int slots = columns <= 64 ? 8 : columns <= 128 ? 6 : 4;
        return isNarrow
            ? 4 * ((slots * 16 * NarrowRowBytes(columns)) + (16 * columns * 2))
            : 4 * slots * 16 * columns * 2;
    }

    // Rows of an 8-bit cache are padded to 128 bytes.
    private static int NarrowRowBytes(int columns) => (columns + 127) / 128 * 128;
}
