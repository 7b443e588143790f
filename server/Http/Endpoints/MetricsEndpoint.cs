using System.Diagnostics;
using System.Globalization;
using System.Text;
using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Server.Http.Hosting;

namespace Engine.Server.Http.Endpoints;

/// <summary>GET /metrics, under vLLM's names with its labels, so that its dashboards work unchanged.</summary>
internal sealed class MetricsEndpoint(ServedModel model, HttpMetrics http)
{
    private static readonly double _startedS = StartTimeS();

    private readonly string _labels = PrometheusWriter.Labels(("engine", "0"), ("model_name", model.Name));

    private static double StartTimeS()
    {
        using var process = Process.GetCurrentProcess();
        return new DateTimeOffset(process.StartTime).ToUnixTimeMilliseconds() / 1000.0;
    }

    public async Task HandleAsync(HttpContext context)
    {
        byte[] body = Encoding.UTF8.GetBytes(Render());
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        context.Response.ContentLength = body.Length;
        await context.Response.BodyWriter.WriteAsync(body, context.RequestAborted);
    }

    public string Render()
    {
        EngineMetricsSnapshot m = model.Engine.Metrics;
        var text = new PrometheusWriter();
        WriteGauges(text, m);
        WriteCounters(text, m);
        WriteSpeculation(text, m);
        WriteFinished(text, m);
        WriteTimes(text, m);
        WriteInfo(text, m);
        WriteHttp(text);
        WriteProcess(text);
        return text.ToString();
    }

    private void WriteGauges(PrometheusWriter text, EngineMetricsSnapshot m)
    {
        text.One("vllm:num_requests_running", "gauge",
            "Number of requests in model execution batches.", _labels, m.NumRequestsRunning);
        text.One("vllm:num_requests_waiting", "gauge",
            "Number of requests waiting to be processed.", _labels, m.NumRequestsWaiting);
        const string byReason = "vllm:num_requests_waiting_by_reason";
        text.Head(byReason, "gauge", "Requests waiting for room (capacity), or for something else (deferred).");
        text.Sample(byReason, With("reason", "capacity"), m.NumRequestsWaiting);
        text.Sample(byReason, With("reason", "deferred"), 0);
        text.One("vllm:kv_cache_usage_perc", "gauge",
            "KV-cache usage. 1 means 100 percent usage.", _labels, m.KvCacheUsage);

        const string state = "vllm:engine_sleep_state";
        text.Head(state, "gauge",
            "Engine sleep state: awake, weights_offloaded (level 0 or 1) or discard_all (level 2) is 1.");
        int level = model.Engine.SleepLevel;
        text.Sample(state, SleepState("awake"), level < 0 ? 1 : 0);
        text.Sample(state, SleepState("weights_offloaded"), level is 0 or 1 ? 1 : 0);
        text.Sample(state, SleepState("discard_all"), level == 2 ? 1 : 0);

        // What routers of the previous generation read.
        text.One("vllm:gpu_cache_usage_perc", "gauge",
            "KV-cache usage under its older name.", _labels, m.KvCacheUsage);
    }

    private string SleepState(string state) => With("sleep_state", state);

    // A label behind those that all have, for names that come after them.
    private string With(string label, string value) => PrometheusWriter.Labels(
        ("engine", "0"), ("model_name", model.Name), (label, value));

    private void WriteCounters(PrometheusWriter text, EngineMetricsSnapshot m)
    {
        Counter(text, "vllm:prefix_cache_queries", "Prefix cache queries, in tokens.", m.PrefixCacheQueries);
        Counter(text, "vllm:prefix_cache_hits", "Prefix cache hits, in tokens.", m.PrefixCacheHits);
        Counter(text, "vllm:gpu_prefix_cache_queries", "Prefix cache queries under their older name.",
            m.PrefixCacheQueries);
        Counter(text, "vllm:gpu_prefix_cache_hits", "Prefix cache hits under their older name.", m.PrefixCacheHits);
        Counter(text, "vllm:num_preemptions", "Cumulative number of preemptions.", m.NumPreemptions);
        Counter(text, "vllm:prompt_tokens", "Number of prefill tokens processed.", m.PromptTokens);
        const string bySource = "vllm:prompt_tokens_by_source_total";
        text.Head(bySource, "counter", "Number of prompt tokens by where their keys and values came from.");
        text.Sample(bySource, With("source", "local_compute"), m.PromptTokens - m.CachedPromptTokens);
        text.Sample(bySource, With("source", "local_cache_hit"), m.CachedPromptTokens);
        text.Sample(bySource, With("source", "external_kv_transfer"), 0);
        Counter(text, "vllm:prompt_tokens_cached", "Number of cached prompt tokens.", m.CachedPromptTokens);
        Counter(text, "vllm:external_prefix_cache_queries", "Queries of other processes' caches: none.", 0);
        Counter(text, "vllm:external_prefix_cache_hits", "Hits of other processes' caches: none.", 0);
        Counter(text, "vllm:generation_tokens", "Number of generation tokens processed.", m.GenerationTokens);
    }

