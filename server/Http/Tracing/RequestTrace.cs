using System.Diagnostics;
using Engine.Diagnostics;
using Engine.Sampling;
using Engine.Server.Http.Generation;

namespace Engine.Server.Http.Tracing;

/// <summary>
/// One span per prompt, "llm_request", with vLLM's attributes, under the span that the client's traceparent names.
/// Numbers and names alone: never what was asked or answered.
/// </summary>
internal static class RequestTrace
{
    public const string SourceName = "engine.requests";

    private static readonly ActivitySource _source = new(SourceName);

    /// <summary>True if somebody collects spans.</summary>
    public static bool IsOn => _source.HasListeners();

    /// <summary>Writes the spans of a job that has ended, or whose client has left.</summary>
    /// <param name="parent">The span of the client's that it belongs to; see <see cref="ParentOf"/>.</param>
    /// <param name="job">The job.</param>
    /// <param name="id">The answer's id.</param>
    /// <param name="model">The name in answers.</param>
    public static void Write(ActivityContext parent, GenerationJob job, string id, string model)
    {
        Activity? ambient = Activity.Current;
        Activity.Current = null; // without a parent of the client's the span is a root
        try
        {
            for (int i = 0; i < job.Prompts.Count; i++)
            {
                string name = job.Prompts.Count == 1 ? id : $"{id}-{i}";
                Write(parent, job, job.Prompts[i], name, model);
            }
        }
        finally
        {
            Activity.Current = ambient;
        }
    }

    /// <summary>The span that a request's headers name; none is fine.</summary>
    public static ActivityContext ParentOf(IHeaderDictionary headers) =>
        ActivityContext.TryParse(headers.TraceParent, headers.TraceState, isRemote: true, out ActivityContext parent)
            ? parent
            : default;

    private static void Write(
        ActivityContext parent, GenerationJob job, PromptState prompt, string id, string model)
    {
        using Activity? span = _source.StartActivity(
            "llm_request", ActivityKind.Server, parent, startTime: job.SubmittedAt);
        if (span is null)
        {
            return;
        }

        SamplingParams sampling = job.Fields.Sampling;

        // By way of decimals 0.9 stays 0.9.
        span.SetTag("gen_ai.request.id", id);
        span.SetTag("gen_ai.response.model", model);
        span.SetTag("gen_ai.request.n", sampling.N);
        span.SetTag("gen_ai.request.temperature", (double)(decimal)sampling.Temperature);
        span.SetTag("gen_ai.request.top_p", (double)(decimal)sampling.TopP);
        span.SetTag("gen_ai.request.max_tokens", sampling.MaxTokens);
        span.SetTag("gen_ai.usage.prompt_tokens", prompt.TokenIds.Count);
        if (prompt.Times is { } times)
        {
            SetTimes(span, times);
            span.SetEndTime((job.SubmittedAt + TimeSpan.FromSeconds(times.EndSeconds)).UtcDateTime);
        }
        else
        {
            span.SetStatus(ActivityStatusCode.Error, "The client went away.");
        }

        if (job.Error is { } error)
        {
            span.SetStatus(ActivityStatusCode.Error, error.Message);
        }
    }

    private static void SetTimes(Activity span, RequestTimes times)
    {
        span.SetTag("gen_ai.usage.completion_tokens", times.NumOutputTokens);
        span.SetTag("gen_ai.latency.e2e", times.EndSeconds);
        if (times.ScheduledSeconds is not { } scheduled)
        {
            return;
        }

        span.SetTag("gen_ai.latency.time_in_queue", scheduled);
        if (times is { FirstTokenSeconds: { } first, LastTokenSeconds: { } last })
        {
            span.SetTag("gen_ai.latency.time_to_first_token", first);
            span.SetTag("gen_ai.latency.time_in_model_prefill", first - scheduled);
            span.SetTag("gen_ai.latency.time_in_model_decode", last - first);
            span.SetTag("gen_ai.latency.time_in_model_inference", last - scheduled);
        }
    }
}
