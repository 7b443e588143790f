using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Engine.Devices;
using Engine.Loading;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Conversion;

/// <summary>Tensors of compressed-tensors from those of a checkpoint; a row of one is made at a time.</summary>
/// <param name="kind">What matrices become.</param>
/// <param name="plainType">What quantized tensors that stay floats become.</param>
internal sealed unsafe class ConvertedTensors(WeightQuantization kind, DType plainType)
{
    private const string Suffix = ".weight";

    private int Bits => kind == WeightQuantization.Int4 ? 4 : 8;

    /// <summary>A tensor as it is; one in blocks as floats.</summary>
    public TensorToWrite Keep(string name, SafetensorsTensor tensor)
    {
        if (tensor.Matrix is WeightMatrix matrix)
        {
            return new TensorToWrite(
                name, FloatTypeOf(tensor), tensor.Shape, matrix.N,
                (row, to) => WriteFloats(matrix, row, FloatTypeOf(tensor), to));
        }

        // Vectors in one piece, matrices by rows.
        int rows = tensor.Shape.Length > 1 ? checked((int)tensor.Shape[0]) : 1;
        long rowBytes = rows == 0 ? 0 : tensor.Bytes / rows;
        return new TensorToWrite(
            name, tensor.Type, tensor.Shape, rows,
            (row, to) => new ReadOnlySpan<byte>(
                (byte*)tensor.Address + (row * rowBytes), checked((int)rowBytes)).CopyTo(to));
    }

    /// <summary>A matrix rounded.</summary>
    /// <exception cref="EngineException">Unsupported: no whole groups.</exception>
    public IEnumerable<TensorToWrite> Round(string name, SafetensorsTensor tensor)
    {
        LinearPart part = tensor.Matrix is null
            ? ModelPart(tensor)
            : new LinearPart(
                (int)tensor.Shape[0], (int)tensor.Shape[1], DType.F32, 0, (int)tensor.Shape[1], Matrix: tensor.Matrix);
        string module = name.EndsWith(Suffix, StringComparison.Ordinal) ? name[..^Suffix.Length] : name;
        return kind == WeightQuantization.Fp8 ? RoundToFloat8(module, part) : RoundToInt(module, part, tensor.Blocks);
    }

    private static LinearPart ModelPart(SafetensorsTensor tensor) => new(
        (int)tensor.Shape[0], (int)tensor.Shape[1], tensor.Type, tensor.Address, (int)tensor.Shape[1]);

    private static IEnumerable<TensorToWrite> RoundToFloat8(string module, LinearPart part)
    {
        yield return new TensorToWrite(
            module + ".weight", DType.F8E4M3, [part.N, part.K], part.N,
            (row, to) => WriteFloat8(part, row, to, []));
        yield return new TensorToWrite(
            module + ".weight_scale", DType.F32, [part.N, 1], part.N,
            (row, to) => WriteFloat8(part, row, [], to));
    }

    private IEnumerable<TensorToWrite> RoundToInt(string module, LinearPart part, WeightBlocks blocks)
    {
        if (part.K % GroupRounding.Group != 0)
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"convert: '{module}' has {part.K} inputs, which are no whole groups of {GroupRounding.Group}",
                "quantization");
        }

        // Blocks of the same kind keep their codes, as they do when a model is rounded while it is loaded.
        bool keepsCodes = blocks == (Bits == 4 ? WeightBlocks.Q4_0 : WeightBlocks.Q8_0);
        yield return new TensorToWrite(
            module + ".weight_packed", DType.I32, [part.N, part.K * Bits / 32], part.N,
            (row, to) => WriteCodes(part, row, keepsCodes, to));
        yield return new TensorToWrite(
            module + ".weight_scale", DType.F16, [part.N, part.K / GroupRounding.Group], part.N,
            (row, to) => WriteScales(part, row, keepsCodes, to));
        yield return new TensorToWrite(
            module + ".weight_shape", DType.I64, [2], 1,
            (_, to) =>
            {
                BinaryPrimitives.WriteInt64LittleEndian(to, part.N);
                BinaryPrimitives.WriteInt64LittleEndian(to[8..], part.K);
            });
    }

    private static void WriteFloat8(LinearPart part, int row, Span<byte> codes, Span<byte> scale)
    {
        float[] values = ArrayPool<float>.Shared.Rent(part.K);
        Span<float> used = values.AsSpan(0, part.K);
        LinearRows.Read(part, row, used);
        if (codes.Length > 0) _ = Float8Rounding.Round(used, codes);
        if (scale.Length > 0) BinaryPrimitives.WriteSingleLittleEndian(scale, Float8Rounding.ScaleOf(used));
        ArrayPool<float>.Shared.Return(values);
    }

    private void WriteCodes(LinearPart part, int row, bool keepsCodes, Span<byte> to)
    {
        byte[] codes = ArrayPool<byte>.Shared.Rent(part.K);
        Half[] scales = ArrayPool<Half>.Shared.Rent(part.K / GroupRounding.Group);
        ReadGroups(part, row, keepsCodes, codes, scales);
        if (Bits == 8)
        {
            codes.AsSpan(0, part.K).CopyTo(to);
        }
        else
        {
            for (int i = 0; i < to.Length; i++) to[i] = (byte)(codes[2 * i] | (codes[(2 * i) + 1] << 4));
        }

        ArrayPool<byte>.Shared.Return(codes);
        ArrayPool<Half>.Shared.Return(scales);
    }

    private void WriteScales(LinearPart part, int row, bool keepsCodes, Span<byte> to)
    {
        byte[] codes = ArrayPool<byte>.Shared.Rent(part.K);
        ReadGroups(part, row, keepsCodes, codes, MemoryMarshal.Cast<byte, Half>(to));
        ArrayPool<byte>.Shared.Return(codes);
    }

    private void ReadGroups(LinearPart part, int row, bool keepsCodes, Span<byte> codes, Span<Half> scales)
    {
        int groups = part.K / GroupRounding.Group;
        float[] values = ArrayPool<float>.Shared.Rent(part.K);
        if (keepsCodes)
        {
            part.Matrix!.ReadCodes(
                row, new CodeRow { Codes = codes[..part.K], Scales = values.AsSpan(0, groups) });
            for (int g = 0; g < groups; g++) scales[g] = (Half)values[g];
        }
        else
        {
            LinearRows.Read(part, row, values.AsSpan(0, part.K));
            for (int g = 0; g < groups; g++)
            {
                int at = g * GroupRounding.Group;
                scales[g] = GroupRounding.Round(
                    values.AsSpan(at, GroupRounding.Group), Bits, codes.Slice(at, GroupRounding.Group));
            }
        }

        ArrayPool<float>.Shared.Return(values);
    }

    // Rows that a GGUF file has in pairs are a matrix of their type all the same.
    private DType FloatTypeOf(SafetensorsTensor tensor) =>
        tensor.Blocks == WeightBlocks.None && tensor.Address != 0 ? tensor.Type : plainType;

    private static void WriteFloats(WeightMatrix matrix, int row, DType type, Span<byte> to)
    {
        float[] values = ArrayPool<float>.Shared.Rent(matrix.K);
        matrix.Dequantize(row, values.AsSpan(0, matrix.K));
        fixed (byte* first = to)
        {
            for (int i = 0; i < matrix.K; i++) FloatBits.Write((nint)first, i, type, values[i]);
        }

        ArrayPool<float>.Shared.Return(values);
    }
}
