using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Engine.Server.Http.Json;

/// <summary>Writes a JSON answer in one piece.</summary>
internal static class JsonResponse
{
    // Text in other scripts stays readable; what is unsafe inside HTML does not matter in application/json.
    public static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    public static async Task WriteAsync(HttpContext context, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions))
        {
            write(writer);
        }

        context.Response.ContentType = "application/json";
        context.Response.ContentLength = buffer.WrittenCount;
        await context.Response.BodyWriter.WriteAsync(buffer.WrittenMemory, context.RequestAborted);
    }
}
