using Engine.Memory;

namespace Engine.Quantization;

/// <summary>Finds the format of a layer by the tensors it has.</summary>
internal static class WeightFormats
{
    /// <summary>True if the layer's weight is stored in a quantized form.</summary>
    public static bool IsQuantized(StoredTensors tensors, string module) =>
        tensors.Has(module + ".qweight") || tensors.Has(module + ".weight_packed")
        || tensors.Has(module + ".weight", DType.I8, DType.U8, DType.F8E4M3)
        // 4 bits of bitsandbytes may lie in words of any type.
        || BitsAndBytesMatrix.StateName(tensors, module) is not null;

    /// <summary>The layer's weight as a matrix [n, k].</summary>
    /// <exception cref="EngineException">CorruptData names the tensor, Unsupported the layer.</exception>
    public static WeightMatrix Open(
        StoredTensors tensors, string module, int n, int k, QuantizationSettings settings)
    {
        InputGroup? group = InputGroup.Find(tensors, module, settings.Inputs);
        WeightMatrix matrix = OpenWeight(tensors, module, n, k, settings, group);
        matrix.Inputs = InputGroup.Of(tensors, module, group);
        return matrix;
    }

    private static WeightMatrix OpenWeight(
        StoredTensors tensors, string module, int n, int k, QuantizationSettings settings, InputGroup? group)
    {
        tensors.Skip(
            module + ".input_scale", module + ".input_zero_point", module + ".input_global_scale",
            module + ".k_scale", module + ".v_scale");
        if (tensors.Has(module + ".qweight"))
        {
            return settings.Method == "awq"
                ? AwqMatrix.Open(tensors, module, n, k)
                : GptqMatrix.Open(tensors, module, n, k, settings);
        }

        if (BitsAndBytesMatrix.StateName(tensors, module) is not null)
            return BitsAndBytesMatrix.Open(tensors, module, n, k);
        if (tensors.Has(module + ".weight_packed", DType.I32))
            return PackedIntMatrix.Open(tensors, module, n, k, settings, group?.IsOrdered == true);
        bool isSplit = settings.Method == "bitsandbytes";
        if (isSplit && tensors.Has(module + ".weight", DType.U8))
            tensors.Need($"{module}.weight.quant_state.bitsandbytes__nf4", DType.U8);
        if (tensors.Has(module + ".weight_packed") || tensors.Has(module + ".weight", DType.U8))
            return Fp4Matrix.Open(tensors, module, n, k);
        return ScaledMatrix.Open(tensors, module, n, k, settings.Block, isSplit);
    }
}
