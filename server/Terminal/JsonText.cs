using System.Buffers;
using System.Text;
using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Terminal;

/// <summary>What a writer writes: on one line for standard output, or to be read again.</summary>
internal static class JsonText
{
    /// <summary>To be read as a request's body is; the caller disposes it.</summary>
    public static JsonDocument Document(Action<Utf8JsonWriter> write) =>
        JsonDocument.Parse(Write(write), new JsonDocumentOptions { MaxDepth = StrictJson.MaxDepth });

    /// <summary>The same, without an end.</summary>
    public static JsonElement Element(Action<Utf8JsonWriter> write)
    {
        using JsonDocument document = Document(write);
        return document.RootElement.Clone();
    }

    public static string Write(Action<Utf8JsonWriter> write, bool isIndented = false)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, JsonResponse.WriterOptions with { Indented = isIndented }))
        {
            write(writer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
