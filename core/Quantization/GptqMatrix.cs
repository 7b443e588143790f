using Engine.Loading;
using Engine.Memory;

namespace Engine.Quantization;

/// <summary>
/// GPTQ: codes of 2, 3, 4 or 8 bits down the columns of qweight [K * bits / 32, N], a scale and a zero per
/// group of inputs, and with desc_act a permutation of the inputs in g_idx.
/// </summary>
internal sealed class GptqMatrix : WeightMatrix
{
    private readonly SafetensorsTensor _codes;
    private readonly float[] _scales;
    private readonly int[] _zeros;
    private readonly int[] _groups;
    private readonly int _bits;
    private readonly int _numGroups;

    private GptqMatrix(
        SafetensorsTensor codes, int n, int k, int bits, float[] scales, int[] zeros, int[] groups, DType scaleType)
        : base(n, k)
    {
        _numGroups = scales.Length / n;
        // A zero of 256 fits no byte.
        bool fits = Array.TrueForAll(zeros, z => z <= byte.MaxValue);
        if (fits && CodeOrder.TryOf(groups, _numGroups, out int[]? order))
        {
            InputOrder = order;
            int size = (k + _numGroups - 1) / _numGroups;
            Codes = new WeightCodes(bits, size, CodeScales.Zero, CodeOrder.TypeOf(scaleType));
        }

        _codes = codes;
        _bits = bits;
        _scales = scales;
        _zeros = zeros;
        _groups = groups;
    }

    public override WeightCodes? Codes { get; }

    public override int[]? InputOrder { get; }

    /// <param name="tensors">The checkpoint.</param>
    /// <param name="module">Name of the layer.</param>
    /// <param name="n">Rows expected.</param>
    /// <param name="k">Columns expected.</param>
    /// <param name="storesZeros">True for gptq_v2; the first format stores zero - 1.</param>
    public static GptqMatrix Open(StoredTensors tensors, string module, int n, int k, bool storesZeros)
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
        return new GptqMatrix(
            codes, n, k, bits, StoredTensors.Floats(scales),
            Zeros(packedZeros, numGroups, n, bits, storesZeros ? 0 : 1),
            Groups(tensors, module, k, numGroups), scales.Type);
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

    /// <summary>The group of every input: stored, or runs of equal length.</summary>
    public static int[] Groups(StoredTensors tensors, string module, int k, int numGroups, string name = ".g_idx")
    {
        int[] groups = new int[k];
        SafetensorsTensor? stored = tensors.Has(module + name) ? tensors.Need(module + name, DType.I32) : null;
        int size = (k + numGroups - 1) / numGroups;
        if (stored is not null) StoredTensors.CheckShape(stored, k);
        ReadOnlySpan<int> values = stored is null ? [] : StoredTensors.Values<int>(stored);
        for (int i = 0; i < k; i++)
        {
            groups[i] = stored is null ? i / size : values[i];
            if (groups[i] < 0 || groups[i] >= numGroups)
                throw StoredTensors.Bad(stored!, $"groups below {numGroups}", $"{groups[i]}");
        }

        return groups;
    }

    public override void Dequantize(int row, Span<float> destination)
    {
        ReadOnlySpan<uint> words = StoredTensors.Values<uint>(_codes);
        for (int i = 0; i < K; i++)
        {
            int at = (_groups[i] * N) + row;
            destination[i] = _scales[at] * (BitStream.Get(words, row, N, i, _bits) - _zeros[at]);
        }
    }

    public override void ReadCodes(int row, in CodeRow target)
    {
        ReadOnlySpan<uint> words = StoredTensors.Values<uint>(_codes);
        if (InputOrder is not null || _bits == 3)
        {
            for (int i = 0; i < K; i++)
                target.Codes[i] = (byte)BitStream.Get(words, row, N, InputOrder?[i] ?? i, _bits);
        }
        else
        {
            BitStream.GetRun(words, row, N, _bits, target.Codes);
        }

        for (int g = 0; g < _numGroups; g++)
        {
            target.Scales[g] = _scales[(g * N) + row];
            target.Zeros[g] = (byte)_zeros[(g * N) + row];
        }
    }
}
