using Engine.Loading;
using Engine.Memory;

namespace Engine.Quantization;

/// <summary>AWQ in the GEMM layout: eight outputs share a word, interleaved; zeros as they are.</summary>
internal sealed class AwqMatrix : WeightMatrix
{
    private readonly SafetensorsTensor _codes;
    private readonly SafetensorsTensor _zeros;
    private readonly float[] _scales;
    private readonly int _groupSize;

    private AwqMatrix(
        SafetensorsTensor codes, SafetensorsTensor zeros, float[] scales, int n, int k, int groupSize,
        CodeScaleType scaleType)
        : base(n, k)
    {
        _codes = codes;
        _zeros = zeros;
        _scales = scales;
        _groupSize = groupSize;
        Codes = new WeightCodes(4, groupSize, CodeScales.Zero, scaleType);
    }

    public override WeightCodes? Codes { get; }

    public static AwqMatrix Open(StoredTensors tensors, string module, int n, int k)
    {
        SafetensorsTensor codes = tensors.Need(module + ".qweight", DType.I32);
        StoredTensors.CheckShape(codes, k, n / 8);
        SafetensorsTensor scales = tensors.Need(module + ".scales", DType.F16, DType.BF16, DType.F32);
        int numGroups = scales.Shape.Length == 2 ? (int)Math.Min(scales.Shape[0], k) : 0;
        if (numGroups < 1 || k % numGroups != 0 || n % 8 != 0)
            throw StoredTensors.Bad(scales, $"[groups, {n}] with whole groups of {k} inputs", scales.ShapeText);
        StoredTensors.CheckShape(scales, numGroups, n);
        SafetensorsTensor zeros = tensors.Need(module + ".qzeros", DType.I32);
        StoredTensors.CheckShape(zeros, numGroups, n / 8);
        return new AwqMatrix(
            codes, zeros, StoredTensors.Scales(scales), n, k, k / numGroups, CodeOrder.TypeOf(scales.Type));
    }

    public override void Dequantize(int row, Span<float> destination)
    {
        ReadOnlySpan<uint> codes = StoredTensors.Values<uint>(_codes);
        ReadOnlySpan<uint> zeros = StoredTensors.Values<uint>(_zeros);
        int wordsPerRow = N / 8;
        int word = row / 8;
        // Even outputs lie in the low nibbles, odd ones in the high half.
        int lane = row % 8;
        int shift = 4 * ((lane / 2) + (lane % 2 * 4));
        for (int i = 0; i < K; i++)
        {
            int group = i / _groupSize;
            int zero = (int)(zeros[(group * wordsPerRow) + word] >> shift) & 15;
            int code = (int)(codes[(i * wordsPerRow) + word] >> shift) & 15;
            destination[i] = _scales[(group * N) + row] * (code - zero);
        }
    }

    public override void ReadCodes(int row, in CodeRow target)
    {
        ReadOnlySpan<uint> codes = StoredTensors.Values<uint>(_codes);
        ReadOnlySpan<uint> zeros = StoredTensors.Values<uint>(_zeros);
        int words = N / 8, lane = row % 8, shift = 4 * ((lane / 2) + (lane % 2 * 4));
        for (int i = 0, at = row / 8; i < K; i++, at += words)
            target.Codes[i] = (byte)((codes[at] >> shift) & 15);
        for (int g = 0; g < K / _groupSize; g++)
        {
            target.Zeros[g] = (byte)((zeros[(g * words) + (row / 8)] >> shift) & 15);
            target.Scales[g] = _scales[(g * N) + row];
        }
    }
}