    private void WriteSpeculation(PrometheusWriter text, EngineMetricsSnapshot m)
    {
        Counter(text, "engine:jump_ahead_num_tokens", "Tokens foreseen from grammars.", m.JumpAheadNumTokens);
        Counter(text, "engine:jump_ahead_num_accepted_tokens", "Of these, tokens that saved a step.",
            m.JumpAheadNumAcceptedTokens);
        if (m.SpecDecodeAcceptedPerPosition.Count == 0)
        {
            return;
        }

        Counter(text, "vllm:spec_decode_num_drafts", "Number of spec decoding drafts.", m.SpecDecodeNumDrafts);
        Counter(text, "vllm:spec_decode_num_draft_tokens", "Number of draft tokens.", m.SpecDecodeNumDraftTokens);
        Counter(text, "vllm:spec_decode_num_accepted_tokens", "Number of accepted tokens.",
            m.SpecDecodeNumAcceptedTokens);
        const string name = "vllm:spec_decode_num_accepted_tokens_per_pos_total";
        text.Head(name, "counter", "Accepted tokens per draft position.");
        for (int i = 0; i < m.SpecDecodeAcceptedPerPosition.Count; i++)
        {
            string labels = PrometheusWriter.Labels(
                ("engine", "0"), ("model_name", model.Name), ("position", i.ToString(CultureInfo.InvariantCulture)));
            text.Sample(name, labels, m.SpecDecodeAcceptedPerPosition[i]);
        }
    }

    private void Counter(PrometheusWriter text, string name, string help, long value) =>
        text.One(name + "_total", "counter", help, _labels, value);

    private void WriteFinished(PrometheusWriter text, EngineMetricsSnapshot m)
    {
        const string name = "vllm:request_success_total";
        text.Head(name, "counter", "Count of successfully processed requests.");
        ReadOnlySpan<(string Name, FinishReason Reason)> reasons =
        [
            ("stop", FinishReason.Stop),
            ("length", FinishReason.Length),
            ("abort", FinishReason.Abort),
            ("error", FinishReason.Error),
        ];
        foreach ((string reason, FinishReason value) in reasons)
        {
            text.Sample(name, Finished(reason), m.OutputsFinished(value));
        }

        text.Sample(name, Finished("repetition"), 0);
    }

    private string Finished(string reason) => PrometheusWriter.Labels(
        ("engine", "0"), ("finished_reason", reason), ("model_name", model.Name));

    private void WriteTimes(PrometheusWriter text, EngineMetricsSnapshot m)
    {
        void Write(string name, string help, HistogramSnapshot histogram) =>
            text.Histogram("vllm:" + name, help, _labels, histogram);

        Write("time_to_first_token_seconds", "Time to first token in seconds.", m.TimeToFirstToken);
        Write("inter_token_latency_seconds", "Inter-token latency in seconds.", m.InterTokenLatency);
        Write("time_per_output_token_seconds", "Inter-token latency under its older name.", m.InterTokenLatency);
        Write("request_time_per_output_token_seconds", "Time per output token of a request.", m.TimePerOutputToken);
        Write("e2e_request_latency_seconds", "End to end request latency in seconds.", m.E2eRequestLatency);
        Write("request_queue_time_seconds", "Time spent in WAITING phase.", m.QueueTime);
        Write("request_prefill_time_seconds", "Time spent in PREFILL phase.", m.PrefillTime);
        Write("request_decode_time_seconds", "Time spent in DECODE phase.", m.DecodeTime);
        Write("request_inference_time_seconds", "Time spent in RUNNING phase.", m.InferenceTime);
        Write("iteration_tokens_total", "Number of tokens per engine step.", m.IterationTokens);
        Write("request_prompt_tokens", "Number of prefill tokens of a request.", m.RequestPromptTokens);
        Write("request_generation_tokens", "Number of generation tokens of a request.", m.RequestGenerationTokens);
        Write("request_max_num_generation_tokens", "Tokens of a request's longest output.", m.RequestLongestOutput);
        Write("request_params_max_tokens", "The max_tokens request parameter.", m.RequestMaxTokens);
        if (m.RequestPrefillComputedTokens is { } computed)
        {
            Write("request_prefill_kv_computed_tokens", "Tokens of a request's prompt that were computed.", computed);
        }

        Write("request_params_n", "The n request parameter.", m.RequestNumOutputs);
    }

    private void WriteInfo(PrometheusWriter text, EngineMetricsSnapshot m)
    {
        EngineOptions options = model.Engine.Options;
        text.One("vllm:cache_config_info", "gauge", "Information of the cache.", PrometheusWriter.Labels(
            ("block_size", m.BlockSize.ToString(CultureInfo.InvariantCulture)),
            ("cache_dtype", options.KvCacheDtype),
            ("enable_prefix_caching", options.EnablePrefixCaching ? "True" : "False"),
            ("engine", "0"),
            ("num_gpu_blocks", m.NumBlocks.ToString(CultureInfo.InvariantCulture))), 1);
        text.One("vllm:lora_requests_info", "gauge", "Running stats on lora requests.", PrometheusWriter.Labels(
            ("max_lora", "0"), ("running_lora_adapters", ""), ("waiting_lora_adapters", "")),
            DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0);
    }

    // As Python's client names them.
    private static void WriteProcess(PrometheusWriter text)
    {
        text.One("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", "",
            Environment.CpuUsage.TotalTime.TotalSeconds);
        text.One("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", "",
            Environment.WorkingSet);
        text.One("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.", "",
            _startedS);
    }

    private void WriteHttp(PrometheusWriter text)
    {
        text.Head("http_requests_total", "counter", "Total number of requests by method, status and handler.");
        foreach ((string handler, string method, string status, long count) in http.Counts)
        {
            text.Sample("http_requests_total",
                PrometheusWriter.Labels(("handler", handler), ("method", method), ("status", status)), count);
        }

        const string duration = "http_request_duration_seconds";
        text.Head(duration, "histogram", "Latency with only few buckets by handler.");
        foreach ((string handler, string method, HttpMetrics.Durations durations) in http.DurationsByHandler)
        {
            (long[] counts, double sumS) = durations.Snapshot();
            text.Buckets(duration, PrometheusWriter.Labels(("handler", handler), ("method", method)),
                HttpMetrics.BucketsS, counts, sumS);
        }
    }
}
