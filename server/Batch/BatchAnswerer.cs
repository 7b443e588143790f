using System.Buffers;
using System.Net;
using System.Text.Json;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Microsoft.AspNetCore.Http.Features;

namespace Engine.Server.Batch;

/// <summary>Answers lines of a batch file with the handlers that answer HTTP.</summary>
internal sealed class BatchAnswerer
{
    private readonly RequestPipeline _pipeline;
    private readonly IEngineBackend _engine;
    private readonly long _maxBodyBytes;

    /// <param name="model">The model.</param>
    /// <param name="options">Limits; keys, log lines and pages are HTTP's.</param>
    /// <param name="log">What went wrong inside.</param>
    public BatchAnswerer(ServedModel model, ServerOptions options, TextWriter log)
    {
        ServerOptions own = options with { ApiKeys = [], ManagementKeys = [], LogRequests = false, ServesPage = false };
        _pipeline = new RequestPipeline(model, own, log);
        _engine = model.Engine;
        _maxBodyBytes = options.MaxBodyBytes;
    }

    /// <summary>The line's answer, without a line break.</summary>
    /// <exception cref="OperationCanceledException">It was stopped before it was answered.</exception>
    /// <exception cref="EngineException">The engine is broken: no line can be answered any more.</exception>
    public async Task<BatchAnswer> AnswerAsync(BatchLine line, CancellationToken cancellation)
    {
        using var body = new MemoryStream();
        DefaultHttpContext context = ContextOf(line, body, cancellation);
        if (line.Error is null)
        {
            await _pipeline.HandleAsync(context);
            await context.Response.CompleteAsync();
            cancellation.ThrowIfCancellationRequested();
            ThrowIfBroken(context.Response.StatusCode);
        }
        else
        {
            context.TraceIdentifier = RequestId.Of(context);
            await ErrorWriter.WriteAsync(context, line.Error);
        }

        bool isAnswered = context.Response.StatusCode == (int)HttpStatusCode.OK;
        return new BatchAnswer(Write(line, context, body.GetBuffer().AsMemory(0, (int)body.Length)), isAnswered);
    }

    private DefaultHttpContext ContextOf(BatchLine line, MemoryStream body, CancellationToken cancellation)
    {
        var context = new DefaultHttpContext { RequestAborted = cancellation };
        context.Request.Method = HttpMethods.Post;
        context.Request.Path = line.Path;
        context.Request.ContentType = "application/json";
        context.Request.ContentLength = line.Body.Length;
        context.Request.Body = new MemoryStream(line.Body, writable: false);
        context.Response.Body = body;
        context.Features.Set<IHttpMaxRequestBodySizeFeature>(new BodyLimit { MaxRequestBodySize = _maxBodyBytes });
        return context;
    }

    private void ThrowIfBroken(int statusCode)
    {
        if (statusCode >= 500 && _engine.Health is { State: Diagnostics.EngineHealthState.Failed } health)
        {
            throw new EngineException(health.Status, health.Message ?? "the engine has failed");
        }
    }

    private static ArrayBufferWriter<byte> Write(BatchLine line, HttpContext context, ReadOnlyMemory<byte> body)
    {
        bool isAnswered = context.Response.StatusCode == (int)HttpStatusCode.OK;
        var buffer = new ArrayBufferWriter<byte>(body.Length + 512);
        using var json = new Utf8JsonWriter(buffer, JsonResponse.WriterOptions);
        json.WriteStartObject();
        json.WriteString("id", "batch_req_" + Guid.NewGuid().ToString("N"));
        json.WriteString("custom_id", line.CustomId);
        json.WriteStartObject("response");
        json.WriteNumber("status_code", context.Response.StatusCode);
        json.WriteString("request_id", context.TraceIdentifier);
        json.WritePropertyName("body");
        json.WriteRawValue(body.Span, skipInputValidation: true);
        json.WriteEndObject();

        // vLLM says here what OpenAI says in the body; readers of both find it.
        json.WritePropertyName("error");
        if (isAnswered)
        {
            json.WriteNullValue();
        }
        else
        {
            json.WriteRawValue(body.Span, skipInputValidation: true);
        }

        json.WriteEndObject();
        return buffer;
    }

    private sealed class BodyLimit : IHttpMaxRequestBodySizeFeature
    {
        public bool IsReadOnly => false;

        public long? MaxRequestBodySize { get; set; }
    }
}

/// <summary>What the output file gets for a line.</summary>
/// <param name="Json">One JSON object.</param>
/// <param name="IsAnswered">False for an error.</param>
internal readonly record struct BatchAnswer(ArrayBufferWriter<byte> Json, bool IsAnswered);
