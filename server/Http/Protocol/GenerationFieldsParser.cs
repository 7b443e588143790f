using System.Text;
using System.Text.Json;
using Engine.Grammar;
using Engine.Sampling;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Protocol;

/// <summary>What an endpoint has its own rules for.</summary>
internal readonly record struct EndpointSampling
{
    /// <summary>max_tokens if the request names none; null is up to the model's length.</summary>
    public int? DefaultMaxTokens { get; init; }

    /// <summary>Takes precedence over the body's max_tokens.</summary>
    public int? MaxTokensOverride { get; init; }

    /// <summary>Log probabilities per output token, in the endpoint's own spelling; null is none.</summary>
    public int? NumLogprobs { get; init; }

    /// <summary>What the output has to look like because a tool must be called, or null.</summary>
    public StructuredOutputs? Forced { get; init; }

    /// <summary>The text has to show special tokens: calls or thoughts are marked by them.</summary>
    public bool KeepsSpecialTokens { get; init; }

    /// <summary>best_of may be more than n.</summary>
    public bool TakesBestOf { get; init; }

    /// <summary>The prompt's tokens are to be scored like the output's.</summary>
    public bool ScorePromptAsOutput { get; init; }
}

/// <summary>Reads what the generating endpoints have in common.</summary>
internal static class GenerationFieldsParser
{
    // Without them the answer would be another than the one asked for.
    private static readonly (string Name, string Reason)[] _unsupported =
    [
        ("kv_transfer_params", ""), ("ec_transfer_params", ""), ("prompt_embeds", ""), ("audio", ""),
        ("watermarking", ""), ("logits_processors", ""), ("web_search_options", ""),
        ("functions", "; tools are"), ("function_call", "; tool_choice is"),
    ];

    // Spelt or meant differently on the wire than in the engine.
    private static readonly string[] _ownFields = ["logprobs", "output_kind", "detokenize", "reasoning_parser", "starts_in_thought"];

    public static GenerationFields Parse(
        JsonElement body, ServedModel model, ServerOptions options, EndpointSampling endpoint)
    {
        bool stream = Fields.GetBool(body, "stream") ?? false;
        BeamSearchParams? beams = BeamFields.Parse(body, endpoint);
        int? bestOf = ParseBestOf(body, endpoint, stream, isBeamSearch: beams is not null);
        SamplingParams sampling = ParseSampling(body, model, endpoint, beams is not null, bestOf);
        CheckLimits(sampling, options);
        CheckStreaming(body, sampling, endpoint, stream);
        sampling = StructuredOutputFields.Apply(body, sampling);
        sampling = sampling with
        {
            StructuredOutputs = endpoint.Forced is { } calls
                ? options.StructuredOutputs.ApplyToCalls(calls)
                : options.StructuredOutputs.Apply(sampling.StructuredOutputs),
            SkipSpecialTokens = sampling.SkipSpecialTokens && !endpoint.KeepsSpecialTokens,
        };
        CheckUnsupported(body);
        PassiveFields.Check(body);
        JsonElement? streamOptions = StreamOptions(body, stream);
        return new GenerationFields
        {
            Sampling = sampling,
            MaxTokensGiven = endpoint.MaxTokensOverride ?? Fields.GetInt(body, "max_tokens"),
            Stream = stream,
            IncludeUsage = options.ForceIncludeUsage || Usage(streamOptions, "include_usage"),
            ContinuousUsage = Usage(streamOptions, "continuous_usage_stats"),
            ReturnTokenIds = Fields.GetBool(body, "return_token_ids") ?? false,
            ReturnPromptText = Fields.GetBool(body, "return_prompt_text") ?? false,
            ReturnTokensAsTokenIds = Fields.GetBool(body, "return_tokens_as_token_ids")
                ?? options.ReturnsTokensAsTokenIds,
            NumLogprobs = endpoint.NumLogprobs is null ? null : sampling.LogprobTokenIds?.Count ?? endpoint.NumLogprobs,
            KeptOutputs = bestOf is null ? null : Fields.GetInt(body, "n") ?? 1,
            Beams = beams is null ? null : BeamFields.Check(
                beams with { BeamWidth = sampling.N, NumLogprobs = endpoint.NumLogprobs }, model),
            RequestId = ParseRequestId(body),
            Priority = Fields.GetInt(body, "priority") ?? 0,
            CacheSalt = ParseSalt(body),
            TruncatePromptTokens = ParseTruncate(body, model),
            TruncatesEnd = PassiveFields.TruncationSide(body) == "right",
            StreamInterval = ParseInterval(body),
            AddSpecialTokens = Fields.GetBool(body, "add_special_tokens") ?? true,
        };
    }

    private static SamplingParams ParseSampling(
        JsonElement body, ServedModel model, EndpointSampling endpoint, bool isBeamSearch, int? bestOf)
    {
        try
        {
            SamplingParams sampling = model.DefaultSampling with { MaxTokens = endpoint.DefaultMaxTokens };
            foreach (JsonProperty property in body.EnumerateObject())
            {
                if (property.Value.ValueKind != JsonValueKind.Null
                    && !_ownFields.Contains(property.Name, StringComparer.Ordinal)
                    && SamplingSchema.Find(property.Name) is { } field)
                {
                    sampling = field.Set(sampling, ParamValue.From(property.Value));
                }
            }

            sampling = sampling with
            {
                MaxTokens = endpoint.MaxTokensOverride ?? sampling.MaxTokens,
                N = bestOf ?? sampling.N,

                // What is best is told by log probabilities.
                Logprobs = endpoint.NumLogprobs ?? (bestOf is null ? null : 0),

                // A search has several outputs at any temperature, which means nothing to it.
                Temperature = isBeamSearch && sampling.Temperature == 0 ? 1 : sampling.Temperature,
                OutputKind = OutputKind.Delta,
                PromptLogprobs = endpoint.ScorePromptAsOutput
                    ? sampling.PromptLogprobs ?? endpoint.NumLogprobs
                    : sampling.PromptLogprobs,
            };
            sampling.Validate(model.VocabSize, new SamplingLimits
            {
                MaxLogprobs = model.Engine.Options.MaxLogprobs,
                MaxN = model.Engine.Options.MaxN,
            });
            return sampling;
        }
        catch (EngineException e)
        {
            throw ApiException.From(e);
        }
    }

