using System.CommandLine;
using Engine.Speculation;

namespace Engine.Server.Commands;

/// <summary>The engine's limits, under vLLM's names.</summary>
internal sealed class EngineArguments
{
    private static readonly EngineOptions _defaults = new();

    public Option<int> BlockSize { get; } = new("--block-size")
    {
        Description = "Tokens of a KV block.",
        DefaultValueFactory = _ => _defaults.BlockSize,
    };

    public Option<int?> NumBlocks { get; } = new("--num-gpu-blocks-override", "--num-blocks")
    {
        Description = "KV blocks. Default: what the other limits need.",
    };

    public Option<long?> KvCacheMemoryBytes { get; } =
        Arguments.Number("--kv-cache-memory-bytes", "Memory for KV blocks.");

    public Option<double> GpuMemoryUtilization { get; } = new("--gpu-memory-utilization")
    {
        Description = "Share of a GPU's memory that may be filled.",
        DefaultValueFactory = _ => _defaults.GpuMemoryUtilization,
    };

    public Option<string> KvCacheDtype { get; } = new("--kv-cache-dtype")
    {
        Description = "Type of cached keys and values: auto, float32, bfloat16, float16, int8, fp8.",
        DefaultValueFactory = _ => _defaults.KvCacheDtype,
    };

    public Option<int> MaxNumSeqs { get; } = new("--max-num-seqs")
    {
        Description = "Requests that run at the same time, at most.",
        DefaultValueFactory = _ => _defaults.MaxNumSeqs,
    };

    public Option<long?> MaxNumBatchedTokens { get; } =
        Arguments.Number("--max-num-batched-tokens", $"Tokens of a step, at most. Default: {_defaults.MaxNumBatchedTokens}.");

    public Option<int> MaxQueueSize { get; } = new("--max-queue-size")
    {
        Description = "Requests that wait, at most; 0 is 4 x max-num-seqs. Beyond: 429.",
        DefaultValueFactory = _ => _defaults.MaxQueueSize,
    };

    public Option<int> MaxLogprobs { get; } = new("--max-logprobs")
    {
        Description = "Largest logprobs of a request; -1 is the vocabulary.",
        DefaultValueFactory = _ => _defaults.MaxLogprobs,
    };

    public Option<long> Seed { get; } = new("--seed") { Description = "Keys all random numbers." };

    public Option<string?> SpeculativeConfig { get; } = new("--speculative-config")
    {
        Description = "Speculative decoding as JSON: {\"method\": \"ngram\", \"num_speculative_tokens\": 4, ...}.",
    };

    public (Option<bool> On, Option<bool> Off) PrefixCaching { get; } =
        Arguments.Switch("enable-prefix-caching", "Reuses the KV of equal prefixes (the default).");

    public (Option<bool> On, Option<bool> Off) ChunkedPrefill { get; } =
        Arguments.Switch("enable-chunked-prefill", "Spreads a long prompt over steps (the default).");

    public void AddTo(Command command)
    {
        command.Options.Add(BlockSize);
        command.Options.Add(NumBlocks);
        command.Options.Add(KvCacheMemoryBytes);
        command.Options.Add(GpuMemoryUtilization);
        command.Options.Add(KvCacheDtype);
        command.Options.Add(MaxNumSeqs);
        command.Options.Add(MaxNumBatchedTokens);
        command.Options.Add(MaxQueueSize);
        command.Options.Add(MaxLogprobs);
        command.Options.Add(Seed);
        command.Options.Add(SpeculativeConfig);
        command.Options.Add(PrefixCaching.On);
        command.Options.Add(PrefixCaching.Off);
        command.Options.Add(ChunkedPrefill.On);
        command.Options.Add(ChunkedPrefill.Off);
    }

    public EngineOptions ToOptions(ParseResult result, int? maxModelLen) => new()
    {
        BlockSize = result.GetValue(BlockSize),
        NumBlocks = result.GetValue(NumBlocks),
        KvCacheMemoryBytes = result.GetValue(KvCacheMemoryBytes),
        GpuMemoryUtilization = result.GetValue(GpuMemoryUtilization),
        KvCacheDtype = result.GetValue(KvCacheDtype)!,
        MaxNumSeqs = result.GetValue(MaxNumSeqs),
        MaxNumBatchedTokens = Arguments.ToInt(result.GetValue(MaxNumBatchedTokens), "max-num-batched-tokens")
            ?? _defaults.MaxNumBatchedTokens,
        MaxQueueSize = result.GetValue(MaxQueueSize),
        MaxModelLen = maxModelLen,
        EnablePrefixCaching = PrefixCaching.ValueOf(result, _defaults.EnablePrefixCaching),
        EnableChunkedPrefill = ChunkedPrefill.ValueOf(result, _defaults.EnableChunkedPrefill),
        MaxLogprobs = result.GetValue(MaxLogprobs),
        Seed = result.GetValue(Seed),
        Speculative = result.GetValue(SpeculativeConfig) is { } json ? SpeculativeOptions.Parse(json) : null,
    };
}
