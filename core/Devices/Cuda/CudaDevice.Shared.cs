namespace Engine.Devices.Cuda;

// Dynamic shared memory of the kernels, as kernels/cuda/include gives it; a test compares.
internal sealed unsafe partial class CudaDevice
{
    internal const int LinearAnySharedBytes = (32 + 8) * 33 * 4;
    internal const int LinearTiledSharedBytes = 4 * (64 + 128) * 64;
    internal const int LinearSkinnyMaxK = 16384;
    internal const int LinearSkinnySharedBytes = (8 * 4 * 32 * 128) + 32768;
    internal const int AnyHeadDim = 512;
    internal const int AttentionAnySharedBytes = (4 * (AnyHeadDim + 4) * 4) + (AnyHeadDim * 4);

    internal static int AttentionTiledSharedBytes(int columns)
    {
        int step = columns <= 128 ? 64 : 32;
        return (2 * 2 * step * columns * 2) + (64 * columns * 4);
    }

    internal static int AttentionSplitSharedBytes(int columns)
    {
        int slots = columns <= 64 ? 8 : columns <= 128 ? 6 : 4;
        return 4 * slots * 16 * columns * 2;
    }
}
