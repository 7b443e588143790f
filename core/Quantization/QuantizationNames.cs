using Engine.Devices;
using Engine.Hosting;
using Engine.Loading;

namespace Engine.Quantization;

/// <summary>
/// vLLM's names of quantizations. Most say what the checkpoint is anyway; here they are taken where that is so, and
/// none, int8, int4 and fp8 say what to round weights to as they are loaded.
/// </summary>
internal static class QuantizationNames
{
    private const string Gguf = "gguf";
    private const string Float8 = "fp8";

    // What a name may find in the checkpoint.
    private static readonly Dictionary<string, string[]> Methods = new(StringComparer.Ordinal)
    {
        ["gptq"] = ["gptq"],
        ["gptq_marlin"] = ["gptq"],
        ["gptq_bitblas"] = ["gptq"],
        ["awq"] = ["awq"],
        ["awq_marlin"] = ["awq"],
        ["moe_wna16"] = ["gptq", "awq"],
        ["auto-round"] = ["auto-round", "gptq", "awq"],
        ["auto_round"] = ["auto-round", "gptq", "awq"],
        ["inc"] = ["auto-round", "gptq", "awq"],
        ["bitsandbytes"] = ["bitsandbytes"],
        ["compressed-tensors"] = ["compressed-tensors"],
        ["fbgemm_fp8"] = ["fbgemm_fp8"],
        ["modelopt"] = ["modelopt"],
        ["modelopt_fp4"] = ["modelopt"],
        ["modelopt_mxfp8"] = ["modelopt"],
        ["modelopt_mixed"] = ["modelopt"],
        [Gguf] = [Gguf],
    };

    /// <summary>What weights are to be rounded to as they are loaded.</summary>
    /// <exception cref="EngineException">InvalidArgument: the checkpoint is something else, or nothing has the name.</exception>
    public static WeightQuantization Rounding(string asked, ModelFolder folder)
    {
        switch (asked)
        {
            case "none": return WeightQuantization.None;
            case "int8": return WeightQuantization.Int8;
            case "int4": return WeightQuantization.Int4;
        }

        string? stored = folder.Gguf is not null ? Gguf : QuantizationSettings.Read(folder)?.Method;
        if (asked == Float8)
        {
            return stored is Float8 or "fbgemm_fp8" ? WeightQuantization.None : WeightQuantization.Fp8;
        }

        if (!Methods.TryGetValue(asked, out string[]? methods))
        {
            throw EngineException.Invalid(
                "quantization",
                $"expected none, int8, int4 or fp8, or what the checkpoint is ({string.Join(", ", Methods.Keys)}), "
                + $"found \"{asked}\"");
        }

        return stored is not null && methods.Contains(stored) ? WeightQuantization.None : throw EngineException.Invalid(
            "quantization",
            stored is null
                ? $"{asked} is asked for, but the checkpoint is not quantized; none, int8, int4 and fp8 are for such ones"
                : $"{asked} is asked for, but the checkpoint is {stored}");
    }
}
