using Engine.Grammar;

namespace Engine.Sampling;

/// <summary>Which parts of an output a caller wants to see; numbers as in vLLM.</summary>
public enum OutputKind
{
    /// <summary>Every event carries the whole output so far.</summary>
    Cumulative = 0,

    /// <summary>Every event carries what is new.</summary>
    Delta = 1,

    /// <summary>One event at the end.</summary>
    FinalOnly = 2,
}

/// <summary>
/// How to choose tokens and when to stop; names, defaults and order as in vLLM, llama.cpp's names for what
/// vLLM does not have. Immutable; <see cref="Validate"/> before use.
/// </summary>
/// <remarks>
/// Order: allowed ids, bad words, n-grams, min_tokens, bias, penalties, DRY, (greedy ends here), temperature,
/// top_n_sigma, min_p, top_k, top_p, typical_p, XTC. Mirostat replaces what comes after temperature.
/// </remarks>
public sealed record SamplingParams
{
    /// <summary>Number of outputs per prompt.</summary>
    public int N { get; init; } = 1;

    /// <summary>Divides the logits; 0 is greedy, 0 to 0.01 counts as 0.01, at most 2.</summary>
    public float Temperature { get; init; } = 1f;

    /// <summary>Nucleus mass kept; 1 is off.</summary>
    public float TopP { get; init; } = 1f;

    /// <summary>Candidates kept (ties with the last one stay); 0 and -1 are off.</summary>
    public int TopK { get; init; }

    /// <summary>Keeps tokens of at least this share of the largest probability; 0 is off.</summary>
    public float MinP { get; init; }

    /// <summary>Locally typical mass kept; 1 is off. Meister et al. 2022.</summary>
    public float TypicalP { get; init; } = 1f;

    /// <summary>Keeps logits within this many standard deviations of the largest; 0 is off.</summary>
    public float TopNSigma { get; init; }

    /// <summary>Subtracted once from every token of the output.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Subtracted per occurrence in the output.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Divides positive and multiplies negative logits of tokens seen; 1 is off.</summary>
    public float RepetitionPenalty { get; init; } = 1f;

    /// <summary>Added to the logit of a token id, clamped to +-100.</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <summary>Only these ids may be sampled.</summary>
    public IReadOnlyList<int>? AllowedTokenIds { get; init; }

    /// <summary>Texts that must not be produced.</summary>
    public IReadOnlyList<string>? BadWords { get; init; }

    /// <summary>No n-gram of this size occurs twice in prompt and output; 0 is off.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Strength of the DRY penalty; 0 is off.</summary>
    public float DryMultiplier { get; init; }

    /// <summary>The DRY penalty grows by this factor per token of the repetition.</summary>
    public float DryBase { get; init; } = 1.75f;

    /// <summary>Repetitions up to this length are free.</summary>
    public int DryAllowedLength { get; init; } = 2;

    /// <summary>Tokens that DRY looks back; -1 is all, 0 is off.</summary>
    public int DryPenaltyLastN { get; init; } = -1;

    /// <summary>Texts that a DRY repetition does not cross; null is llama.cpp's: newline, colon, quote, star.</summary>
    public IReadOnlyList<string>? DrySequenceBreakers { get; init; }

    /// <summary>How often XTC removes the most likely tokens; 0 is off.</summary>
    public float XtcProbability { get; init; }

    /// <summary>XTC removes all but the last token of at least this probability; above 0.5 is off.</summary>
    public float XtcThreshold { get; init; } = 0.1f;

    /// <summary>Temperature varies with the entropy by this much up and down; 0 is off.</summary>
    public float DynatempRange { get; init; }

    /// <summary>Exponent of the normalised entropy.</summary>
    public float DynatempExponent { get; init; } = 1f;

    /// <summary>2 keeps the surprise of tokens near MirostatTau in place of truncation; 0 is off.</summary>
    public int MirostatMode { get; init; }

    /// <summary>The surprise aimed at, in bits.</summary>
    public float MirostatTau { get; init; } = 5f;

    /// <summary>How quickly mirostat corrects itself.</summary>
    public float MirostatEta { get; init; } = 0.1f;

    /// <summary>What the output has to look like; null is anything.</summary>
    public StructuredOutputs? StructuredOutputs { get; init; }

    /// <summary>Texts that end the output.</summary>
    public IReadOnlyList<string>? Stop { get; init; }

    /// <summary>Ids that end the output.</summary>
    public IReadOnlyList<int>? StopTokenIds { get; init; }

    /// <summary>Keeps the stop text in the output.</summary>
    public bool IncludeStopStrInOutput { get; init; }

    /// <summary>Goes on after the end-of-sequence token.</summary>
    public bool IgnoreEos { get; init; }

    /// <summary>New tokens at most; null is up to the model's length.</summary>
    public int? MaxTokens { get; init; } = 16;

    /// <summary>No stop before this many new tokens.</summary>
    public int MinTokens { get; init; }

    /// <summary>Keys the random numbers; null (or -1 in JSON) draws a seed at admission.</summary>
    public long? Seed { get; init; }

    /// <summary>Log probabilities of this many best tokens with each output token; -1 is all.</summary>
    public int? Logprobs { get; init; }

    /// <summary>With each output token the log probabilities of these ids, in place of the best ones'.</summary>
    public IReadOnlyList<int>? LogprobTokenIds { get; init; }

    /// <summary>The same for each prompt token.</summary>
    public int? PromptLogprobs { get; init; }

    /// <summary>Ends an output that repeats itself; null is off.</summary>
    public RepetitionDetection? RepetitionDetection { get; init; }

    /// <summary>A thought has at most so many tokens, then it is closed; null and -1 are no limit.</summary>
    public int? ThinkingTokenBudget { get; init; }

    /// <summary>Whose tags tell the thoughts that have a budget: a name of ChatParsers.</summary>
    public string? ReasoningParser { get; init; }

    /// <summary>With a budget: the output begins inside of a thought, though the prompt opens none.</summary>
    public bool StartsInThought { get; init; }

    /// <summary>False leaves the text empty.</summary>
    public bool Detokenize { get; init; } = true;

    /// <summary>Leaves special tokens out of the text.</summary>
    public bool SkipSpecialTokens { get; init; } = true;

    /// <summary>Kept for vLLM's clients; only slow tokenizers know a difference.</summary>
    public bool SpacesBetweenSpecialTokens { get; init; } = true;

    /// <summary>False keeps this request out of speculative decoding. The output is the same either way.</summary>
    public bool Speculative { get; init; } = true;

    /// <summary>Which parts of an output the caller wants to see.</summary>
    public OutputKind OutputKind { get; init; }

    /// <summary>True if the most likely token is always taken.</summary>
    public bool IsGreedy => Temperature == 0f;

    /// <summary>Throws InvalidArgument naming the first field that is out of range.</summary>
    /// <param name="vocabSize">Every id must be below it.</param>
    /// <param name="limits">How much one request may ask for; null is the defaults.</param>
    public void Validate(int vocabSize, SamplingLimits? limits = null) =>
        SamplingValidator.Validate(this, vocabSize, limits ?? SamplingLimits.Default);
}
