using System.Text.Json;
using Engine.Hosting;
using Engine.Speculation;

namespace Engine.Abi.Params;

/// <summary>Params to the core's options. Types were checked as the keys were set; ranges are the core's.</summary>
internal static class OptionsReader
{
    public static ModelLoadOptions Model(string path, ParamSet? set, IProgress<LoadProgress>? progress)
    {
        Dictionary<string, JsonElement> values = set?.Snapshot() ?? [];
        var defaults = new ModelLoadOptions { Model = path };
        return new ModelLoadOptions
        {
            Model = path,
            Tokenizer = Text(values, "tokenizer"),
            Dtype = Text(values, "dtype") ?? defaults.Dtype,
            Runner = Text(values, "runner") ?? defaults.Runner,
            HfOverrides = Has(values, "hf_overrides", out JsonElement overrides) ? overrides.GetRawText() : null,
            LoadFormat = Text(values, "load_format") ?? defaults.LoadFormat,
            Cpus = Text(values, "cpus"),
            Numa = Text(values, "numa") ?? defaults.Numa,
            Quantization = Text(values, "quantization") ?? defaults.Quantization,
            ActivationPrecision = Text(values, "activation_precision") ?? defaults.ActivationPrecision,
            Device = Text(values, "device") ?? defaults.Device,
            NumThreads = Int(values, "num_threads") ?? defaults.NumThreads,
            MaxModelLen = Int(values, "max_model_len"),
            Revision = Text(values, "revision"),
            DownloadDir = Text(values, "download_dir"),
            Seed = Long(values, "seed") ?? defaults.Seed,
            EnforceEager = Bool(values, "enforce_eager") ?? defaults.EnforceEager,
            AsyncScheduling = Bool(values, "async_scheduling"),
            GraphSizes = Ints(values, "cudagraph_capture_sizes"),
            MaxGraphSize = Int(values, "max_cudagraph_capture_size"),
            Progress = progress,
        };
    }

    public static EngineOptions Engine(ParamSet? set)
    {
        Dictionary<string, JsonElement> values = set?.Snapshot() ?? [];
        var defaults = new EngineOptions();
        return new EngineOptions
        {
            BlockSize = Int(values, "block_size") ?? defaults.BlockSize,
            NumBlocks = Int(values, "num_blocks"),
            KvCacheMemoryBytes = Long(values, "kv_cache_memory_bytes"),
            GpuMemoryUtilization = Double(values, "gpu_memory_utilization") ?? defaults.GpuMemoryUtilization,
            KvCacheDtype = Text(values, "kv_cache_dtype") ?? defaults.KvCacheDtype,
            MaxNumSeqs = Int(values, "max_num_seqs") ?? defaults.MaxNumSeqs,
            MaxNumBatchedTokens = Int(values, "max_num_batched_tokens") ?? defaults.MaxNumBatchedTokens,
            MaxQueueSize = Int(values, "max_queue_size") ?? defaults.MaxQueueSize,
            MaxModelLen = Int(values, "max_model_len"),
            EnablePrefixCaching = Bool(values, "enable_prefix_caching") ?? defaults.EnablePrefixCaching,
            EnableChunkedPrefill = Bool(values, "enable_chunked_prefill") ?? defaults.EnableChunkedPrefill,
            MaxLogprobs = Int(values, "max_logprobs") ?? defaults.MaxLogprobs,
            MaxN = Int(values, "max_n") ?? defaults.MaxN,
            Speculative = Has(values, "speculative_config", out JsonElement speculative)
                ? SpeculativeOptions.Read(speculative)
                : null,
            Seed = Long(values, "seed") ?? defaults.Seed,
        };
    }

    public static string? Text(Dictionary<string, JsonElement> values, string key) =>
        Has(values, key, out JsonElement value) ? value.GetString() : null;

    public static bool? Bool(Dictionary<string, JsonElement> values, string key) =>
        Has(values, key, out JsonElement value) ? value.GetBoolean() : null;

    public static long? Long(Dictionary<string, JsonElement> values, string key) =>
        Has(values, key, out JsonElement value) ? value.GetInt64() : null;

    public static double? Double(Dictionary<string, JsonElement> values, string key) =>
        Has(values, key, out JsonElement value) ? value.GetDouble() : null;

    public static int? Int(Dictionary<string, JsonElement> values, string key) =>
        Has(values, key, out JsonElement value) ? Int(value, key) : null;

    private static int Int(JsonElement value, string key) => value.TryGetInt32(out int number)
        ? number
        : throw EngineException.Invalid(key, $"{value.GetRawText()} does not fit in 32 bits");

    private static int[]? Ints(Dictionary<string, JsonElement> values, string key)
    {
        if (!Has(values, key, out JsonElement value))
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Array
                && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Number)
            ? [.. value.EnumerateArray().Select(item => Int(item, key))]
            : throw EngineException.Invalid(key, $"expected a list of integers, found {value.GetRawText()}");
    }

    /// <summary>True if a key is set to something other than null.</summary>
    public static bool Has(Dictionary<string, JsonElement> values, string key, out JsonElement value) =>
        values.TryGetValue(key, out value) && value.ValueKind != JsonValueKind.Null;
}