    private static void CheckLimits(SamplingParams sampling, ServerOptions options)
    {
        if (sampling.N > options.MaxN)
        {
            throw ApiException.BadRequest($"n: at most {options.MaxN} outputs are made.", "n");
        }

        if (sampling.Stop is { } stop)
        {
            if (stop.Count > options.MaxStopStrings)
            {
                throw ApiException.BadRequest($"stop: at most {options.MaxStopStrings} are taken.", "stop");
            }

            if (stop.Any(text => Encoding.UTF8.GetByteCount(text) > options.MaxStopBytes))
            {
                throw ApiException.BadRequest($"stop: at most {options.MaxStopBytes} bytes each.", "stop");
            }
        }

        if (sampling.LogitBias?.Count > options.MaxLogitBias)
        {
            throw ApiException.BadRequest(
                $"logit_bias: at most {options.MaxLogitBias} entries are taken.", "logit_bias");
        }
    }

    private static void CheckStreaming(
        JsonElement body, SamplingParams sampling, EndpointSampling endpoint, bool stream)
    {
        bool asked = Fields.TryGet(body, "prompt_logprobs", out _) && !endpoint.ScorePromptAsOutput;
        if (stream && asked && sampling.PromptLogprobs is not (null or 0))
        {
            throw ApiException.BadRequest(
                "prompt_logprobs: are not available in a stream.", "prompt_logprobs");
        }
    }

    private static void CheckUnsupported(JsonElement body)
    {
        foreach ((string name, string reason) in _unsupported)
        {
            if (Fields.TryGet(body, name, out JsonElement value) && value.ValueKind != JsonValueKind.False)
            {
                throw ApiException.BadRequest($"{name}: is not supported{reason}.", name);
            }
        }

        if (Fields.GetArray(body, "modalities") is { } kinds
            && kinds.EnumerateArray().Any(kind => kind.ValueKind != JsonValueKind.String || kind.GetString() != "text"))
        {
            throw ApiException.BadRequest("modalities: text alone is made.", "modalities");
        }
    }

    /// <summary>How many outputs the best n are chosen from; null if all are the answer.</summary>
    private static int? ParseBestOf(JsonElement body, EndpointSampling endpoint, bool stream, bool isBeamSearch)
    {
        const string name = "best_of";
        int n = Fields.GetInt(body, "n") ?? 1;
        if (Fields.GetInt(body, name) is not { } bestOf || bestOf == n)
        {
            return null;
        }

        string? wrong = !endpoint.TakesBestOf ? "must equal n"
            : bestOf < n ? $"must be at least n, which is {n}"
            : stream ? "the best outputs are not known while they are streamed; it must equal n"
            : isBeamSearch ? "a beam search has n beams; it must equal n"
            : Fields.GetDouble(body, "temperature") == 0 ? "greedy outputs are all the same; it must equal n"
            : null;
        return wrong is null ? bestOf : throw ApiException.BadRequest($"{name}: {wrong}.", name);
    }

    private static JsonElement? StreamOptions(JsonElement body, bool stream)
    {
        JsonElement? streamOptions = Fields.GetObject(body, "stream_options");
        return streamOptions is null || stream
            ? streamOptions
            : throw ApiException.BadRequest("stream_options: needs stream to be true.", "stream_options");
    }

    private static bool Usage(JsonElement? streamOptions, string name) =>
        streamOptions is { } given && (Fields.GetBool(given, name, "stream_options") ?? false);

    private static string? ParseRequestId(JsonElement body)
    {
        const int maxLength = 128;
        string? id = Fields.GetString(body, "request_id");
        return id is null or { Length: > 0 and <= maxLength }
            ? id
            : throw ApiException.BadRequest($"request_id: must have 1 to {maxLength} characters.", "request_id");
    }

    private static string? ParseSalt(JsonElement body)
    {
        string? salt = Fields.GetString(body, "cache_salt");
        return salt is null or { Length: > 0 }
            ? salt
            : throw ApiException.BadRequest("cache_salt: must not be empty.", "cache_salt");
    }

    private static int ParseInterval(JsonElement body)
    {
        const string name = "stream_interval";
        return Fields.GetInt(body, name) switch
        {
            null => 0,
            < 1 => throw ApiException.BadRequest($"{name}: must be at least 1.", name),
            int interval => interval,
        };
    }

    private static int? ParseTruncate(JsonElement body, ServedModel model)
    {
        const string name = "truncate_prompt_tokens";
        int? limit = Fields.GetInt(body, name);
        return limit is null or -1 || (limit >= 1 && limit < model.MaxModelLen)
            ? limit
            : throw ApiException.BadRequest(
                $"{name}: must be 1 to {model.MaxModelLen - 1}, or -1 for as many as fit.", name);
    }
}
