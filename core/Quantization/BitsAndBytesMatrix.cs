using System.Numerics;
using System.Text.Json;
using Engine.Loading;
using Engine.Memory;

namespace Engine.Quantization;

/// <summary>
/// bitsandbytes 4 bits (nf4, fp4): codes of the flattened matrix, high nibble first, one absmax per block,
/// which may itself be quantized to 8 bits.
/// </summary>
internal sealed class BitsAndBytesMatrix : WeightMatrix
{
    private readonly SafetensorsTensor _codes;
    private readonly float[] _map;
    private readonly float[] _absmax;
    private readonly int _blockSize;

    private BitsAndBytesMatrix(
        SafetensorsTensor codes, int n, int k, float[] map, float[] absmax, int blockSize)
        : base(n, k)
    {
        _codes = codes;
        _map = map;
        _absmax = absmax;
        _blockSize = blockSize;
        CodeValues? values = Is(map, SmallFloats.Nf4) ? CodeValues.Nf4
            : Is(map, SmallFloats.Fp4) ? CodeValues.Fp4 : null;
        // Blocks run over the flattened matrix; a group of inputs must lie in one of them in every row.
        int group = (int)BigInteger.GreatestCommonDivisor(blockSize, k);
        if (values is CodeValues known && k % 2 == 0 && group % 32 == 0)
            Codes = new WeightCodes(4, group, CodeScales.Plain, CodeScaleType.F32, known);
    }

    public override WeightCodes? Codes { get; }

    private static bool Is(float[] map, float[] table) => map.AsSpan().SequenceEqual(table);

    /// <summary>Name of the tensor with the quantization's facts, or null if the layer has none.</summary>
    public static string? StateName(StoredTensors tensors, string module)
    {
        foreach (string type in new[] { "nf4", "fp4" })
        {
            string name = $"{module}.weight.quant_state.bitsandbytes__{type}";
            if (tensors.Has(name)) return name;
        }

        return null;
    }

    /// <summary>The shape that the facts of a layer give.</summary>
    public static (int N, int K) ShapeOf(SafetensorsTensor state)
    {
        using JsonDocument json = JsonDocument.Parse(StoredTensors.Bytes(state).ToArray());
        JsonElement shape = json.RootElement.GetProperty("shape");
        return (shape[0].GetInt32(), shape[1].GetInt32());
    }

    public static BitsAndBytesMatrix Open(StoredTensors tensors, string module, int n, int k)
    {
        SafetensorsTensor state = tensors.Need(StateName(tensors, module)!, DType.U8);
        // bnb_4bit_quant_storage: the bytes are the same whatever type they are said to have.
        SafetensorsTensor codes = tensors.Need(
            module + ".weight", DType.U8, DType.I8, DType.BF16, DType.F16, DType.F32);
        SafetensorsTensor map = tensors.Need(module + ".weight.quant_map", DType.F32);
        StoredTensors.CheckShape(map, 16);
        try
        {
            using JsonDocument json = JsonDocument.Parse(StoredTensors.Bytes(state).ToArray());
            JsonElement root = json.RootElement;
            int blockSize = root.GetProperty("blocksize").GetInt32();
            long[] shape = [.. root.GetProperty("shape").EnumerateArray().Select(e => e.GetInt64())];
            if (!shape.AsSpan().SequenceEqual([n, (long)k]))
                throw StoredTensors.Bad(state, $"shape [{n}, {k}]", SafetensorsTensor.Format(shape));
            if (blockSize < 1 || codes.Bytes != (long)n * k / 2)
                throw StoredTensors.Bad(codes, $"{(long)n * k / 2} bytes in blocks", codes.ShapeText);
            float[] absmax = Absmax(tensors, module, root);
            if (absmax.Length != ((long)n * k + blockSize - 1) / blockSize)
                throw StoredTensors.Bad(codes, "one absmax per block", $"{absmax.Length}");
            return new BitsAndBytesMatrix(codes, n, k, StoredTensors.Scales(map), absmax, blockSize);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException
            or FormatException)
        {
            throw StoredTensors.Bad(state, "JSON with blocksize and shape", e.Message);
        }
    }

    private static float[] Absmax(StoredTensors tensors, string module, JsonElement state)
    {
        string name = module + ".weight.absmax";
        if (tensors.Has(name, DType.F32)) return StoredTensors.Scales(tensors.Need(name, DType.F32));
        SafetensorsTensor codes = tensors.Need(name, DType.U8);
        SafetensorsTensor map = tensors.Need(module + ".weight.nested_quant_map", DType.F32);
        StoredTensors.CheckShape(map, 256);
        float[] values = StoredTensors.Scales(map);
        float[] scales = StoredTensors.Scales(tensors.Need(module + ".weight.nested_absmax", DType.F32));
        int blockSize = state.GetProperty("nested_blocksize").GetInt32();
        float offset = state.GetProperty("nested_offset").GetSingle();
        ReadOnlySpan<byte> bytes = StoredTensors.Bytes(codes);
        if (blockSize < 1 || scales.Length != (bytes.Length + blockSize - 1) / blockSize)
            throw StoredTensors.Bad(codes, "one nested absmax per block", $"{scales.Length}");
        float[] absmax = new float[bytes.Length];
        for (int i = 0; i < absmax.Length; i++)
            absmax[i] = (values[bytes[i]] * scales[i / blockSize]) + offset;
        return absmax;
    }

    public override void Dequantize(int row, Span<float> destination)
    {
        ReadOnlySpan<byte> codes = StoredTensors.Bytes(_codes);
        long start = (long)row * K;
        for (int i = 0; i < K; i++)
        {
            long at = start + i;
            int pair = codes[(int)(at >> 1)];
            int code = (at & 1) == 0 ? pair >> 4 : pair & 15;
            destination[i] = _map[code] * _absmax[at / _blockSize];
        }
    }

    public override void ReadCodes(int row, in CodeRow target)
    {
        long start = (long)row * K;
        ReadOnlySpan<byte> pairs = StoredTensors.Bytes(_codes).Slice((int)(start / 2), K / 2);
        for (int i = 0; i < pairs.Length; i++)
        {
            target.Codes[2 * i] = (byte)(pairs[i] >> 4);
            target.Codes[(2 * i) + 1] = (byte)(pairs[i] & 15);
        }

        int group = Codes!.GroupSize;
        for (int g = 0; g < K / group; g++) target.Scales[g] = _absmax[(start + ((long)g * group)) / _blockSize];
    }
}
