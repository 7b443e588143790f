using Engine.Loading;
using Engine.Memory;

namespace Engine.Quantization;

/// <summary>
/// GPTQ: codes of 2, 3, 4 or 8 bits down the columns of qweight [K * bits / 32, N], a scale and a zero per
/// group of inputs, and with desc_act a permutation of the inputs in g_idx.
/// </summary>
internal sealed class GptqMatrix : GroupedMatrix
{
    private readonly float[] _scales;
    private readonly int[] _zeros;

    private GptqMatrix(
        SafetensorsTensor stored, int n, int k, int bits, float[] scales, int[] zeros, int[] groups, int groupSize,
        DType scaleType)
        : base(stored, n, k, bits, groups, scales.Length / n, Form(bits, groupSize, zeros, scaleType))
    {
        _scales = scales;
        _zeros = zeros;
    }

    /// <param name="tensors">The checkpoint.</param>
    /// <param name="module">Name of the layer.</param>
    /// <param name="n">Rows expected.</param>
    /// <param name="k">Columns expected.</param>
    /// <param name="settings">Whether zeros are stored as they are (gptq_v2) or less one; sizes of groups.</param>
    public static GptqMatrix Open(
        StoredTensors tensors, string module, int n, int k, QuantizationSettings settings)
    {
        SafetensorsTensor codes = tensors.Need(module + ".qweight", DType.I32);
        int bits = codes.Shape.Length == 2 ? (int)Math.Min(codes.Shape[0] * 32 / k, 99) : 0;
        if (bits is not (2 or 3 or 4 or 8))
            throw StoredTensors.Bad(codes, $"2, 3, 4 or 8 bits for {k} inputs", codes.ShapeText);
        StoredTensors.CheckShape(codes, (long)k * bits / 32, n);
        SafetensorsTensor scales = tensors.Need(module + ".scales", DType.F16, DType.BF16, DType.F32);
        int numGroups = scales.Shape.Length == 2 ? (int)Math.Min(scales.Shape[0], k) : 0;
        if (numGroups < 1) throw StoredTensors.Bad(scales, $"[groups, {n}]", scales.ShapeText);
        StoredTensors.CheckShape(scales, numGroups, n);
        SafetensorsTensor packedZeros = tensors.Need(module + ".qzeros", DType.I32);
        StoredTensors.CheckShape(packedZeros, numGroups, (long)n * bits / 32);
        string order = module + ".g_idx";
        if (numGroups > 1 && settings.Order.Holds(module)) tensors.Need(order, DType.I32);
        int groupSize = CodeOrder.GroupSize(k, numGroups, settings.GroupSizes);
        if (groupSize == 0 && !tensors.Has(order))
            throw StoredTensors.Bad(scales, $"as many groups as {k} inputs make", scales.ShapeText);
        return new GptqMatrix(
            codes, n, k, bits, StoredTensors.Scales(scales),
            Zeros(packedZeros, numGroups, n, bits, settings.StoresZeros ? 0 : 1),
            GroupsOf(tensors, order, k, numGroups, groupSize), groupSize, scales.Type);
    }

    private static int[] Zeros(SafetensorsTensor packed, int numGroups, int n, int bits, int offset)
    {
        ReadOnlySpan<uint> words = StoredTensors.Values<uint>(packed);
        int[] zeros = new int[numGroups * n];
        int wordsPerGroup = (int)((long)n * bits / 32);
        for (int g = 0; g < numGroups; g++)
        {
            for (int i = 0; i < n; i++)
                zeros[(g * n) + i] = BitStream.Get(words, g * wordsPerGroup, 1, i, bits) + offset;
        }

        return zeros;
    }

    private static WeightCodes? Form(int bits, int groupSize, int[] zeros, DType scaleType)
    {
        // A zero of 256 fits no byte.
        bool fits = groupSize > 0 && Array.TrueForAll(zeros, z => z <= byte.MaxValue);
        return fits ? new WeightCodes(bits, groupSize, CodeScales.Zero, CodeOrder.TypeOf(scaleType)) : null;
    }

    public override void Dequantize(int row, Span<float> destination)
    {
        ReadOnlySpan<uint> words = Words;
        for (int i = 0; i < K; i++)
        {
            int at = (Groups[i] * N) + row;
            destination[i] = _scales[at] * (BitStream.Get(words, row, N, i, Bits) - _zeros[at]);
        }
    }

    public override void ReadCodes(int row, in CodeRow target)
    {
        ReadOnlySpan<uint> words = Words;
        if (InputOrder is not null || Bits == 3)
        {
            for (int i = 0; i < K; i++)
                target.Codes[i] = (byte)BitStream.Get(words, row, N, InputOrder?[i] ?? i, Bits);
        }
        else
        {
            BitStream.GetRun(words, row, N, Bits, target.Codes);
        }

        for (int g = 0; g < NumGroups; g++)
        {
            target.Scales[g] = _scales[(g * N) + row];
            target.Zeros[g] = (byte)_zeros[(g * N) + row];
        }
    }
}
