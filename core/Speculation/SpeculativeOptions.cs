using System.Text.Json;
using Engine.Sampling;

namespace Engine.Speculation;

/// <summary>How an engine speculates; vLLM's speculative_config.</summary>
public sealed record SpeculativeOptions
{
    private const string Parameter = "speculative_config";
    private const int DefaultLongest = 16;
    private const int DefaultShortest = 2;

    private static readonly string[] Keys =
    [
        "method", "model", "num_speculative_tokens", "prompt_lookup_max", "prompt_lookup_min",
        "disable_by_batch_size", "adaptive",
    ];

    /// <summary>Where drafts come from.</summary>
    public SpeculativeMethod Method { get; init; }

    /// <summary>Tokens drafted for one sequence in one step, at most; 1 to 64.</summary>
    public required int NumSpeculativeTokens { get; init; }

    /// <summary>ngram: longest run of tokens that is looked up.</summary>
    public int PromptLookupMax { get; init; } = DefaultLongest;

    /// <summary>ngram: shortest run of tokens that counts.</summary>
    public int PromptLookupMin { get; init; } = DefaultShortest;

    /// <summary>draft_model and eagle: the folder or name of the draft.</summary>
    public string? Model { get; init; }

    /// <summary>No drafts while more sequences than this run; null leaves it to Adaptive.</summary>
    public int? DisableByBatchSize { get; init; }

    /// <summary>Drafts fewer tokens, or none, where the time measured says that more do not pay.</summary>
    public bool Adaptive { get; init; } = true;

    /// <summary>Reads the JSON of --speculative-config.</summary>
    /// <exception cref="EngineException">InvalidArgument names the key, what was expected and what found.</exception>
    public static SpeculativeOptions Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8 });
            return Read(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new EngineException(
                EngineStatus.InvalidArgument, $"{Parameter}: not JSON: {e.Message}", Parameter, e);
        }
    }

    /// <summary>Reads the object of speculative_config.</summary>
    /// <exception cref="EngineException">InvalidArgument names the key, what was expected and what found.</exception>
    public static SpeculativeOptions Read(JsonElement config)
    {
        if (config.ValueKind != JsonValueKind.Object)
        {
            throw EngineException.Invalid(Parameter, $"expected an object, found {config.ValueKind}");
        }

        foreach (JsonProperty property in config.EnumerateObject())
        {
            if (!Keys.Contains(property.Name))
            {
                string? nearest = NearestName.Find(property.Name, Keys);
                throw EngineException.Invalid(
                    Parameter,
                    $"unknown key \"{property.Name}\"" + (nearest is null ? "" : $"; did you mean {nearest}?"));
            }
        }

        string? model = Text(config, "model");
        int? longest = Int(config, "prompt_lookup_max", 1, 64), shortest = Int(config, "prompt_lookup_min", 1, 64);
        var options = new SpeculativeOptions
        {
            Method = MethodOf(config, model),
            Model = model,
            NumSpeculativeTokens = Int(config, "num_speculative_tokens", 1, 64)
                ?? throw EngineException.Invalid(Parameter, "num_speculative_tokens: expected 1 to 64, found nothing"),
            PromptLookupMax = longest ?? shortest ?? DefaultLongest,
            PromptLookupMin = shortest ?? longest ?? DefaultShortest,
            DisableByBatchSize = Int(config, "disable_by_batch_size", 0, 1 << 20),
            Adaptive = Bool(config, "adaptive") ?? true,
        };
        options.Validate();
        return options;
    }

    /// <summary>Throws InvalidArgument naming the first setting that cannot be.</summary>
    internal void Validate()
    {
        if (NumSpeculativeTokens is < 1 or > 64)
        {
            throw EngineException.Invalid(
                Parameter, $"num_speculative_tokens: expected 1 to 64, found {NumSpeculativeTokens}");
        }

        if (PromptLookupMin < 1 || PromptLookupMax < PromptLookupMin || PromptLookupMax > 64)
        {
            throw EngineException.Invalid(
                Parameter,
                $"prompt_lookup_min and prompt_lookup_max: expected 1 <= min <= max <= 64, found "
                    + $"{PromptLookupMin} and {PromptLookupMax}");
        }

        if (Method != SpeculativeMethod.Ngram && string.IsNullOrEmpty(Model))
        {
            throw EngineException.Invalid(Parameter, "model: expected the folder of the draft, found nothing");
        }
    }

    private static SpeculativeMethod MethodOf(JsonElement config, string? model)
    {
        return Text(config, "method") switch
        {
            "ngram" or "[ngram]" => SpeculativeMethod.Ngram,
            "draft_model" => SpeculativeMethod.DraftModel,
            "eagle" => SpeculativeMethod.Eagle,
            null when model is not null => SpeculativeMethod.DraftModel,
            null => throw EngineException.Invalid(
                Parameter, "method: expected ngram, draft_model or eagle, found nothing"),
            string other => throw EngineException.Invalid(
                Parameter, $"method: expected ngram, draft_model or eagle, found \"{other}\""),
        };
    }

    private static bool Has(JsonElement config, string key, out JsonElement value) =>
        config.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;

    private static string? Text(JsonElement config, string key) =>
        !Has(config, key, out JsonElement value) ? null
            : value.ValueKind == JsonValueKind.String ? value.GetString()
            : throw Wrong(key, "a string", value);

    private static bool? Bool(JsonElement config, string key) =>
        !Has(config, key, out JsonElement value) ? null
            : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
            : throw Wrong(key, "true or false", value);

    private static int? Int(JsonElement config, string key, int low, int high) =>
        !Has(config, key, out JsonElement value) ? null
            : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)
                && number >= low && number <= high ? number
            : throw Wrong(key, $"{low} to {high}", value);

    private static EngineException Wrong(string key, string expected, JsonElement found) =>
        EngineException.Invalid(Parameter, $"{key}: expected {expected}, found {found.GetRawText()}");
}
