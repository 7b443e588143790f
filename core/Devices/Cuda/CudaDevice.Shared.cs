namespace Engine.Devices.Cuda;

// Dynamic shared memory of the kernels, as kernels/cuda/include gives it; a test compares.
internal sealed unsafe partial class CudaDevice
{
    private const int LinearAnySharedBytes = (32 + 8) * 33 * 4;
    private const int LinearTiledSharedBytes = 4 * (64 + 128) * 64;
    private const int LinearSkinnySharedBytes = 0;
    private const int AnyHeadDim = 512;
    private const int AttentionAnySharedBytes = (4 * (AnyHeadDim + 4) * 4) + (AnyHeadDim * 4);

    private static int AttentionTiledSharedBytes(int columns) => 2 * 2 * 64 * columns * 2;

    private static int AttentionSplitSharedBytes(int columns) => (4 * 2 * 2 * 64 * columns * 2 / 4) + 64;
}
