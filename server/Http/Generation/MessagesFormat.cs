using System.Text.Json;
using Engine.Chat;
using Engine.Hosting;

namespace Engine.Server.Http.Generation;

/// <summary>Answers of /v1/messages: blocks of thinking, text and tool_use.</summary>
internal sealed class MessagesFormat(GenerationJob job, string id, string model, ChatReading reading)
    : ResponseFormat(job, id, model)
{
    private readonly ChatOutputParser _parser = new(reading.Options);
    private string? _open;
    private int _numBlocks;

    protected override string WholeObject => "message";

    protected override string ChunkObject => "message";

    public override void WriteWhole(Utf8JsonWriter json)
    {
        OutputState state = Job.Outputs[0];
        ChatOutput output = ChatOutputParser.Parse(state.Text.ToString(), reading.Options);
        json.WriteStartObject();
        WriteHead(json);
        json.WriteStartArray("content");
        if (output.Reasoning.Length > 0 && reading.IncludesReasoning)
        {
            WriteBlock(json, "thinking", output.Reasoning);
        }

        if (output.Content.Length > 0)
        {
            WriteBlock(json, "text", output.Content);
        }

        foreach (ChatToolCall call in output.ToolCalls)
        {
            WriteCall(json, call.Name, call.Id, call.Arguments);
        }

        json.WriteEndArray();
        WriteStop(json, state, output.ToolCalls.Count > 0);
        WriteInputUsage(json, Job.NumGeneratedTokens);
        json.WriteEndObject();
    }

    public override void WriteFirst(SseWriter sse, OutputState output)
    {
        Utf8JsonWriter json = Begin(sse, "message_start");
        json.WriteStartObject("message");
        WriteHead(json);
        json.WriteStartArray("content");
        json.WriteEndArray();
        json.WriteNull("stop_reason");
        json.WriteNull("stop_sequence");
        WriteInputUsage(json, 0);
        json.WriteEndObject();
        End(sse, json);
    }

    public override void WriteDelta(SseWriter sse, OutputState output, RequestEvent e)
    {
        foreach (ChatDelta delta in reading.Wanted(_parser.Feed(e.Text)))
        {
            Write(sse, delta);
        }

        if (e.Kind != RequestEventKind.OutputFinished)
        {
            return;
        }

        foreach (ChatDelta delta in reading.Wanted(_parser.Finish()))
        {
            Write(sse, delta);
        }

        CloseBlock(sse);
        Utf8JsonWriter json = Begin(sse, "message_delta");
        json.WriteStartObject("delta");
        WriteStop(json, output, _parser.NumToolCalls > 0);
        json.WriteEndObject();
        json.WriteStartObject("usage");
        json.WriteNumber("output_tokens", Job.NumGeneratedTokens);
        json.WriteEndObject();
        End(sse, json);
    }

    public override void WriteEnd(SseWriter sse)
    {
        if (Job.Error is { } error)
        {
            ErrorWriter.WriteForMessages(sse.Begin("error"), error);
            sse.End();
            return;
        }

        End(sse, Begin(sse, "message_stop"));
    }

    // WriteWhole writes it all.
    protected override void WriteChoice(Utf8JsonWriter json, OutputState output)
    {
    }

    private static Utf8JsonWriter Begin(SseWriter sse, string type)
    {
        Utf8JsonWriter json = sse.Begin(type);
        json.WriteStartObject();
        json.WriteString("type", type);
        return json;
    }

    private static void End(SseWriter sse, Utf8JsonWriter json)
    {
        json.WriteEndObject();
        sse.End();
    }

    private void Write(SseWriter sse, ChatDelta delta)
    {
        string block = delta.Kind switch
        {
            ChatDeltaKind.Reasoning => "thinking",
            ChatDeltaKind.Content => "text",
            _ => "tool_use",
        };
        if (_open != block || delta.Kind == ChatDeltaKind.ToolCall)
        {
            CloseBlock(sse);
            OpenBlock(sse, block, delta);
        }

        if (delta.Kind == ChatDeltaKind.ToolCall)
        {
            return;
        }

        Utf8JsonWriter json = Begin(sse, "content_block_delta");
        json.WriteNumber("index", _numBlocks - 1);
        json.WriteStartObject("delta");
        (string type, string member) = block switch
        {
            "thinking" => ("thinking_delta", "thinking"),
            "text" => ("text_delta", "text"),
            _ => ("input_json_delta", "partial_json"),
        };
        json.WriteString("type", type);
        json.WriteString(member, delta.Text);
        json.WriteEndObject();
        End(sse, json);
    }

    private void OpenBlock(SseWriter sse, string block, ChatDelta delta)
    {
        Utf8JsonWriter json = Begin(sse, "content_block_start");
        json.WriteNumber("index", _numBlocks++);
        json.WritePropertyName("content_block");
        if (block == "tool_use")
        {
            WriteCall(json, delta.Text, delta.ToolId, "{}");
        }
        else
        {
            WriteBlock(json, block, "");
        }

        End(sse, json);
        _open = block;
    }

    private void CloseBlock(SseWriter sse)
    {
        if (_open is null)
        {
            return;
        }

        Utf8JsonWriter json = Begin(sse, "content_block_stop");
        json.WriteNumber("index", _numBlocks - 1);
        End(sse, json);
        _open = null;
    }

    private void WriteHead(Utf8JsonWriter json)
    {
        json.WriteString("id", Id);
        json.WriteString("type", "message");
        json.WriteString("role", "assistant");
        json.WriteString("model", Model);
    }

    private static void WriteBlock(Utf8JsonWriter json, string type, string text)
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        json.WriteString(type, text);
        if (type == "thinking")
        {
            json.WriteString("signature", "");
        }

        json.WriteEndObject();
    }

    private static void WriteCall(Utf8JsonWriter json, string name, string? id, string arguments)
    {
        json.WriteStartObject();
        json.WriteString("type", "tool_use");
        json.WriteString("id", id ?? "toolu_" + Guid.NewGuid().ToString("N"));
        json.WriteString("name", name);
        json.WritePropertyName("input");
        WriteInput(json, arguments);
        json.WriteEndObject();
    }

    // A call that was cut off has no input that could be read: max_tokens says so.
    private static void WriteInput(Utf8JsonWriter json, string arguments)
    {
        try
        {
            using JsonDocument input = JsonDocument.Parse(arguments, new JsonDocumentOptions { MaxDepth = 256 });
            if (input.RootElement.ValueKind == JsonValueKind.Object)
            {
                input.RootElement.WriteTo(json);
                return;
            }
        }
        catch (JsonException)
        {
            // Written as an empty object below.
        }

        json.WriteStartObject();
        json.WriteEndObject();
    }

    private static void WriteStop(Utf8JsonWriter json, OutputState output, bool hasCalls)
    {
        string? sequence = output.IsRepetition ? null : output.StopReason as string;
        json.WriteString("stop_reason", output.FinishReason switch
        {
            FinishReason.Length => "max_tokens",
            FinishReason.Stop when sequence is not null => "stop_sequence",
            FinishReason.Stop when hasCalls => "tool_use",
            _ => "end_turn",
        });
        json.WriteString("stop_sequence", sequence);
    }

    private void WriteInputUsage(Utf8JsonWriter json, int numOutput)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("input_tokens", Math.Max(0, Job.NumPromptTokens - Job.NumCachedTokens));
        json.WriteNumber("cache_read_input_tokens", Job.NumCachedTokens);
        json.WriteNumber("cache_creation_input_tokens", 0);
        json.WriteNumber("output_tokens", numOutput);
        json.WriteEndObject();
    }
}
