using Engine.Loading;
using Engine.Memory;

namespace Engine.Quantization;

/// <summary>How a checkpoint rounds the inputs of a quantized layer; values of engine_kernels.h.</summary>
public enum InputRounding
{
    /// <summary>Not at all: the device decides.</summary>
    Own = 0,

    /// <summary>To 8-bit integers: clamp(round(x / scale) + zero, -128, 127), less zero, times scale.</summary>
    Int8Tensor = 1,

    /// <summary>The same with the largest magnitude of a row at 127.</summary>
    Int8Token = 2,

    /// <summary>The same with the smallest and largest value of a row, 0 between them, at -128 and 127.</summary>
    Int8TokenZero = 3,

    /// <summary>To e4m3: e4m3(x / scale) * scale, saturating.</summary>
    E4M3Tensor = 4,

    /// <summary>The same with the largest magnitude of a row at 448.</summary>
    E4M3Token = 5,

    /// <summary>The same per 128 inputs of a row.</summary>
    E4M3Group = 6,

    /// <summary>To e2m1 with an e4m3 factor per 16 inputs, which is found relative to 1 / scale (NVFP4).</summary>
    NvFp4 = 7,
}

/// <summary>How inputs of a layer are rounded.</summary>
/// <param name="Rounding">The scheme.</param>
/// <param name="Scale">What Int8Tensor and E4M3Tensor divide by, what NvFp4 multiplies by; above 0.</param>
/// <param name="Zero">Of Int8Tensor: -128 to 127.</param>
public readonly record struct InputScheme(InputRounding Rounding, float Scale = 1, int Zero = 0);

/// <summary>What a checkpoint's configuration says of the inputs of layers with one kind of weights.</summary>
/// <param name="WeightType">"int" or "float"; empty for all.</param>
/// <param name="WeightBits">Bits of a weight; 0 for all.</param>
/// <param name="Targets">Layers or classes of layers.</param>
/// <param name="Rounding">Scheme; Own where inputs are not rounded.</param>
/// <param name="IsOrdered">Which group an input is of, the checkpoint stores (actorder).</param>
internal sealed record InputGroup(
    string WeightType, int WeightBits, InputTargets Targets, InputRounding Rounding, bool IsOrdered = false)
{
    /// <summary>The group of a layer; null if none is for it.</summary>
    public static InputGroup? Find(StoredTensors tensors, string module, IReadOnlyList<InputGroup> groups)
    {
        bool isFloat = tensors.Has(module + ".weight", DType.F8E4M3);
        bool isFp4 = tensors.Has(module + ".weight", DType.U8)
            || tensors.Has(module + ".weight_packed", DType.U8);
        bool isInt8 = tensors.Has(module + ".weight", DType.I8);
        InputGroup[] alike = [.. groups.Where(
            g => g.WeightBits == 0 || g.WeightType == (isFloat || isFp4 ? "float" : "int")
                && (isFp4 ? g.WeightBits == 4 : !(isFloat || isInt8) || g.WeightBits == 8))];
        return groups.FirstOrDefault(g => g.Targets.Holds(module))
            ?? groups.FirstOrDefault(g => g.Targets.Matches(module))
            ?? alike.FirstOrDefault(g => g.Targets.HoldsLinearLayers)
            ?? alike.FirstOrDefault()
            // 4-bit integers may lie in bytes.
            ?? (isInt8 ? groups.FirstOrDefault(g => g.WeightType == "int" && g.Targets.HoldsLinearLayers) : null);
    }

    /// <summary>The scheme of a layer, with the scales that lie beside its weight.</summary>
    public static InputScheme Of(StoredTensors tensors, string module, InputGroup? group) =>
        group is null ? default : With(tensors, module, group.Rounding);

    private static InputScheme With(StoredTensors tensors, string module, InputRounding rounding)
    {
        switch (rounding)
        {
            case InputRounding.Int8Tensor:
                string zero = module + ".input_zero_point";
                int point = tensors.Has(zero, DType.I8)
                    ? StoredTensors.Values<sbyte>(Single(tensors.Need(zero, DType.I8)))[0]
                    : 0;
                return new InputScheme(rounding, Scale(tensors, module + ".input_scale"), point);
            case InputRounding.E4M3Tensor:
                // Left out where inputs are scaled by nothing.
                string scale = module + ".input_scale";
                return tensors.Has(scale) ? new InputScheme(rounding, Scale(tensors, scale)) : default;
            case InputRounding.NvFp4:
                string divisor = module + ".input_global_scale", factor = module + ".input_scale";
                if (tensors.Has(divisor)) return new InputScheme(rounding, Scale(tensors, divisor));
                return tensors.Has(factor) ? new InputScheme(rounding, 1 / Scale(tensors, factor)) : default;
            default:
                return new InputScheme(rounding);
        }
    }

    private static float Scale(StoredTensors tensors, string name)
    {
        SafetensorsTensor tensor = tensors.Need(
            name, DType.F32, DType.BF16, DType.F16);
        float value = StoredTensors.Floats(Single(tensor))[0];
        return value > 0 && float.IsFinite(value)
            ? value
            : throw StoredTensors.Bad(tensor, "a finite number above 0", $"{value}");
    }

    private static SafetensorsTensor Single(SafetensorsTensor tensor) =>
        tensor.Bytes == tensor.Type.SizeOf()
            ? tensor
            : throw StoredTensors.Bad(tensor, "one number", $"shape {tensor.ShapeText}");
}
