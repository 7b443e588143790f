using System.Collections.Frozen;

namespace Engine.Sampling;

/// <summary>One parameter by its name in JSON and in the C ABI.</summary>
/// <param name="Name">vLLM's snake_case name.</param>
/// <param name="Type">What it takes, for messages and documents: "integer", "number", ...</param>
/// <param name="Set">Returns the parameters with it set; throws InvalidArgument for a wrong type.</param>
public sealed record SamplingField(
    string Name, string Type, Func<SamplingParams, ParamValue, SamplingParams> Set);

/// <summary>
/// Every sampling parameter by name: the one table that the HTTP body and the C ABI's params share. Types
/// are strict: text is never a number, 1 is never true; null is the default.
/// </summary>
public static class SamplingSchema
{
    /// <summary>The fields, in the order of documents.</summary>
    public static IReadOnlyList<SamplingField> Fields { get; } =
    [
        Int("n", (p, v) => p with { N = v }, 1),
        Float("temperature", (p, v) => p with { Temperature = v }, 1),
        Float("top_p", (p, v) => p with { TopP = v }, 1),
        Int("top_k", (p, v) => p with { TopK = v }, 0),
        Float("min_p", (p, v) => p with { MinP = v }, 0),
        Float("typical_p", (p, v) => p with { TypicalP = v }, 1),
        Float("top_n_sigma", (p, v) => p with { TopNSigma = v }, 0),
        Float("presence_penalty", (p, v) => p with { PresencePenalty = v }, 0),
        Float("frequency_penalty", (p, v) => p with { FrequencyPenalty = v }, 0),
        Float("repetition_penalty", (p, v) => p with { RepetitionPenalty = v }, 1),
        Field("logit_bias", "object of token ids and numbers",
            (p, v) => p with { LogitBias = ParamReader.Bias("logit_bias", v) }),
        Field("allowed_token_ids", "list of token ids",
            (p, v) => p with { AllowedTokenIds = ParamReader.Ids("allowed_token_ids", v) }),
        Field("bad_words", "list of strings",
            (p, v) => p with { BadWords = ParamReader.Strings("bad_words", v, orOne: false) }),
        Int("no_repeat_ngram_size", (p, v) => p with { NoRepeatNgramSize = v }, 0),
        Float("dry_multiplier", (p, v) => p with { DryMultiplier = v }, 0),
        Float("dry_base", (p, v) => p with { DryBase = v }, 1.75f),
        Int("dry_allowed_length", (p, v) => p with { DryAllowedLength = v }, 2),
        Int("dry_penalty_last_n", (p, v) => p with { DryPenaltyLastN = v }, -1),
        Field("dry_sequence_breakers", "list of strings", (p, v) => p with
        {
            DrySequenceBreakers = ParamReader.Strings("dry_sequence_breakers", v, orOne: false),
        }),
        Float("xtc_probability", (p, v) => p with { XtcProbability = v }, 0),
        Float("xtc_threshold", (p, v) => p with { XtcThreshold = v }, 0.1f),
        Float("dynatemp_range", (p, v) => p with { DynatempRange = v }, 0),
        Float("dynatemp_exponent", (p, v) => p with { DynatempExponent = v }, 1),
        Int("mirostat_mode", (p, v) => p with { MirostatMode = v }, 0),
        Float("mirostat_tau", (p, v) => p with { MirostatTau = v }, 5),
        Float("mirostat_eta", (p, v) => p with { MirostatEta = v }, 0.1f),
        Field("stop", "string or list of strings",
            (p, v) => p with { Stop = ParamReader.Strings("stop", v, orOne: true) }),
        Field("stop_token_ids", "list of token ids",
            (p, v) => p with { StopTokenIds = ParamReader.Ids("stop_token_ids", v) }),
        Bool("include_stop_str_in_output", (p, v) => p with { IncludeStopStrInOutput = v }, false),
        Bool("ignore_eos", (p, v) => p with { IgnoreEos = v }, false),
        Field("max_tokens", "integer", (p, v) => p with { MaxTokens = ParamReader.IntOrNull("max_tokens", v) }),
        Int("min_tokens", (p, v) => p with { MinTokens = v }, 0),
        Field("seed", "integer", (p, v) => p with { Seed = ParamReader.Seed("seed", v) }),
        Field("logprobs", "integer", (p, v) => p with { Logprobs = ParamReader.IntOrNull("logprobs", v) }),
        Field("prompt_logprobs", "integer",
            (p, v) => p with { PromptLogprobs = ParamReader.IntOrNull("prompt_logprobs", v) }),
        Bool("detokenize", (p, v) => p with { Detokenize = v }, true),
        Bool("skip_special_tokens", (p, v) => p with { SkipSpecialTokens = v }, true),
        Bool("spaces_between_special_tokens", (p, v) => p with { SpacesBetweenSpecialTokens = v }, true),
        Field("output_kind", "integer or one of CUMULATIVE, DELTA, FINAL_ONLY",
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

    private static SamplingField Field(
        string name, string type, Func<SamplingParams, ParamValue, SamplingParams> set) => new(name, type, set);

    private static SamplingField Int(
        string name, Func<SamplingParams, int, SamplingParams> set, int absent) =>
        new(name, "integer", (p, v) => set(p, ParamReader.IntOrNull(name, v) ?? absent));

    private static SamplingField Float(
        string name, Func<SamplingParams, float, SamplingParams> set, float absent) =>
        new(name, "number", (p, v) => set(p, ParamReader.FloatOrNull(name, v) ?? absent));

    private static SamplingField Bool(
        string name, Func<SamplingParams, bool, SamplingParams> set, bool absent) =>
        new(name, "true or false", (p, v) => set(p, ParamReader.BoolOrNull(name, v) ?? absent));
}
