namespace Engine.Sampling;

/// <summary>Range checks, each in the positive form so that NaN fails it.</summary>
internal static class SamplingValidator
{
    public static void Validate(SamplingParams p, int vocabSize, SamplingLimits limits)
    {
        CheckRange("n", p.N, 1, limits.MaxN);
        CheckRange("temperature", p.Temperature, 0, 2);
        Check("top_p", p.TopP is > 0 and <= 1, p.TopP, "must be above 0 and at most 1");
        Check("top_k", p.TopK >= -1, p.TopK, "must be at least -1 (0 and -1 are off)");
        CheckRange("min_p", p.MinP, 0, 1);
        Check("typical_p", p.TypicalP is > 0 and <= 1, p.TypicalP, "must be above 0 and at most 1");
        CheckFinite("top_n_sigma", p.TopNSigma, 0);
        CheckRange("presence_penalty", p.PresencePenalty, -2, 2);
        CheckRange("frequency_penalty", p.FrequencyPenalty, -2, 2);
        Check(
            "repetition_penalty",
            p.RepetitionPenalty is > 0 and <= float.MaxValue,
            p.RepetitionPenalty,
            "must be above 0 and finite");
        ValidateDryAndXtc(p);
        ValidateTemperatureKinds(p);
        ValidateLengths(p);
        ValidateIds(p, vocabSize, limits);
        CheckWords("stop", p.Stop, limits.MaxStopStrings, limits.MaxStopLength);
        CheckWords("bad_words", p.BadWords, limits.MaxWords, limits.MaxWordLength);
        CheckWords("dry_sequence_breakers", p.DrySequenceBreakers, limits.MaxWords, limits.MaxWordLength);
        CheckLogprobs("logprobs", p.Logprobs, vocabSize, limits.MaxLogprobs);
        CheckLogprobs("prompt_logprobs", p.PromptLogprobs, vocabSize, limits.MaxLogprobs);
        ValidateLogprobIds(p, vocabSize);
        p.RepetitionDetection?.Validate();
        Check(
            "thinking_token_budget",
            p.ThinkingTokenBudget is null or >= -1,
            p.ThinkingTokenBudget ?? 0,
            "must be at least 0, or -1 for no limit");
        p.StructuredOutputs?.Compile(limits.Grammar);
        Check(
            "n",
            p.N == 1 || !p.IsGreedy,
            p.N,
            "must be 1 with temperature 0: greedy outputs are all the same");
    }

    private static void ValidateLogprobIds(SamplingParams p, int vocabSize)
    {
        if (p.LogprobTokenIds is not { } ids)
        {
            return;
        }

        const int most = 128; // as in vLLM
        Check("logprob_token_ids", ids.Count > 0, 0, "must not be empty");
        Check("logprob_token_ids", p.Logprobs is not null, ids.Count, "needs logprobs");
        CheckIds("logprob_token_ids", ids, vocabSize, most);
    }

    private static void ValidateDryAndXtc(SamplingParams p)
    {
        CheckFinite("dry_multiplier", p.DryMultiplier, 0);
        CheckFinite("dry_base", p.DryBase, 0);
        Check("dry_allowed_length", p.DryAllowedLength >= 0, p.DryAllowedLength, "must be at least 0");
        Check("dry_penalty_last_n", p.DryPenaltyLastN >= -1, p.DryPenaltyLastN, "must be at least -1");
        CheckRange("xtc_probability", p.XtcProbability, 0, 1);
        CheckRange("xtc_threshold", p.XtcThreshold, 0, 1);
        Check(
            "no_repeat_ngram_size",
            p.NoRepeatNgramSize >= 0,
            p.NoRepeatNgramSize,
            "must be at least 0");
    }

    private static void ValidateTemperatureKinds(SamplingParams p)
    {
        CheckFinite("dynatemp_range", p.DynatempRange, 0);
        CheckFinite("dynatemp_exponent", p.DynatempExponent, 0);
        Check("mirostat_mode", p.MirostatMode is 0 or 2, p.MirostatMode, "must be 0 or 2");
        CheckFinite("mirostat_tau", p.MirostatTau, 0);
        CheckFinite("mirostat_eta", p.MirostatEta, 0);
    }

