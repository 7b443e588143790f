using Engine.Models;

namespace Engine.Hosting;

/// <summary>Sampling parameters that generation_config.json recommends; null where it says nothing.</summary>
public sealed record GenerationDefaults
{
    /// <summary>Divides the logits.</summary>
    public float? Temperature { get; init; }

    /// <summary>Nucleus mass kept.</summary>
    public float? TopP { get; init; }

    /// <summary>Candidates kept.</summary>
    public int? TopK { get; init; }

    /// <summary>Keeps tokens of at least this share of the largest probability.</summary>
    public float? MinP { get; init; }

    /// <summary>Divides positive and multiplies negative logits of tokens seen.</summary>
    public float? RepetitionPenalty { get; init; }

    /// <summary>New tokens at most.</summary>
    public int? MaxTokens { get; init; }

    internal static GenerationDefaults Parse(byte[]? generationConfig)
    {
        if (generationConfig is null) return new GenerationDefaults();
        ConfigJson json = ConfigJson.Parse("generation_config.json", generationConfig);
        return new GenerationDefaults
        {
            Temperature = (float?)json.OptionalDouble("temperature"),
            TopP = (float?)json.OptionalDouble("top_p"),
            TopK = json.OptionalInt("top_k"),
            MinP = (float?)json.OptionalDouble("min_p"),
            RepetitionPenalty = (float?)json.OptionalDouble("repetition_penalty"),
            MaxTokens = json.OptionalInt("max_new_tokens"),
        };
    }
}
