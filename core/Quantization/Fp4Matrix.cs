using Engine.Loading;
using Engine.Memory;

namespace Engine.Quantization;

/// <summary>
/// e2m1 codes, neighbours in one byte, low nibble first, with a scale per 16 (NVFP4: e4m3 and a scale of the
/// tensor) or 32 inputs (MXFP4: a power of two).
/// </summary>
internal sealed class Fp4Matrix : WeightMatrix
{
    private readonly SafetensorsTensor _codes;
    private readonly float[] _scales;
    private readonly int _groupSize;
    private readonly SafetensorsTensor _stored;
    private readonly float _factor;

    private Fp4Matrix(
        SafetensorsTensor codes, int n, int k, float[] scales, int groupSize, SafetensorsTensor stored, float factor)
        : base(n, k)
    {
        _stored = stored;
        _factor = factor;
        if (groupSize == 32)
            Codes = new WeightCodes(4, 32, CodeScales.Plain, CodeScaleType.BF16, CodeValues.DoubledE2M1);
        else
            Codes = new WeightCodes(4, 16, CodeScales.SuperE4M3, CodeScaleType.F32, CodeValues.DoubledE2M1);

        _codes = codes;
        _scales = scales;
        _groupSize = groupSize;
    }

    public override WeightCodes? Codes { get; }

    public static Fp4Matrix Open(StoredTensors tensors, string module, int n, int k)
    {
        string packed = module + ".weight_packed";
        SafetensorsTensor codes = tensors.Need(tensors.Has(packed) ? packed : module + ".weight", DType.U8);
        StoredTensors.CheckShape(codes, n, k / 2);
        SafetensorsTensor scales = tensors.Need(
            module + ".weight_scale", DType.F8E4M3, DType.U8, DType.F8E8M0);
        int groupSize = scales.Type == DType.F8E4M3 ? 16 : 32;
        if (k % groupSize != 0) throw StoredTensors.Bad(scales, $"inputs in groups of {groupSize}", $"{k} inputs");
        StoredTensors.CheckShape(scales, n, k / groupSize);
        float[] values = StoredTensors.Scales(scales);
        float factor = groupSize == 16 ? TensorScale(tensors, module) : 1;
        for (int i = 0; i < values.Length; i++) values[i] *= factor;
        return new Fp4Matrix(codes, n, k, values, groupSize, scales, factor);
    }

    /// <summary>The scale of the tensor: compressed-tensors stores what divides, ModelOpt what multiplies.</summary>
    private static float TensorScale(StoredTensors tensors, string module)
    {
        string divisor = module + ".weight_global_scale";
        bool divides = tensors.Has(divisor);
        SafetensorsTensor stored = tensors.Need(divides ? divisor : module + ".weight_scale_2", DType.F32);
        if (stored.Bytes != sizeof(float)) throw StoredTensors.Bad(stored, "one number", stored.ShapeText);
        float scale = StoredTensors.Floats(stored)[0];
        float factor = divides ? 1 / scale : scale;
        return factor > 0 && float.IsFinite(factor)
            ? factor
            : throw StoredTensors.Bad(stored, "a finite number above 0", $"{scale}");
    }

    public override void Dequantize(int row, Span<float> destination)
    {
        ReadOnlySpan<byte> codes = StoredTensors.Bytes(_codes).Slice(row * (K / 2), K / 2);
        int first = row * (K / _groupSize);
        for (int i = 0; i < K; i++)
        {
            int code = (i & 1) == 0 ? codes[i / 2] & 15 : codes[i / 2] >> 4;
            destination[i] = SmallFloats.E2M1[code] * _scales[first + (i / _groupSize)];
        }
    }

    public override void ReadCodes(int row, in CodeRow target)
    {
        ReadOnlySpan<byte> codes = StoredTensors.Bytes(_codes).Slice(row * (K / 2), K / 2);
        for (int i = 0; i < codes.Length; i++)
        {
            target.Codes[2 * i] = (byte)(codes[i] & 15);
            target.Codes[(2 * i) + 1] = (byte)(codes[i] >> 4);
        }

        // Codes stand for twice their value.
        int first = row * (K / _groupSize), count = K / _groupSize;
        if (_groupSize == 32)
        {
            for (int g = 0; g < count; g++) target.Scales[g] = _scales[first + g] * 0.5f;
            return;
        }

        target.Scales.Fill(_factor * 0.5f);
        ReadOnlySpan<byte> subs = StoredTensors.Bytes(_stored).Slice(first, count);
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, sbyte>(subs).CopyTo(target.Subs);
    }
}