    private static void ValidateLengths(SamplingParams p)
    {
        Check("max_tokens", p.MaxTokens is null or >= 1, p.MaxTokens ?? 0, "must be at least 1");
        Check("min_tokens", p.MinTokens >= 0, p.MinTokens, "must be at least 0");
        Check(
            "min_tokens",
            p.MaxTokens is not int most || p.MinTokens <= most,
            p.MinTokens,
            $"must be at most max_tokens ({p.MaxTokens})");
        Check(
            "output_kind",
            p.OutputKind is >= OutputKind.Cumulative and <= OutputKind.FinalOnly,
            (int)p.OutputKind,
            "must be 0 (cumulative), 1 (delta) or 2 (final only)");
    }

    private static void ValidateIds(SamplingParams p, int vocabSize, SamplingLimits limits)
    {
        CheckIds("stop_token_ids", p.StopTokenIds, vocabSize, limits.MaxStopTokenIds);
        if (p.AllowedTokenIds is { } allowed)
        {
            Check("allowed_token_ids", allowed.Count > 0, 0, "must not be empty");
            CheckIds("allowed_token_ids", allowed, vocabSize, vocabSize);
        }

        if (p.LogitBias is not { } bias)
        {
            return;
        }

        CheckCount("logit_bias", bias.Count, limits.MaxLogitBias);
        foreach ((int id, float value) in bias)
        {
            CheckId("logit_bias", id, vocabSize);
            Check("logit_bias", float.IsFinite(value), value, $"of token {id} must be finite");
        }
    }

    private static void CheckIds(string field, IReadOnlyList<int>? ids, int vocabSize, int most)
    {
        if (ids is null)
        {
            return;
        }

        CheckCount(field, ids.Count, most);
        foreach (int id in ids)
        {
            CheckId(field, id, vocabSize);
        }
    }

    private static void CheckId(string field, int id, int vocabSize) =>
        Check(
            field,
            (uint)id < (uint)vocabSize,
            id,
            $"token ids are 0 to {vocabSize - 1} for this model");

    private static void CheckWords(string field, IReadOnlyList<string>? words, int most, int mostUnits)
    {
        if (words is null)
        {
            return;
        }

        CheckCount(field, words.Count, most);
        foreach (string word in words)
        {
            if (string.IsNullOrEmpty(word))
            {
                throw EngineException.Invalid(field, "must not contain an empty string");
            }

            if (word.Length > mostUnits)
            {
                throw EngineException.Invalid(
                    field, $"a string is {word.Length} characters long, at most {mostUnits} are allowed");
            }
        }
    }

    private static void CheckLogprobs(string field, int? count, int vocabSize, int most)
    {
        if (count is not int n)
        {
            return;
        }

        Check(field, n >= -1, n, "must be at least -1 (-1 is the whole vocabulary)");
        int asked = n == -1 ? vocabSize : n;
        int allowed = most == -1 ? vocabSize : most;
        if (asked > allowed)
        {
            throw EngineException.Invalid(
                field, $"asks for {asked} log probabilities, at most {allowed} are allowed");
        }
    }

    private static void CheckCount(string field, int count, int most)
    {
        if (count > most)
        {
            throw EngineException.Invalid(field, $"has {count} entries, at most {most} are allowed");
        }
    }

    private static void CheckRange(string field, double value, double least, double most) =>
        Check(
            field,
            value >= least && value <= most,
            value,
            FormattableString.Invariant($"must be between {least} and {most}"));

    private static void CheckFinite(string field, double value, double least) =>
        Check(
            field,
            value >= least && value <= double.MaxValue,
            value,
            FormattableString.Invariant($"must be finite and at least {least}"));

    private static void Check(string field, bool holds, double value, string rule)
    {
        if (!holds)
        {
            throw EngineException.Invalid(
                field, FormattableString.Invariant($"{rule}, got {(float)value}"));
        }
    }
}
