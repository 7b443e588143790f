using System.Text;
using System.Text.Json;
using Engine.Chat;
using Engine.Hosting;

namespace Engine.Server.Http.Generation;

/// <summary>One output item of /v1/responses: a thought, a message or a call.</summary>
internal sealed class ResponseItem
{
    private ResponseItem(ChatDeltaKind kind, string prefix)
    {
        Kind = kind;
        Id = prefix + Guid.NewGuid().ToString("N");
    }

    /// <summary>Reasoning, Content or ToolCall.</summary>
    public ChatDeltaKind Kind { get; }

    public string Id { get; }

    public StringBuilder Text { get; } = new();

    /// <summary>Of a message's tokens, if asked for.</summary>
    public List<IReadOnlyList<TokenLogprob>> Logprobs { get; } = [];

    /// <summary>Writes them as a list.</summary>
    public required Action<Utf8JsonWriter, IReadOnlyList<IReadOnlyList<TokenLogprob>>> WriteLogprobs { get; init; }

    public string Name { get; private init; } = "";

    public string CallId { get; private init; } = "";

    /// <summary>in_progress, completed or incomplete.</summary>
    public string Status { get; set; } = "in_progress";

    /// <summary>True if a delta goes on with this item.</summary>
    public bool Takes(ChatDelta delta) =>
        delta.Kind == (Kind == ChatDeltaKind.ToolCall ? ChatDeltaKind.Arguments : Kind);

    /// <summary>The item that a delta begins.</summary>
    /// <param name="delta">Its first.</param>
    /// <param name="writeLogprobs">Writes log probabilities as a list.</param>
    public static ResponseItem Begin(
        ChatDelta delta, Action<Utf8JsonWriter, IReadOnlyList<IReadOnlyList<TokenLogprob>>> writeLogprobs) =>
        delta.Kind switch
        {
            ChatDeltaKind.Reasoning => new ResponseItem(ChatDeltaKind.Reasoning, "rs_") { WriteLogprobs = writeLogprobs },
            ChatDeltaKind.Content => new ResponseItem(ChatDeltaKind.Content, "msg_") { WriteLogprobs = writeLogprobs },
            _ => new ResponseItem(ChatDeltaKind.ToolCall, "fc_")
            {
                WriteLogprobs = writeLogprobs,
                Name = delta.Text,
                CallId = delta.ToolId ?? "call_" + Guid.NewGuid().ToString("N"),
            },
        };

    /// <summary>Writes the item as it is now.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id", Id);
        json.WriteString("status", Status);
        switch (Kind)
        {
            case ChatDeltaKind.Reasoning:
                json.WriteString("type", "reasoning");
                json.WriteStartArray("summary");
                json.WriteEndArray();
                WriteContent(json);
                break;
            case ChatDeltaKind.Content:
                json.WriteString("type", "message");
                json.WriteString("role", "assistant");
                WriteContent(json);
                break;
            default:
                json.WriteString("type", "function_call");
                json.WriteString("call_id", CallId);
                json.WriteString("name", Name);
                json.WriteString("arguments", Text.ToString());
                break;
        }

        json.WriteEndObject();
    }

    /// <summary>Writes the one part of a thought or message.</summary>
    public void WritePart(Utf8JsonWriter json, string text)
    {
        json.WriteStartObject();
        json.WriteString("type", Kind == ChatDeltaKind.Reasoning ? "reasoning_text" : "output_text");
        json.WriteString("text", text);
        if (Kind == ChatDeltaKind.Content)
        {
            json.WriteStartArray("annotations");
            json.WriteEndArray();
            json.WritePropertyName("logprobs");
            WriteLogprobs(json, text.Length > 0 ? Logprobs : []);
        }

        json.WriteEndObject();
    }

    // An item that has just begun has no part yet: that comes with an event of its own.
    private void WriteContent(Utf8JsonWriter json)
    {
        json.WriteStartArray("content");
        if (Status != "in_progress")
        {
            WritePart(json, Text.ToString());
        }

        json.WriteEndArray();
    }
}
