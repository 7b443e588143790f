using System.Buffers;
using System.Text.Json;
using Engine.Server.Http;
using Engine.Server.Http.Json;

namespace Engine.Server.Terminal;

/// <summary>One JSON object per line in, one per line out, in order; a bad line is answered, not fatal.</summary>
internal static class JsonLines
{
    private const int MaxLineBytes = 256 << 20;

    private static readonly byte[] _newline = "\n"u8.ToArray();

    /// <summary>Answers every line.</summary>
    /// <param name="input">Lines of JSON; empty ones are skipped.</param>
    /// <param name="output">Written line by line, so that a program can converse.</param>
    /// <param name="answer">Writes the answer to an object; throws for a bad one.</param>
    /// <param name="cancellation">Stops between lines.</param>
    /// <returns>How many lines were answered with an error.</returns>
    public static async Task<int> RunAsync(
        Stream input, Stream output, Action<JsonElement, Utf8JsonWriter> answer, CancellationToken cancellation)
    {
        int numErrors = 0;
        var buffer = new ArrayBufferWriter<byte>(4096);
        await foreach (TextLine text in LineReader.ReadAsync(input, MaxLineBytes, cancellation))
        {
            byte[] line = text.Bytes
                ?? throw EngineException.Invalid("jsonl", $"a line has more than {MaxLineBytes} bytes");
            buffer.ResetWrittenCount();
            numErrors += AnswerLine(line, buffer, answer) ? 0 : 1;
            buffer.Write(_newline);
            await output.WriteAsync(buffer.WrittenMemory, cancellation);
            await output.FlushAsync(cancellation);
        }

        return numErrors;
    }

    private static bool AnswerLine(
        byte[] line, ArrayBufferWriter<byte> buffer, Action<JsonElement, Utf8JsonWriter> answer)
    {
        using var writer = new Utf8JsonWriter(buffer, JsonResponse.WriterOptions);
        try
        {
            using JsonDocument document = StrictJson.ParseObject(line);
            answer(document.RootElement, writer);
            return true;
        }
        catch (Exception e) when (e is ApiException or EngineException)
        {
            ApiException error = e as ApiException ?? ApiException.From((EngineException)e);
            buffer.ResetWrittenCount();
            writer.Reset(buffer);
            ErrorWriter.Write(writer, error);
            return false;
        }
    }
}
