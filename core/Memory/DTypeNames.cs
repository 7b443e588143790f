namespace Engine.Memory;

/// <summary>Element types as options spell them.</summary>
internal static class DTypeNames
{
    /// <summary>"auto" is null.</summary>
    public static DType? Parse(string parameter, string name) => name switch
    {
        "auto" => null,
        "float32" or "float" => DType.F32,
        "bfloat16" => DType.BF16,
        "float16" or "half" => DType.F16,
        _ => throw EngineException.Invalid(
            parameter, $"expected auto, float32, bfloat16 or float16, found \"{name}\""),
    };
}
