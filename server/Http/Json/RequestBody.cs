using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;

namespace Engine.Server.Http.Json;

/// <summary>Reads a request's body as a JSON object.</summary>
internal static class RequestBody
{
    // A client that writes its whole body before it reads must get to see the 413: what it still
    // sends is thrown away for a while instead of being answered with a reset.
    private const long MaxDrainBytes = 256L << 20;
    private static readonly TimeSpan _maxDrainTime = TimeSpan.FromSeconds(5);

    /// <summary>Reads and parses; the caller disposes the document.</summary>
    /// <exception cref="ApiException">400, 408 or 413.</exception>
    public static async Task<JsonDocument> ReadObjectAsync(HttpContext context)
    {
        CheckContentType(context.Request.ContentType);
        try
        {
            long limit = TakeOverLimit(context);
            if (context.Request.ContentLength > limit)
            {
                throw TooLarge(limit);
            }

            return StrictJson.ParseObject(
                await ReadAllAsync(context.Request.BodyReader, limit, context.RequestAborted));
        }
        catch (Microsoft.AspNetCore.Http.BadHttpRequestException e)
        {
            throw new ApiException(e.StatusCode, e.Message);
        }
    }

    /// <summary>Throws away what is left of a body that was refused.</summary>
    public static async Task DrainAsync(HttpContext context)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        limit.CancelAfter(_maxDrainTime);
        try
        {
            PipeReader reader = context.Request.BodyReader;
            long drained = 0;
            while (drained < MaxDrainBytes)
            {
                ReadResult result = await reader.ReadAsync(limit.Token);
                drained += result.Buffer.Length;
                reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The answer is out; how the rest of the body ended changes nothing.
        }
    }

    // The server's own check would close the connection without reading on.
    private static long TakeOverLimit(HttpContext context)
    {
        IHttpMaxRequestBodySizeFeature? feature = context.Features.Get<IHttpMaxRequestBodySizeFeature>();
        long limit = feature?.MaxRequestBodySize ?? long.MaxValue;
        if (feature is { IsReadOnly: false })
        {
            feature.MaxRequestBodySize = null;
        }

        return limit;
    }

    private static ApiException TooLarge(long limit) =>
        new(StatusCodes.Status413PayloadTooLarge, $"The body is too large: at most {limit} bytes are taken.");

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

    private static async Task<byte[]> ReadAllAsync(PipeReader reader, long limit, CancellationToken cancellation)
    {
        while (true)
        {
            ReadResult result = await reader.ReadAsync(cancellation);
            if (result.Buffer.Length > limit)
            {
                reader.AdvanceTo(result.Buffer.End);
                throw TooLarge(limit);
            }

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
