using Engine.Memory;
using Engine.Quantization;

namespace Engine.Devices.Cuda;

/// <summary>Where rounded inputs of a segment lie in the room that they are given.</summary>
/// <param name="RowStride">Codes: bytes; values: elements.</param>
/// <param name="Groups">Scales of a row.</param>
/// <param name="ScalesOffset">In bytes.</param>
/// <param name="ZerosOffset">In bytes.</param>
/// <param name="SumsOffset">In bytes.</param>
/// <param name="Bytes">Of all.</param>
internal readonly record struct RoundedInputs(
    int RowStride, int Groups, long ScalesOffset, long ZerosOffset, long SumsOffset, long Bytes)
{
    private const int RowAlignment = 16;

    /// <summary>The layout of so many rows.</summary>
    public static RoundedInputs Of(CudaSegment segment, DType type, int rows)
    {
        bool isCodes = segment.Inputs == CudaInputs.Codes;
        int stride = CudaDevice.Up(segment.K, RowAlignment) * RowAlignment;
        int groups = isCodes && segment.Scheme.Rounding == InputRounding.E4M3Group
            ? CudaDevice.Up(segment.K, CudaDevice.InputGroup) : 1;
        long scales = CudaArena.Padded((long)rows * stride * (isCodes ? 1 : type.SizeOf()));
        long zeros = scales + CudaArena.Padded((long)rows * groups * sizeof(float));
        long sums = zeros + CudaArena.Padded((long)rows * sizeof(int));
        long end = sums + CudaArena.Padded((long)rows * sizeof(int));
        return new RoundedInputs(stride, groups, scales, zeros, sums, end);
    }

    public static long BytesFor(CudaSegment segment, DType type, int rows) =>
        segment.Inputs == CudaInputs.Plain ? 0 : Of(segment, type, rows).Bytes;
}
