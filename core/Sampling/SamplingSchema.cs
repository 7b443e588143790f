using System.Collections.Frozen;

namespace Engine.Sampling;

/// <summary>
/// Every sampling parameter by name: the one table that the HTTP body and the C ABI's params share. Types
/// are strict: text is never a number, 1 is never true; null is the default.
/// </summary>
public static class SamplingSchema
{
    private static readonly SamplingParams Defaults = new();

    /// <summary>The fields, in the order of documents.</summary>
    public static IReadOnlyList<SamplingField> Fields { get; } =
    [
        Int("n", p => p.N, (p, v) => p with { N = v }),
        Float("temperature", p => p.Temperature, (p, v) => p with { Temperature = v }),
        Float("top_p", p => p.TopP, (p, v) => p with { TopP = v }),
        Int("top_k", p => p.TopK, (p, v) => p with { TopK = v }),
        Float("min_p", p => p.MinP, (p, v) => p with { MinP = v }),
        Float("typical_p", p => p.TypicalP, (p, v) => p with { TypicalP = v }),
        Float("top_n_sigma", p => p.TopNSigma, (p, v) => p with { TopNSigma = v }),
        Float("presence_penalty", p => p.PresencePenalty, (p, v) => p with { PresencePenalty = v }),
        Float("frequency_penalty", p => p.FrequencyPenalty, (p, v) => p with { FrequencyPenalty = v }),
        Float("repetition_penalty", p => p.RepetitionPenalty, (p, v) => p with { RepetitionPenalty = v }),
        new("logit_bias", "object of token ids and numbers", p => p.LogitBias,
            (p, v) => p with { LogitBias = ParamReader.Bias("logit_bias", v) }),
        Ids("allowed_token_ids", p => p.AllowedTokenIds, (p, v) => p with { AllowedTokenIds = v }),
        Strings("bad_words", p => p.BadWords, (p, v) => p with { BadWords = v }),
        Int("no_repeat_ngram_size", p => p.NoRepeatNgramSize, (p, v) => p with { NoRepeatNgramSize = v }),
        Float("dry_multiplier", p => p.DryMultiplier, (p, v) => p with { DryMultiplier = v }),
        Float("dry_base", p => p.DryBase, (p, v) => p with { DryBase = v }),
        Int("dry_allowed_length", p => p.DryAllowedLength, (p, v) => p with { DryAllowedLength = v }),
        Int("dry_penalty_last_n", p => p.DryPenaltyLastN, (p, v) => p with { DryPenaltyLastN = v }),
        Strings("dry_sequence_breakers", p => p.DrySequenceBreakers,
            (p, v) => p with { DrySequenceBreakers = v }),
        Float("xtc_probability", p => p.XtcProbability, (p, v) => p with { XtcProbability = v }),
        Float("xtc_threshold", p => p.XtcThreshold, (p, v) => p with { XtcThreshold = v }),
        Float("dynatemp_range", p => p.DynatempRange, (p, v) => p with { DynatempRange = v }),
        Float("dynatemp_exponent", p => p.DynatempExponent, (p, v) => p with { DynatempExponent = v }),
        Int("mirostat_mode", p => p.MirostatMode, (p, v) => p with { MirostatMode = v }),
        Float("mirostat_tau", p => p.MirostatTau, (p, v) => p with { MirostatTau = v }),
        Float("mirostat_eta", p => p.MirostatEta, (p, v) => p with { MirostatEta = v }),
        new("structured_outputs", "object with one of json, regex, choice, grammar, structural_tag, json_object",
            p => p.StructuredOutputs,
            (p, v) => p with { StructuredOutputs = StructuredOutputsReader.Read("structured_outputs", v) }),
        new("stop", "string or list of strings", p => p.Stop,
            (p, v) => p with { Stop = ParamReader.Strings("stop", v, orOne: true) }),
        Ids("stop_token_ids", p => p.StopTokenIds, (p, v) => p with { StopTokenIds = v }),
        Bool("include_stop_str_in_output", p => p.IncludeStopStrInOutput,
            (p, v) => p with { IncludeStopStrInOutput = v }),
        Bool("ignore_eos", p => p.IgnoreEos, (p, v) => p with { IgnoreEos = v }),
        IntOrNull("max_tokens", p => p.MaxTokens, (p, v) => p with { MaxTokens = v }),
        Int("min_tokens", p => p.MinTokens, (p, v) => p with { MinTokens = v }),
        new("seed", "integer", p => p.Seed, (p, v) => p with { Seed = ParamReader.Seed("seed", v) }),
        IntOrNull("logprobs", p => p.Logprobs, (p, v) => p with { Logprobs = v }),
        Ids("logprob_token_ids", p => p.LogprobTokenIds, (p, v) => p with { LogprobTokenIds = v }),
        IntOrNull("prompt_logprobs", p => p.PromptLogprobs, (p, v) => p with { PromptLogprobs = v }),
        new("repetition_detection", "object with max_pattern_size, min_pattern_size and min_count",
            p => p.RepetitionDetection,
            (p, v) => p with { RepetitionDetection = RepetitionDetection.Read(v) }),
        IntOrNull("thinking_token_budget", p => p.ThinkingTokenBudget,
            (p, v) => p with { ThinkingTokenBudget = v }),
        new("reasoning_parser", "string", p => p.ReasoningParser,
            (p, v) => p with { ReasoningParser = ParamReader.TextOrNull("reasoning_parser", v) }),
        Bool("starts_in_thought", p => p.StartsInThought, (p, v) => p with { StartsInThought = v }),
        Bool("detokenize", p => p.Detokenize, (p, v) => p with { Detokenize = v }),
        Bool("skip_special_tokens", p => p.SkipSpecialTokens, (p, v) => p with { SkipSpecialTokens = v }),
        Bool("spaces_between_special_tokens", p => p.SpacesBetweenSpecialTokens,
            (p, v) => p with { SpacesBetweenSpecialTokens = v }),
        Bool("speculative", p => p.Speculative, (p, v) => p with { Speculative = v }),
        new("output_kind", "integer or one of CUMULATIVE, DELTA, FINAL_ONLY", p => (int)p.OutputKind,
            (p, v) => p with { OutputKind = ParamReader.OutputKind("output_kind", v) }),
    ];

