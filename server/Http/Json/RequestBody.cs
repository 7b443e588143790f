using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;

namespace Engine.Server.Http.Json;

/// <summary>Reads a request's body as a JSON object.</summary>
internal static class RequestBody
{
    /// <summary>Reads and parses; the caller disposes the document.</summary>
    /// <exception cref="ApiException">400, 408 or 413.</exception>
    public static async Task<JsonDocument> ReadObjectAsync(HttpContext context)
    {
        CheckContentType(context.Request.ContentType);
        try
        {
            return StrictJson.ParseObject(await ReadAllAsync(context.Request.BodyReader, context.RequestAborted));
        }
        catch (Microsoft.AspNetCore.Http.BadHttpRequestException e)
        {
            throw new ApiException(e.StatusCode, e.Message);
        }
    }

    // A page of another origin can post text/plain without asking; JSON it cannot.
    private static void CheckContentType(string? contentType)
    {
        ReadOnlySpan<char> media = contentType.AsSpan();
        int end = media.IndexOf(';');
        media = (end < 0 ? media : media[..end]).Trim();
        if (!media.Equals("application/json", StringComparison.OrdinalIgnoreCase))
        {
            throw ApiException.BadRequest("The content type must be application/json.");
        }
    }

    private static async Task<byte[]> ReadAllAsync(PipeReader reader, CancellationToken cancellation)
    {
        while (true)
        {
            ReadResult result = await reader.ReadAsync(cancellation);
            if (result.IsCompleted)
            {
                byte[] body = result.Buffer.ToArray();
                reader.AdvanceTo(result.Buffer.End);
                return body;
            }

            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }
}
