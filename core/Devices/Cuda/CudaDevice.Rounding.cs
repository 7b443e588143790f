using Engine.Memory;
using Engine.Quantization;

namespace Engine.Devices.Cuda;

internal sealed unsafe partial class CudaDevice
{
    // Tensor cores with floats of 8 bits, and the driver that compiles the PTX for them.
    private const int Float8Capability = 89;
    private const int Float8DriverVersion = 12040;

    // Inputs rounded as the checkpoint says, some rows at a time.
    private void LaunchRounded(LinearArguments arguments, DType type, DType yType, CudaSegment segment)
    {
        int rows = arguments.Rows;
        nint x = arguments.X, y = arguments.Y, room = _rounded.Address;
        long xBytes = arguments.XStride * type.SizeOf(), yBytes = arguments.YStride * yType.SizeOf();
        RoundedInputs layout = RoundedInputs.Of(segment, type, RoundedRows);
        RoundInputsArguments round = new()
        {
            Y = room,
            Scales = room + (nint)layout.ScalesOffset,
            Zeros = room + (nint)layout.ZerosOffset,
            YStride = layout.RowStride,
            XStride = arguments.XStride,
            K = segment.K,
            Kind = (int)segment.Scheme.Rounding,
            Zero = segment.Scheme.Zero,
            Scale = segment.Scheme.Scale,
        };
        if (UsesWgmma(segment))
        {
            round.ScalesPitch = RoundedRows;
            round.Sums = segment.Codes!.Type == CudaCodeType.E4M3 ? 0 : room + (nint)layout.SumsOffset;
        }

        CudaKernel rounding = segment.Inputs == CudaInputs.Codes ? _kernels.RoundInputs : _kernels.RoundValues;
        arguments.X = room;
        arguments.XStride = layout.RowStride;
        arguments.RowScales = layout.Groups == 1 ? round.Scales : 0;
        for (int row = 0; row < rows; row += RoundedRows)
        {
            round.Rows = arguments.Rows = Math.Min(RoundedRows, rows - row);
            round.X = x + (nint)(row * xBytes);
            arguments.Y = y + (nint)(row * yBytes);
            Launch(rounding.For(type), round, (round.Rows, 1, 1), RowThreads, RoundSharedBytes);
            if (segment.Inputs == CudaInputs.Codes) LaunchW8A8(arguments, round, layout.Groups, segment);
            else LaunchPlain(arguments, type, yType, segment);
        }
    }

    private void LaunchW8A8(
        LinearArguments arguments, in RoundInputsArguments inputs, int groups, CudaSegment segment)
    {
        nint weight = arguments.Weight;
        bool isFloat = segment.Codes!.Type == CudaCodeType.E4M3;
        arguments.WeightStride = segment.RowBytes(CodePlane.Codes);
        arguments.WeightType = (int)segment.Codes.Type;
        W8A8Arguments all = new()
        {
            Linear = arguments,
            Codes = CodesOf(segment, weight),
            XScales = groups > 1 ? inputs.Scales : 0,
            XZeros = segment.HasInputZeros ? inputs.Zeros : 0,
            WeightSums = segment.HasInputZeros ? weight + (nint)segment.PlaneOffset(CodePlane.Sums) : 0,
            XGroups = groups,
        };
        if (UsesWgmma(segment))
        {
            _wgmma!.Launch(_kernels, all, inputs.Sums, RoundedRows, isFloat);
            return;
        }

        W8A8Kernels kernels = isFloat ? _kernels.Floats(MultipliesFloat8) : _kernels.Integers;
        // The same bits, so this choice may depend on the rows.
        bool isSkinny = arguments.Rows <= SkinnyRows && arguments.K <= W8A8MaxK
            && Gpu.SharedBytesMax >= LinearSkinnySharedBytes;
        Launch(
            isSkinny ? kernels.Skinny : kernels.Tiled, all,
            isSkinny ? (Gpu.NumMultiprocessors, 1, 1) : (Up(arguments.Rows, 64), Up(arguments.N, 128), 1),
            RowThreads, isSkinny ? LinearSkinnySharedBytes : LinearTiledSharedBytes);
    }

    // Not a matter of the rows: of floats the forms may differ, and of integers a row's sum must be exact in f32.
    private bool UsesWgmma(CudaSegment segment) =>
        segment.Inputs == CudaInputs.Codes && _wgmma is { TakesCodes: true }
        && (segment.Codes!.Type == CudaCodeType.E4M3 || segment.K <= W8A8MaxK);

    // Nor is this: sums of the two forms differ.
    private bool MultipliesFloat8 =>
        Gpu.Capability >= Float8Capability && Gpu.DriverVersion >= Float8DriverVersion;
}