    private static FrozenDictionary<string, SamplingField> ByName { get; } =
        Fields.ToFrozenDictionary(field => field.Name);

    /// <summary>The field of a name, or null.</summary>
    public static SamplingField? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>The parameters with one set; an unknown name is an error that says which is meant.</summary>
    public static SamplingParams Set(SamplingParams parameters, string name, ParamValue value) =>
        (Find(name) ?? throw Unknown(name)).Set(parameters, value);

    /// <summary>The error for a name that is no field.</summary>
    public static EngineException Unknown(string name)
    {
        string? nearest = NearestName.Find(name, Fields.Select(field => field.Name));
        return EngineException.Invalid(
            name, nearest is null ? "unknown parameter" : $"unknown parameter; did you mean {nearest}?");
    }

    private static SamplingField Int(
        string name, Func<SamplingParams, int> get, Func<SamplingParams, int, SamplingParams> set) =>
        new(name, "integer", p => get(p),
            (p, v) => set(p, ParamReader.IntOrNull(name, v) ?? get(Defaults)));

    private static SamplingField IntOrNull(
        string name, Func<SamplingParams, int?> get, Func<SamplingParams, int?, SamplingParams> set) =>
        new(name, "integer", p => get(p), (p, v) => set(p, ParamReader.IntOrNull(name, v)));

    private static SamplingField Float(
        string name, Func<SamplingParams, float> get, Func<SamplingParams, float, SamplingParams> set) =>
        new(name, "number", p => get(p),
            (p, v) => set(p, ParamReader.FloatOrNull(name, v) ?? get(Defaults)));

    private static SamplingField Bool(
        string name, Func<SamplingParams, bool> get, Func<SamplingParams, bool, SamplingParams> set) =>
        new(name, "true or false", p => get(p),
            (p, v) => set(p, ParamReader.BoolOrNull(name, v) ?? get(Defaults)));

    private static SamplingField Ids(
        string name,
        Func<SamplingParams, IReadOnlyList<int>?> get,
        Func<SamplingParams, IReadOnlyList<int>?, SamplingParams> set) =>
        new(name, "list of token ids", get, (p, v) => set(p, ParamReader.Ids(name, v)));

    private static SamplingField Strings(
        string name,
        Func<SamplingParams, IReadOnlyList<string>?> get,
        Func<SamplingParams, IReadOnlyList<string>?, SamplingParams> set) =>
        new(name, "list of strings", get, (p, v) => set(p, ParamReader.Strings(name, v, orOne: false)));
}
