using System.Buffers;
using System.Text;
using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Terminal;

/// <summary>JSON on one line, for standard output.</summary>
internal static class JsonText
{
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
