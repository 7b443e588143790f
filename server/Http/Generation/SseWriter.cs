using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Generation;

/// <summary>Writes server-sent events; what is written goes out with FlushAsync.</summary>
internal sealed class SseWriter : IDisposable
{
    // A body's pipe asks for a chunk's frame with each piece that is written to it: it gets one.
    private readonly ArrayBufferWriter<byte> _events = new(1024);
    private readonly PipeWriter _pipe;
    private readonly Utf8JsonWriter _json;

    public SseWriter(PipeWriter pipe)
    {
        _pipe = pipe;
        _json = new Utf8JsonWriter(_events, JsonResponse.WriterOptions);
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
        _events.Write("data: "u8);
        _json.Reset(_events);
        return _json;
    }

    /// <summary>The same for an event that has a name.</summary>
    /// <param name="name">ASCII, without line breaks.</param>
    public Utf8JsonWriter Begin(string name)
    {
        _events.Write("event: "u8);
        Encoding.ASCII.GetBytes(name, _events);
        _events.Write("\n"u8);
        return Begin();
    }

    public void End()
    {
        _json.Flush();
        _events.Write("\n\n"u8);
    }

    /// <summary>Writes an event that has been worded before.</summary>
    public void Text(TextTemplate template, string text) => template.Write(_events, text);

    public void Done() => _events.Write("data: [DONE]\n\n"u8);

    public void Ping() => _events.Write(": ping\n\n"u8);

    /// <summary>True if nothing is written that has not been sent.</summary>
    public bool IsEmpty => _events.WrittenCount == 0;

    /// <summary>Hands what is written to the pipe, whose next flush sends it.</summary>
    public void Commit()
    {
        _pipe.Write(_events.WrittenSpan);
        _events.ResetWrittenCount();
    }

    /// <summary>Sends what is written.</summary>
    public ValueTask<FlushResult> FlushAsync(CancellationToken cancellation)
    {
        Commit();
        return _pipe.FlushAsync(cancellation);
    }

    public void Dispose()
    {
        // Disposing would flush into a pipe that may be gone; there is nothing left to write.
        _json.Reset(Stream.Null);
        _json.Dispose();
    }
}
