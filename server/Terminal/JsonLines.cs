using System.Buffers;
using System.IO.Pipelines;
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
        await foreach (byte[] line in ReadAsync(input, cancellation))
        {
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

    private static async IAsyncEnumerable<byte[]> ReadAsync(
        Stream input,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        PipeReader reader = PipeReader.Create(input);
        while (true)
        {
            ReadResult result = await reader.ReadAsync(cancellation);
            ReadOnlySequence<byte> rest = result.Buffer;
            while (rest.PositionOf((byte)'\n') is { } end)
            {
                byte[] line = Trim(rest.Slice(0, end));
                rest = rest.Slice(rest.GetPosition(1, end));
                if (line.Length > 0)
                {
                    yield return line;
                }
            }

            if (result.IsCompleted)
            {
                byte[] last = Trim(rest);
                if (last.Length > 0)
                {
                    yield return last;
                }

                yield break;
            }

            if (rest.Length > MaxLineBytes)
            {
                throw EngineException.Invalid("jsonl", $"a line has more than {MaxLineBytes} bytes");
            }

            reader.AdvanceTo(rest.Start, rest.End);
        }
    }

    private static byte[] Trim(ReadOnlySequence<byte> line)
    {
        byte[] bytes = line.ToArray();
        ReadOnlySpan<byte> trimmed = bytes.AsSpan().Trim(" \t\r"u8);
        return trimmed.Length == bytes.Length ? bytes : trimmed.ToArray();
    }
}
