using Engine.Loading;
using Engine.Memory;

namespace Engine.Quantization;

/// <summary>
/// One byte per weight, int8 or e4m3, times a scale of the tensor, of the row, of a group in the row or of a
/// block of rows and columns.
/// </summary>
internal sealed class ScaledMatrix : WeightMatrix
{
    private readonly SafetensorsTensor _codes;
    private readonly float[] _scales;
    private readonly int[]? _zeros;
    private readonly int _blockRows;
    private readonly int _blockColumns;
    private readonly int _scaleColumns;

    private ScaledMatrix(
        SafetensorsTensor codes, int n, int k, float[] scales, int[]? zeros, (int Rows, int Columns) block,
        CodeScaleType scaleType)
        : base(n, k)
    {
        bool isInt = codes.Type == DType.I8;
        if (zeros is null || isInt)
        {
            Codes = new WeightCodes(
                8, block.Columns, zeros is null ? CodeScales.Plain : CodeScales.Zero, scaleType,
                isInt ? CodeValues.Integer : CodeValues.E4M3, isInt ? 128 : 0);
        }

        _codes = codes;
        _scales = scales;
        _zeros = zeros;
        (_blockRows, _blockColumns) = block;
        _scaleColumns = (k + _blockColumns - 1) / _blockColumns;
    }

    public override WeightCodes? Codes { get; }

    /// <param name="tensors">The checkpoint.</param>
    /// <param name="module">Name of the layer.</param>
    /// <param name="n">Rows expected.</param>
    /// <param name="k">Columns expected.</param>
    /// <param name="block">Rows and columns of a block, where scales are per block.</param>
    /// <param name="isSplit">Rows of bitsandbytes: int8 with an SCB.</param>
    public static ScaledMatrix Open(
        StoredTensors tensors, string module, int n, int k, (int Rows, int Columns) block, bool isSplit = false)
    {
        SafetensorsTensor codes = tensors.Need(module + ".weight", DType.I8, DType.F8E4M3);
        StoredTensors.CheckShape(codes, n, k);
        tensors.Skip(module + ".weight_format");
        if (isSplit || tensors.Has(module + ".SCB"))
        {
            SafetensorsTensor rows = tensors.Need(module + ".SCB", DType.F32);
            StoredTensors.CheckShape(rows, n);
            float[] scaled = Array.ConvertAll(StoredTensors.Scales(rows), s => s / 127);
            return new ScaledMatrix(codes, n, k, scaled, null, (1, k), CodeScaleType.F32);
        }

        string inverse = module + ".weight_scale_inv";
        SafetensorsTensor scales = tensors.Need(
            tensors.Has(inverse) ? inverse : module + ".weight_scale",
            DType.F32, DType.BF16, DType.F16, DType.F8E8M0, DType.U8);
        float[] values = StoredTensors.Scales(scales);
        (int Rows, int Columns) unit = Unit(scales, values.Length, n, k, block);
        return new ScaledMatrix(
            codes, n, k, values, Zeros(tensors, module, values.Length), unit, CodeOrder.TypeOf(scales.Type));
    }

    /// <summary>How many rows and columns share a scale.</summary>
    private static (int Rows, int Columns) Unit(
        SafetensorsTensor scales, int count, int n, int k, (int Rows, int Columns) block)
    {
        if (count == 1) return (n, k);
        // ModelOpt: [rows, 1, columns, 1].
        long[] shape = scales.Shape is [long blocks, 1, long groups, 1] ? [blocks, groups] : scales.Shape;
        if (count == n && (shape.Length == 1 || shape[1] == 1)) return (1, k);
        long rows = shape.Length == 2 ? shape[0] : 0;
        if (rows == n && shape[1] > 0 && k % shape[1] == 0) return (1, k / (int)shape[1]);
        long blockRows = (n + block.Rows - 1) / block.Rows;
        long blockColumns = (k + block.Columns - 1) / block.Columns;
        if (!shape.AsSpan().SequenceEqual([blockRows, blockColumns]))
            StoredTensors.CheckShape(scales, blockRows, blockColumns);
        return block;
    }

    private static int[]? Zeros(StoredTensors tensors, string module, int count)
    {
        string name = module + ".weight_zero_point";
        if (!tensors.Has(name)) return null;
        // Of floats there are none; old files store them all the same.
        SafetensorsTensor tensor = tensors.Need(name, DType.I8, DType.F8E4M3);
        if (tensor.Type == DType.F8E4M3 && !StoredTensors.Bytes(tensor).ContainsAnyExcept((byte)0)) return null;
        if (tensor.Type == DType.F8E4M3) throw StoredTensors.Bad(tensor, "zeros", "other numbers");
        ReadOnlySpan<sbyte> values = StoredTensors.Values<sbyte>(tensor);
        if (values.Length != count) throw StoredTensors.Bad(tensor, $"{count} zeros", $"{values.Length}");
        int[] zeros = new int[count];
        for (int i = 0; i < count; i++) zeros[i] = values[i];
        return zeros;
    }

    public override void Dequantize(int row, Span<float> destination)
    {
        ReadOnlySpan<byte> codes = StoredTensors.Bytes(_codes).Slice(row * K, K);
        bool isInt = _codes.Type == DType.I8;
        int first = row / _blockRows * _scaleColumns;
        for (int i = 0; i < K; i++)
        {
            int at = first + (i / _blockColumns);
            float value = isInt ? (sbyte)codes[i] - (_zeros?[at] ?? 0) : SmallFloats.E4M3[codes[i]];
            destination[i] = value * _scales[at];
        }
    }

    public override void ReadCodes(int row, in CodeRow target)
    {
        ReadOnlySpan<byte> codes = StoredTensors.Bytes(_codes).Slice(row * K, K);
        if (_codes.Type == DType.I8)
        {
            for (int i = 0; i < K; i++) target.Codes[i] = (byte)(codes[i] ^ 128);
        }
        else
        {
            codes.CopyTo(target.Codes);
            if (codes.ContainsAny((byte)0x7F, (byte)0xFF))
                throw StoredTensors.Bad(_codes, "numbers", $"a NaN in row {row}");
        }

        int first = row / _blockRows * _scaleColumns;
        for (int g = 0; g < _scaleColumns; g++)
        {
            target.Scales[g] = _scales[first + g];
            if (_zeros is not null) target.Zeros[g] = (byte)(_zeros[first + g] + 128);
        }
    }
}
