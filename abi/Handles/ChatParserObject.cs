using System.Text;
using System.Text.Json;
using Engine.Chat;

namespace Engine.Abi.Handles;

/// <summary>Reads one output of a model. Bytes may be cut anywhere: half a character waits for its rest.</summary>
internal sealed class ChatParserObject(ChatOutputOptions options) : HandleObject
{
    private readonly ChatOutputParser _parser = new(options);
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly Lock _lock = new();
    private bool _isFinished;

    public override HandleKind Kind => HandleKind.ChatParser;

    /// <summary>The deltas that some bytes made final, as JSON.</summary>
    public byte[] Feed(ReadOnlySpan<byte> utf8)
    {
        lock (_lock)
        {
            return _isFinished
                ? throw EngineException.Invalid("text", "the output has been finished")
                : Write(_parser.Feed(Decode(utf8, flush: false)));
        }
    }

    /// <summary>What was held back, as JSON.</summary>
    public byte[] Finish()
    {
        lock (_lock)
        {
            if (_isFinished)
            {
                return Write([]);
            }

            _isFinished = true;
            return Write([.. _parser.Feed(Decode([], flush: true)), .. _parser.Finish()]);
        }
    }

    private char[] Decode(ReadOnlySpan<byte> utf8, bool flush)
    {
        char[] chars = new char[_decoder.GetCharCount(utf8, flush)];
        _decoder.GetChars(utf8, chars, flush);
        return chars;
    }

    private static byte[] Write(IReadOnlyList<ChatDelta> deltas)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartArray();
            foreach (ChatDelta delta in deltas)
            {
                Write(json, delta);
            }

            json.WriteEndArray();
        }

        return stream.ToArray();
    }

    private static void Write(Utf8JsonWriter json, ChatDelta delta)
    {
        json.WriteStartObject();
        json.WriteString("kind", delta.Kind switch
        {
            ChatDeltaKind.Content => "content",
            ChatDeltaKind.Reasoning => "reasoning",
            ChatDeltaKind.ToolCall => "tool_call",
            _ => "arguments",
        });
        if (delta.ToolIndex >= 0)
        {
            json.WriteNumber("index", delta.ToolIndex);
        }

        if (delta.ToolId is not null)
        {
            json.WriteString("id", delta.ToolId);
        }

        json.WriteString(delta.Kind == ChatDeltaKind.ToolCall ? "name" : "text", delta.Text);
        json.WriteEndObject();
    }
}
