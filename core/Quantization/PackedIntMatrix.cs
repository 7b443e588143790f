using Engine.Loading;
using Engine.Memory;

namespace Engine.Quantization;

/// <summary>compressed-tensors pack-quantized: codes of 1 to 8 bits along K, offset to be unsigned.</summary>
internal sealed class PackedIntMatrix : GroupedMatrix
{
    private readonly SafetensorsTensor _scales;
    private readonly SafetensorsTensor? _zeros;

    private PackedIntMatrix(
        SafetensorsTensor stored, int n, int k, int bits, SafetensorsTensor scales, SafetensorsTensor? zeros,
        int[] groups, int numGroups, int groupSize)
        : base(stored, n, k, bits, groups, numGroups, new WeightCodes(
            bits, groupSize, zeros is null ? CodeScales.Plain : CodeScales.Zero,
            CodeOrder.TypeOf(scales.Type), Zero: 1 << (bits - 1)))
    {
        _scales = scales;
        _zeros = zeros;
    }

    /// <param name="tensors">The checkpoint.</param>
    /// <param name="module">Name of the layer.</param>
    /// <param name="n">Rows expected.</param>
    /// <param name="k">Columns expected.</param>
    /// <param name="settings">Widths of codes and sizes of groups that there are.</param>
    /// <param name="isOrdered">Which group an input is of must be stored.</param>
    public static PackedIntMatrix Open(
        StoredTensors tensors, string module, int n, int k, QuantizationSettings settings, bool isOrdered)
    {
        SafetensorsTensor codes = tensors.Need(module + ".weight_packed", DType.I32);
        long numWords = codes.Shape.Length == 2 ? codes.Shape[1] : 0;
        // Older files leave bits of words unused, so that 7 look like 8: the configuration names those that there are.
        int bits = settings.PackedBits.FirstOrDefault(b => WordsOf(k, b) == numWords);
        if (bits == 0)
        {
            throw StoredTensors.Bad(
                codes, $"{string.Join(" or ", settings.PackedBits)} bits for {k} inputs", codes.ShapeText);
        }

        StoredTensors.CheckShape(codes, n, numWords);
        SafetensorsTensor shape = tensors.Need(module + ".weight_shape", DType.I64);
        if (!StoredTensors.Values<long>(shape).SequenceEqual([n, k]))
            throw StoredTensors.Bad(shape, $"[{n}, {k}]", "another shape");
        SafetensorsTensor scales = tensors.Need(module + ".weight_scale", DType.F16, DType.BF16, DType.F32);
        int numGroups = scales.Shape.Length == 2 ? (int)Math.Min(scales.Shape[1], k) : 0;
        if (numGroups < 1) throw StoredTensors.Bad(scales, $"[{n}, groups]", scales.ShapeText);
        StoredTensors.CheckShape(scales, n, numGroups);
        StoredTensors.CheckFinite(scales);
        string order = module + ".weight_g_idx";
        if (isOrdered && numGroups > 1) tensors.Need(order, DType.I32);
        int groupSize = CodeOrder.GroupSize(k, numGroups, settings.GroupSizes);
        if (groupSize == 0 && !tensors.Has(order))
            throw StoredTensors.Bad(scales, $"as many groups as {k} inputs make", scales.ShapeText);
        return new PackedIntMatrix(
            codes, n, k, bits, scales, Zeros(tensors, module, n, numGroups, bits),
            GroupsOf(tensors, order, k, numGroups, groupSize), numGroups, groupSize);
    }

    private static int WordsOf(int count, int bits) => (int)((((long)count * bits) + 31) / 32);

    /// <summary>Zeros, packed along the rows; null if all are half of the range.</summary>
    private static SafetensorsTensor? Zeros(StoredTensors tensors, string module, int n, int numGroups, int bits)
    {
        string name = module + ".weight_zero_point";
        if (!tensors.Has(name)) return null;
        // Older files have them one by one, also where they are zero.
        SafetensorsTensor zeros = tensors.Need(name, DType.I32, DType.I8);
        if (zeros.Type == DType.I8)
        {
            StoredTensors.CheckShape(zeros, n, numGroups);
            int half = 1 << (bits - 1);
            foreach (sbyte zero in StoredTensors.Values<sbyte>(zeros))
            {
                if (zero < -half || zero >= half)
                    throw StoredTensors.Bad(zeros, $"zeros of {bits} bits from {-half} to {half - 1}", $"{zero}");
            }

            return zeros;
        }

        StoredTensors.CheckShape(zeros, WordsOf(n, bits), numGroups);
        return zeros;
    }

    // Scales and zeros are read where they lie: in arrays of their own they would be a quarter as large as the codes.
    private float Scale(int row, int group) =>
        FloatBits.Read(_scales.Address, ((long)row * NumGroups) + group, _scales.Type);

    private int Zero(int row, int group) => _zeros is null
        ? 1 << (Bits - 1)
        : _zeros.Type == DType.I8
        ? StoredTensors.Values<sbyte>(_zeros)[(row * NumGroups) + group] + (1 << (Bits - 1))
        : BitStream.Get(StoredTensors.Values<uint>(_zeros), group, NumGroups, row, Bits);

    public override void Dequantize(int row, Span<float> destination)
    {
        ReadOnlySpan<uint> words = Words;
        int start = row * WordsOf(K, Bits);
        for (int i = 0; i < K; i++)
        {
            int group = Groups[i];
            destination[i] = Scale(row, group) * (BitStream.Get(words, start, 1, i, Bits) - Zero(row, group));
        }
    }

    public override void ReadCodes(int row, in CodeRow target)
    {
        ReadOnlySpan<uint> words = Words;
        int start = row * WordsOf(K, Bits);
        if (InputOrder is null && 32 % Bits == 0)
        {
            BitStream.GetRun(words, start, 1, Bits, target.Codes);
        }
        else
        {
            for (int i = 0; i < K; i++)
                target.Codes[i] = (byte)BitStream.Get(words, start, 1, InputOrder?[i] ?? i, Bits);
        }

        for (int g = 0; g < NumGroups; g++)
        {
            target.Scales[g] = Scale(row, g);
            target.Zeros[g] = (byte)Zero(row, g);
        }
    }
}
