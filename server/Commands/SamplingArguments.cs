using System.CommandLine;
using Engine.Sampling;

namespace Engine.Server.Commands;

/// <summary>How to choose tokens and when to stop, for commands that generate.</summary>
internal sealed class SamplingArguments
{
    public Option<int?> MaxTokens { get; } = new("--max-tokens", "-n") { Description = "New tokens at most." };

    public Option<float?> Temperature { get; } = new("--temperature", "--temp")
    {
        Description = "0 is greedy. Default: the model's, else 1.",
    };

    public Option<float?> TopP { get; } = new("--top-p") { Description = "Nucleus mass kept; 1 is off." };

    public Option<int?> TopK { get; } = new("--top-k") { Description = "Candidates kept; 0 is off." };

    public Option<float?> MinP { get; } = new("--min-p") { Description = "Smallest share of the best kept." };

    public Option<float?> RepetitionPenalty { get; } = new("--repetition-penalty") { Description = "1 is off." };

    public Option<float?> PresencePenalty { get; } = new("--presence-penalty") { Description = "0 is off." };

    public Option<float?> FrequencyPenalty { get; } = new("--frequency-penalty") { Description = "0 is off." };

    public Option<string[]> Stop { get; } = new("--stop") { Description = "Text that ends the output; repeatable." };

    public Option<bool> IgnoreEos { get; } = new("--ignore-eos") { Description = "Goes on after the end token." };

    public void AddTo(Command command)
    {
        command.Options.Add(MaxTokens);
        command.Options.Add(Temperature);
        command.Options.Add(TopP);
        command.Options.Add(TopK);
        command.Options.Add(MinP);
        command.Options.Add(RepetitionPenalty);
        command.Options.Add(PresencePenalty);
        command.Options.Add(FrequencyPenalty);
        command.Options.Add(Stop);
        command.Options.Add(IgnoreEos);
    }

    /// <summary>Throws InvalidArgument naming what is out of range: before a model is loaded for it.</summary>
    public void Check(ParseResult result) =>
        ToParams(result, new SamplingParams(), null).Validate(vocabSize: int.MaxValue);

    /// <summary>What is not said is the model's default.</summary>
    public SamplingParams ToParams(ParseResult result, SamplingParams defaults, long? seed) => defaults with
    {
        MaxTokens = result.GetValue(MaxTokens) ?? defaults.MaxTokens,
        Temperature = result.GetValue(Temperature) ?? defaults.Temperature,
        TopP = result.GetValue(TopP) ?? defaults.TopP,
        TopK = result.GetValue(TopK) ?? defaults.TopK,
        MinP = result.GetValue(MinP) ?? defaults.MinP,
        RepetitionPenalty = result.GetValue(RepetitionPenalty) ?? defaults.RepetitionPenalty,
        PresencePenalty = result.GetValue(PresencePenalty) ?? defaults.PresencePenalty,
        FrequencyPenalty = result.GetValue(FrequencyPenalty) ?? defaults.FrequencyPenalty,
        Stop = result.GetValue(Stop) is { Length: > 0 } stop ? stop : defaults.Stop,
        IgnoreEos = result.GetValue(IgnoreEos) || defaults.IgnoreEos,
        Seed = seed ?? defaults.Seed,
    };
}
