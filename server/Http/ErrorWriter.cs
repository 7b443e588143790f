using System.Globalization;
using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Http;

/// <summary>Writes errors in OpenAI's form: {"error": {message, type, param, code}}.</summary>
internal static class ErrorWriter
{
    private const string MessagesPath = "/v1/messages";

    public static async Task WriteAsync(HttpContext context, ApiException e)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = e.StatusCode;
        if (e.RetryAfterS > 0)
        {
            context.Response.Headers.RetryAfter = e.RetryAfterS.ToString(CultureInfo.InvariantCulture);
        }

        if (e.StatusCode == StatusCodes.Status401Unauthorized)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
        }

        if (e.StatusCode is StatusCodes.Status503ServiceUnavailable or StatusCodes.Status413PayloadTooLarge)
        {
            context.Response.Headers.Connection = "close";
        }

        bool isMessages = context.Request.Path.StartsWithSegments(MessagesPath, StringComparison.Ordinal);
        await JsonResponse.WriteAsync(context, writer =>
        {
            if (isMessages)
            {
                WriteForMessages(writer, e);
            }
            else
            {
                Write(writer, e);
            }
        });
        if (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            await context.Response.CompleteAsync();
            await RequestBody.DrainAsync(context);
        }
    }

    /// <summary>Anthropic's form, with vLLM's names: {"type": "error", "error": {type, message}}.</summary>
    public static void WriteForMessages(Utf8JsonWriter writer, ApiException e)
    {
        writer.WriteStartObject();
        writer.WriteString("type", "error");
        writer.WriteStartObject("error");
        writer.WriteString("type", e.Type);
        writer.WriteString("message", e.Message);
        writer.WriteString("param", e.Param);
        writer.WriteNumber("code", e.StatusCode);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, ApiException e)
    {
        writer.WriteStartObject();
        writer.WriteStartObject("error");
        writer.WriteString("message", e.Message);
        writer.WriteString("type", e.Type);
        writer.WriteString("param", e.Param);
        writer.WriteNumber("code", e.StatusCode);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
