using System.Text.Json;
using Engine.Abi.Types;

namespace Engine.Abi.Params;

/// <summary>What a key holds.</summary>
internal enum ParamType
{
    /// <summary>A whole number.</summary>
    Integer = 0,

    /// <summary>A number; whole ones are taken too.</summary>
    Number = 1,

    /// <summary>true or false.</summary>
    Boolean = 2,

    /// <summary>Text.</summary>
    Text = 3,

    /// <summary>A list or an object; text too where the HTTP body allows it.</summary>
    Json = 4,
}

/// <summary>The keys of one kind of params; the same names as in vLLM's flags and the HTTP body.</summary>
internal sealed class ParamSchema
{
    private readonly Dictionary<string, ParamType> _types;

    private ParamSchema(params (string Key, ParamType Type)[] rows)
    {
        _types = rows.ToDictionary(row => row.Key, row => row.Type, StringComparer.Ordinal);
    }

    public static ParamSchema Library { get; } = new(("log_level", ParamType.Text));

    public static ParamSchema Model { get; } = new(
        ("tokenizer", ParamType.Text),
        ("dtype", ParamType.Text),
        ("load_format", ParamType.Text),
        ("device", ParamType.Text),
        ("num_threads", ParamType.Integer),
        ("max_model_len", ParamType.Integer),
        ("revision", ParamType.Text),
        ("download_dir", ParamType.Text),
        ("seed", ParamType.Integer));

    public static ParamSchema Engine { get; } = new(
        ("block_size", ParamType.Integer),
        ("num_blocks", ParamType.Integer),
        ("kv_cache_memory_bytes", ParamType.Integer),
        ("kv_cache_dtype", ParamType.Text),
        ("max_num_seqs", ParamType.Integer),
        ("max_num_batched_tokens", ParamType.Integer),
        ("max_queue_size", ParamType.Integer),
        ("max_model_len", ParamType.Integer),
        ("enable_prefix_caching", ParamType.Boolean),
        ("enable_chunked_prefill", ParamType.Boolean),
        ("max_logprobs", ParamType.Integer),
        ("max_n", ParamType.Integer),
        ("seed", ParamType.Integer));

    public static ParamSchema Request { get; } = new(
        ("prompt", ParamType.Text),
        ("prompt_token_ids", ParamType.Json),
        ("add_special_tokens", ParamType.Boolean),
        ("request_id", ParamType.Text),
        ("priority", ParamType.Integer),
        ("cache_salt", ParamType.Text),
        ("n", ParamType.Integer),
        ("temperature", ParamType.Number),
        ("top_p", ParamType.Number),
        ("top_k", ParamType.Integer),
        ("min_p", ParamType.Number),
        ("typical_p", ParamType.Number),
        ("presence_penalty", ParamType.Number),
        ("frequency_penalty", ParamType.Number),
        ("repetition_penalty", ParamType.Number),
        ("logit_bias", ParamType.Json),
        ("allowed_token_ids", ParamType.Json),
        ("bad_words", ParamType.Json),
        ("no_repeat_ngram_size", ParamType.Integer),
        ("stop", ParamType.Json),
        ("stop_token_ids", ParamType.Json),
        ("include_stop_str_in_output", ParamType.Boolean),
        ("ignore_eos", ParamType.Boolean),
        ("max_tokens", ParamType.Integer),
        ("min_tokens", ParamType.Integer),
        ("seed", ParamType.Integer),
        ("logprobs", ParamType.Integer),
        ("prompt_logprobs", ParamType.Integer),
        ("detokenize", ParamType.Boolean),
        ("skip_special_tokens", ParamType.Boolean));

    public IEnumerable<KeyValuePair<string, ParamType>> Keys => _types;

    public static ParamSchema Of(ParamsKind kind) => kind switch
    {
        ParamsKind.Library => Library,
        ParamsKind.Model => Model,
        ParamsKind.Engine => Engine,
        ParamsKind.Request => Request,
        _ => throw EngineException.Invalid("kind", $"{(int)kind} is no engine_params_kind"),
    };

    /// <summary>The type of a key.</summary>
    /// <exception cref="EngineException">InvalidArgument: unknown; names the nearest key.</exception>
    public ParamType TypeOf(string key)
    {
        if (_types.TryGetValue(key, out ParamType type))
        {
            return type;
        }

        string? nearest = Nearest(key);
        throw new EngineException(
            EngineStatus.InvalidArgument,
            nearest is null ? $"unknown key '{key}'" : $"unknown key '{key}'; did you mean '{nearest}'?",
            key);
    }

    /// <summary>Holds a value to its key's type; null stands for the default everywhere.</summary>
    public void Check(string key, JsonElement value)
    {
        ParamType type = TypeOf(key);
        JsonValueKind kind = value.ValueKind;
        bool fits = kind == JsonValueKind.Null || type switch
        {
            ParamType.Integer => kind == JsonValueKind.Number && value.TryGetInt64(out _),
            ParamType.Number => kind == JsonValueKind.Number,
            ParamType.Boolean => kind is JsonValueKind.True or JsonValueKind.False,
            ParamType.Text => kind == JsonValueKind.String,
            _ => kind is JsonValueKind.Array or JsonValueKind.Object or JsonValueKind.String,
        };
        if (!fits)
        {
            throw EngineException.Invalid(key, $"expected {Describe(type)}, found {Describe(value)}");
        }
    }

    private static string Describe(ParamType type) => type switch
    {
        ParamType.Integer => "an integer",
        ParamType.Number => "a number",
        ParamType.Boolean => "true or false",
        ParamType.Text => "a string",
        _ => "a list or an object",
    };

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => $"the number {value.GetRawText()}",
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        JsonValueKind.String => "a string",
        JsonValueKind.Array => "a list",
        _ => "an object",
    };

    private string? Nearest(string key)
    {
        string? best = null;
        int bestDistance = Math.Min(4, (key.Length / 2) + 1);
        foreach (string candidate in _types.Keys)
        {
            int distance = Distance(key, candidate, bestDistance);
            if (distance < bestDistance)
            {
                best = candidate;
                bestDistance = distance;
            }
        }

        return best;
    }

    /// <summary>Levenshtein distance, or limit if it is at least that.</summary>
    private static int Distance(string a, string b, int limit)
    {
        if (Math.Abs(a.Length - b.Length) >= limit)
        {
            return limit;
        }

        int[] row = new int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++)
        {
            row[j] = j;
        }

        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitution, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return Math.Min(row[b.Length], limit);
    }
}
