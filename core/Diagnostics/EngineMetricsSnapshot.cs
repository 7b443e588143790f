using Engine.Hosting;

namespace Engine.Diagnostics;

/// <summary>The engine's counters and histograms at one moment; what /metrics shows under vLLM's names.</summary>
public sealed class EngineMetricsSnapshot
{
    /// <summary>num_requests_running: requests with an output that holds blocks.</summary>
    public required int NumRequestsRunning { get; init; }

    /// <summary>num_requests_waiting: requests queued, preempted ones included.</summary>
    public required int NumRequestsWaiting { get; init; }

    /// <summary>kv_cache_usage_perc: share of blocks referenced, 0 to 1.</summary>
    public required double KvCacheUsage { get; init; }

    /// <summary>KV blocks in all.</summary>
    public required int NumBlocks { get; init; }

    /// <summary>Tokens of a block.</summary>
    public required int BlockSize { get; init; }

    /// <summary>prefix_cache_queries: prompt tokens looked up.</summary>
    public required long PrefixCacheQueries { get; init; }

    /// <summary>prefix_cache_hits: prompt tokens found.</summary>
    public required long PrefixCacheHits { get; init; }

    /// <summary>num_preemptions_total.</summary>
    public required long NumPreemptions { get; init; }

    /// <summary>prompt_tokens_total: prompt tokens of requests whose prompt has been computed.</summary>
    public required long PromptTokens { get; init; }

    /// <summary>Of those, as many came out of the prefix cache.</summary>
    public long CachedPromptTokens { get; init; }

    /// <summary>Tokens of a request's prompt that were computed.</summary>
    public HistogramSnapshot? RequestPrefillComputedTokens { get; init; }

    /// <summary>generation_tokens_total.</summary>
    public required long GenerationTokens { get; init; }

    /// <summary>Steps executed.</summary>
    public required long NumSteps { get; init; }

    /// <summary>Seconds spent in steps: scheduling, kernels, sampling, text and events.</summary>
    public double StepSeconds { get; init; }

    /// <summary>Of these, seconds in the forward pass and the output matrix.</summary>
    public double KernelSeconds { get; init; }

    /// <summary>spec_decode_num_drafts: verifications of drafted tokens.</summary>
    public long SpecDecodeNumDrafts { get; init; }

    /// <summary>spec_decode_num_draft_tokens.</summary>
    public long SpecDecodeNumDraftTokens { get; init; }

    /// <summary>spec_decode_num_accepted_tokens.</summary>
    public long SpecDecodeNumAcceptedTokens { get; init; }

    /// <summary>spec_decode_num_accepted_tokens_per_pos: [num_speculative_tokens]; empty without speculation.</summary>
    public IReadOnlyList<long> SpecDecodeAcceptedPerPosition { get; init; } = [];

    /// <summary>Tokens foreseen from grammars and verified in the steps of the tokens before them.</summary>
    public long JumpAheadNumTokens { get; init; }

    /// <summary>Of these, tokens that were what was sampled: each saved a step.</summary>
    public long JumpAheadNumAcceptedTokens { get; init; }

    /// <summary>request_success_total by finished_reason; [(int)FinishReason].</summary>
    public required IReadOnlyList<long> OutputsByReason { get; init; }

    /// <summary>Requests that failed.</summary>
    public required long NumFailed { get; init; }

    /// <summary>time_to_first_token_seconds.</summary>
    public required HistogramSnapshot TimeToFirstToken { get; init; }

    /// <summary>inter_token_latency_seconds.</summary>
    public required HistogramSnapshot InterTokenLatency { get; init; }

    /// <summary>request_time_per_output_token_seconds.</summary>
    public required HistogramSnapshot TimePerOutputToken { get; init; }

    /// <summary>e2e_request_latency_seconds.</summary>
    public required HistogramSnapshot E2eRequestLatency { get; init; }

    /// <summary>request_queue_time_seconds.</summary>
    public required HistogramSnapshot QueueTime { get; init; }

    /// <summary>request_prefill_time_seconds.</summary>
    public required HistogramSnapshot PrefillTime { get; init; }

    /// <summary>request_decode_time_seconds.</summary>
    public required HistogramSnapshot DecodeTime { get; init; }

    /// <summary>request_inference_time_seconds.</summary>
    public required HistogramSnapshot InferenceTime { get; init; }

    /// <summary>iteration_tokens_total: tokens of a step.</summary>
    public required HistogramSnapshot IterationTokens { get; init; }

    /// <summary>request_prompt_tokens.</summary>
    public required HistogramSnapshot RequestPromptTokens { get; init; }

    /// <summary>request_generation_tokens.</summary>
    public required HistogramSnapshot RequestGenerationTokens { get; init; }

    /// <summary>Tokens of each request's longest output.</summary>
    public required HistogramSnapshot RequestLongestOutput { get; init; }

    /// <summary>max_tokens of the requests that said it.</summary>
    public required HistogramSnapshot RequestMaxTokens { get; init; }

    /// <summary>n of each request.</summary>
    public required HistogramSnapshot RequestNumOutputs { get; init; }

    /// <summary>Outputs that ended for a reason.</summary>
    public long OutputsFinished(FinishReason reason) => OutputsByReason[(int)reason];
}
