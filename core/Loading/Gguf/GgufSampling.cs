using Engine.Hosting;

namespace Engine.Loading.Gguf;

/// <summary>Sampling parameters that the metadata recommend (general.sampling.*).</summary>
internal static class GgufSampling
{
    private const string Prefix = "general.sampling.";

    public static GenerationDefaults Read(GgufFile file) => new()
    {
        Temperature = (float?)file.RealOrNull(Prefix + "temp"),
        TopP = (float?)file.RealOrNull(Prefix + "top_p"),
        TopK = file.Has(Prefix + "top_k") ? TopK(file) : null,
        MinP = (float?)file.RealOrNull(Prefix + "min_p"),
        RepetitionPenalty = (float?)file.RealOrNull(Prefix + "penalty_repeat"),
    };

    private static int TopK(GgufFile file)
    {
        long value = file.Number(Prefix + "top_k", 0);
        return value is >= int.MinValue and <= int.MaxValue
            ? (int)value
            : throw file.Wrong(Prefix + "top_k", "a 32-bit integer", value);
    }
}
