using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Generation;

/// <summary>Writes server-sent events; what is written goes out with FlushAsync.</summary>
internal sealed class SseWriter : IDisposable
{
    private readonly PipeWriter _pipe;
    private readonly Utf8JsonWriter _json;

    public SseWriter(PipeWriter pipe)
    {
        _pipe = pipe;
        _json = new Utf8JsonWriter(_pipe, JsonResponse.WriterOptions);
    }

    public static void SetHeaders(HttpResponse response)
    {
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
    }

    /// <summary>Begins `data: `; the caller writes one JSON value and calls End.</summary>
    public Utf8JsonWriter Begin()
    {
        _pipe.Write("data: "u8);
        _json.Reset(_pipe);
        return _json;
    }

    /// <summary>The same for an event that has a name.</summary>
    /// <param name="name">ASCII, without line breaks.</param>
    public Utf8JsonWriter Begin(string name)
    {
        _pipe.Write("event: "u8);
        Encoding.ASCII.GetBytes(name, _pipe);
        _pipe.Write("\n"u8);
        return Begin();
    }

    public void End()
    {
        _json.Flush();
        _pipe.Write("\n\n"u8);
    }

    /// <summary>Writes an event that has been worded before.</summary>
    public void Text(TextTemplate template, string text) => template.Write(_pipe, text);

    public void Done() => _pipe.Write("data: [DONE]\n\n"u8);

    public void Ping() => _pipe.Write(": ping\n\n"u8);

    /// <summary>False if the client is gone.</summary>
    public async ValueTask<bool> FlushAsync(CancellationToken cancellation)
    {
        FlushResult result = await _pipe.FlushAsync(cancellation);
        return !result.IsCompleted && !result.IsCanceled;
    }

    public void Dispose()
    {
        // Disposing would flush into a pipe that may be gone; there is nothing left to write.
        _json.Reset(Stream.Null);
        _json.Dispose();
    }
}
