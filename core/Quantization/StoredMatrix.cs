using Engine.Devices;

namespace Engine.Quantization;

/// <summary>Elements of a type that devices do not take, as floats.</summary>
internal sealed class StoredMatrix(LinearPart part) : WeightMatrix(part.N, part.K)
{
    public override void Dequantize(int row, Span<float> destination) => LinearRows.Read(part, row, destination);
}
