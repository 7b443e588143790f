using System.Diagnostics;
using System.Globalization;

namespace Engine.Server.Http;

/// <summary>One line per request: time, id, client, method, path, status, milliseconds. Never what was asked.</summary>
internal sealed class AccessLog(TextWriter output, bool isEnabled, IReadOnlyCollection<string>? quietPaths = null)
{
    private readonly object _lock = new();

    public void Write(HttpContext context, long started)
    {
        if (!isEnabled || quietPaths?.Contains(context.Request.Path.Value ?? "") == true)
        {
            return;
        }

        double elapsedMs = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{context.TraceIdentifier} {context.Connection.RemoteIpAddress} {context.Request.Method} {Quote(context.Request.Path)} {context.Response.StatusCode} {elapsedMs:F1} ms"));
    }

    public void WriteError(string id, Exception e) => WriteLine($"{id} error {e}");

    public void WriteLine(string text)
    {
        string time = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        lock (_lock)
        {
            output.WriteLine($"{time} {text}");
        }
    }

    // A path is the client's text: it must not begin a line of its own.
    private static string Quote(PathString path)
    {
        string text = path.ToUriComponent();
        return text.Length <= 200 ? text : text[..200] + "...";
    }
}
