using System.Text.Json;
using Engine.Abi.Handles;
using Engine.Abi.Types;
using Engine.Diagnostics;
using Engine.Hosting;

namespace Engine.Abi.Api;

/// <summary>Counters and histograms.</summary>
internal static unsafe class MetricsApi
{
    /// <summary>An engine's counters at one moment.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="metrics">Set struct_size; filled up to it.</param>
    [AbiFunction("engine_metrics_snapshot")]
    public static EngineStatus Snapshot(EngineHandle engine, MetricsStruct* metrics)
    {
        using HandlePin<EngineObject> pin = EngineApi.PinOf(engine);
        EngineMetricsSnapshot now = pin.Target.Worker.Metrics;
        var value = new MetricsStruct
        {
            NumRequestsRunning = now.NumRequestsRunning,
            NumRequestsWaiting = now.NumRequestsWaiting,
            NumBlocks = now.NumBlocks,
            KvCacheUsage = now.KvCacheUsage,
            PrefixCacheQueries = now.PrefixCacheQueries,
            PrefixCacheHits = now.PrefixCacheHits,
            NumPreemptions = now.NumPreemptions,
            PromptTokens = now.PromptTokens,
            GenerationTokens = now.GenerationTokens,
            NumSteps = now.NumSteps,
            NumFailed = now.NumFailed,
        };
        Interop.WriteStruct(value, metrics, "metrics");
        return EngineStatus.Ok;
    }

    /// <summary>An engine's counters and histograms as JSON, under vLLM's metric names.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="buffer">Takes the text; not NUL-terminated.</param>
    /// <param name="capacity">Its size in bytes.</param>
    /// <param name="length">The size needed.</param>
    /// <returns>ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.</returns>
    [AbiFunction("engine_metrics_json")]
    public static EngineStatus Json(EngineHandle engine, byte* buffer, ulong capacity, ulong* length)
    {
        Interop.Required(length, "length");
        using HandlePin<EngineObject> pin = EngineApi.PinOf(engine);
        return Interop.CopyOut<byte>(Render(pin.Target.Worker.Metrics), buffer, capacity, length);
    }

    public static byte[] Render(EngineMetricsSnapshot now)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            WriteCounters(writer, now);
            WriteHistogram(writer, "time_to_first_token_seconds", now.TimeToFirstToken);
            WriteHistogram(writer, "inter_token_latency_seconds", now.InterTokenLatency);
            WriteHistogram(writer, "request_time_per_output_token_seconds", now.TimePerOutputToken);
            WriteHistogram(writer, "e2e_request_latency_seconds", now.E2eRequestLatency);
            WriteHistogram(writer, "request_queue_time_seconds", now.QueueTime);
            WriteHistogram(writer, "request_prefill_time_seconds", now.PrefillTime);
            WriteHistogram(writer, "request_decode_time_seconds", now.DecodeTime);
            WriteHistogram(writer, "request_inference_time_seconds", now.InferenceTime);
            WriteHistogram(writer, "iteration_tokens_total", now.IterationTokens);
            WriteHistogram(writer, "request_prompt_tokens", now.RequestPromptTokens);
            WriteHistogram(writer, "request_generation_tokens", now.RequestGenerationTokens);
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void WriteCounters(Utf8JsonWriter writer, EngineMetricsSnapshot now)
    {
        writer.WriteNumber("num_requests_running", now.NumRequestsRunning);
        writer.WriteNumber("num_requests_waiting", now.NumRequestsWaiting);
        writer.WriteNumber("kv_cache_usage_perc", now.KvCacheUsage);
        writer.WriteNumber("num_blocks", now.NumBlocks);
        writer.WriteNumber("block_size", now.BlockSize);
        writer.WriteNumber("prefix_cache_queries", now.PrefixCacheQueries);
        writer.WriteNumber("prefix_cache_hits", now.PrefixCacheHits);
        writer.WriteNumber("num_preemptions_total", now.NumPreemptions);
        writer.WriteNumber("prompt_tokens_total", now.PromptTokens);
        writer.WriteNumber("generation_tokens_total", now.GenerationTokens);
        writer.WriteNumber("num_steps_total", now.NumSteps);
        writer.WriteNumber("request_failed_total", now.NumFailed);
        writer.WriteNumber("spec_decode_num_drafts", now.SpecDecodeNumDrafts);
        writer.WriteNumber("spec_decode_num_draft_tokens", now.SpecDecodeNumDraftTokens);
        writer.WriteNumber("spec_decode_num_accepted_tokens", now.SpecDecodeNumAcceptedTokens);
        writer.WriteStartArray("spec_decode_num_accepted_tokens_per_pos");
        foreach (long count in now.SpecDecodeAcceptedPerPosition)
        {
            writer.WriteNumberValue(count);
        }

        writer.WriteEndArray();
        writer.WriteStartObject("request_success_total");
        foreach (FinishReason reason in (ReadOnlySpan<FinishReason>)
            [FinishReason.Stop, FinishReason.Length, FinishReason.Abort])
        {
            writer.WriteNumber(reason.ToString().ToLowerInvariant(), now.OutputsFinished(reason));
        }

        writer.WriteEndObject();
    }

    private static void WriteHistogram(Utf8JsonWriter writer, string name, HistogramSnapshot histogram)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber("count", histogram.Count);
        writer.WriteNumber("sum", histogram.Sum);
        writer.WriteStartArray("upper_bounds");
        foreach (double bound in histogram.UpperBounds)
        {
            writer.WriteNumberValue(bound);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("counts");
        foreach (long count in histogram.Counts)
        {
            writer.WriteNumberValue(count);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
