using System.Text.Json;
using Engine.Abi.Types;
using Engine.Sampling;

namespace Engine.Abi.Params;

/// <summary>What a key holds.</summary>
internal enum ParamType
{
    /// <summary>A whole number.</summary>
    Integer = 0,

    /// <summary>A number.</summary>
    Number = 1,

    /// <summary>true or false.</summary>
    Boolean = 2,

    /// <summary>Text.</summary>
    Text = 3,

    /// <summary>A list or an object.</summary>
    Json = 4,
}

/// <summary>The keys of one kind of params; the same names as in vLLM's flags and the HTTP body.</summary>
internal sealed class ParamSchema
{
    private readonly Dictionary<string, ParamType> _types;
    private readonly bool _hasSampling;

    private ParamSchema(params (string Key, ParamType Type)[] rows)
        : this(false, rows)
    {
    }

    private ParamSchema(bool hasSampling, params (string Key, ParamType Type)[] rows)
    {
        _types = rows.ToDictionary(row => row.Key, row => row.Type, StringComparer.Ordinal);
        _hasSampling = hasSampling;
    }

    public static ParamSchema Library { get; } = new(("log_level", ParamType.Text));

    public static ParamSchema Model { get; } = new(
        ("tokenizer", ParamType.Text),
        ("dtype", ParamType.Text),
        ("runner", ParamType.Text),
        ("hf_overrides", ParamType.Json),
        ("load_format", ParamType.Text),
        ("quantization", ParamType.Text),
        ("activation_precision", ParamType.Text),
        ("device", ParamType.Text),
        ("num_threads", ParamType.Integer),
        ("cpus", ParamType.Text),
        ("numa", ParamType.Text),
        ("enforce_eager", ParamType.Boolean),
        ("async_scheduling", ParamType.Boolean),
        ("cudagraph_capture_sizes", ParamType.Json),
        ("max_cudagraph_capture_size", ParamType.Integer),
        ("max_model_len", ParamType.Integer),
        ("revision", ParamType.Text),
        ("download_dir", ParamType.Text),
        ("seed", ParamType.Integer));

    public static ParamSchema Engine { get; } = new(
        ("block_size", ParamType.Integer),
        ("num_blocks", ParamType.Integer),
        ("kv_cache_memory_bytes", ParamType.Integer),
        ("gpu_memory_utilization", ParamType.Number),
        ("kv_cache_dtype", ParamType.Text),
        ("max_num_seqs", ParamType.Integer),
        ("max_num_batched_tokens", ParamType.Integer),
        ("max_queue_size", ParamType.Integer),
        ("max_model_len", ParamType.Integer),
        ("enable_prefix_caching", ParamType.Boolean),
        ("enable_chunked_prefill", ParamType.Boolean),
        ("max_logprobs", ParamType.Integer),
        ("max_n", ParamType.Integer),
        ("speculative_config", ParamType.Json),
        ("seed", ParamType.Integer));

    /// <summary>What a request says of itself; how to sample is SamplingSchema's.</summary>
    public static ParamSchema Request { get; } = new(
        true,
        ("prompt", ParamType.Text),
        ("prompt_token_ids", ParamType.Json),
        ("add_special_tokens", ParamType.Boolean),
        ("request_id", ParamType.Text),
        ("priority", ParamType.Integer),
        ("cache_salt", ParamType.Text));

    /// <summary>What texts handed in together have in common.</summary>
    public static ParamSchema Pooling { get; } = new(
        ("dimensions", ParamType.Integer),
        ("normalize", ParamType.Boolean),
        ("use_activation", ParamType.Boolean),
        ("truncate_prompt_tokens", ParamType.Integer),
        ("prompt_name", ParamType.Text),
        ("add_special_tokens", ParamType.Boolean));

    /// <summary>Every key.</summary>
    public IEnumerable<string> Keys => _hasSampling
        ? _types.Keys.Concat(SamplingSchema.Fields.Select(row => row.Name))
        : _types.Keys;

    public static ParamSchema Of(ParamsKind kind) => kind switch
    {
        ParamsKind.Library => Library,
        ParamsKind.Model => Model,
        ParamsKind.Engine => Engine,
        ParamsKind.Request => Request,
        ParamsKind.Pooling => Pooling,
        _ => throw EngineException.Invalid("kind", $"{(int)kind} is no engine_params_kind"),
    };

    /// <summary>Refuses an unknown key and names the nearest.</summary>
    public void Find(string key)
    {
        if (_types.ContainsKey(key) || (_hasSampling && SamplingSchema.Find(key) is not null))
        {
            return;
        }

        string? nearest = NearestName.Find(key, Keys);
        throw new EngineException(
            EngineStatus.InvalidArgument,
            nearest is null ? $"unknown key '{key}'" : $"unknown key '{key}'; did you mean '{nearest}'?",
            key);
    }

    /// <summary>Holds a value to its key's type; null stands for the default everywhere.</summary>
    public void Check(string key, JsonElement value)
    {
        if (!_types.TryGetValue(key, out ParamType type))
        {
            Find(key);
            SamplingSchema.Set(new SamplingParams(), key, ParamValue.From(value));
            return;
        }

        JsonValueKind kind = value.ValueKind;
        bool fits = kind == JsonValueKind.Null || type switch
        {
            ParamType.Integer => kind == JsonValueKind.Number && value.TryGetInt64(out _),
            ParamType.Number => kind == JsonValueKind.Number,
            ParamType.Boolean => kind is JsonValueKind.True or JsonValueKind.False,
            ParamType.Text => kind == JsonValueKind.String,
            _ => kind is JsonValueKind.Array or JsonValueKind.Object,
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
}
