using System.Buffers;
using Engine.Devices;

namespace Engine.Quantization;

/// <summary>A weight that is rounded to e4m3 as it is read, with a scale for each row.</summary>
internal sealed class RoundedFloat8Matrix(LinearPart part) : WeightMatrix(part.N, part.K)
{
    public override WeightCodes Codes { get; } =
        new(8, part.K, CodeScales.Plain, CodeScaleType.F32, CodeValues.E4M3);

    public override void Dequantize(int row, Span<float> destination)
    {
        byte[] codes = ArrayPool<byte>.Shared.Rent(K);
        LinearRows.Read(part, row, destination);
        float scale = Float8Rounding.Round(destination, codes);
        for (int k = 0; k < K; k++) destination[k] = SmallFloats.E4M3[codes[k]] * scale;
        ArrayPool<byte>.Shared.Return(codes);
    }

    public override void ReadCodes(int row, in CodeRow target)
    {
        float[] values = ArrayPool<float>.Shared.Rent(K);
        LinearRows.Read(part, row, values.AsSpan(0, K));
        target.Scales[0] = Float8Rounding.Round(values.AsSpan(0, K), target.Codes);
        ArrayPool<float>.Shared.Return(values);
    }
}
