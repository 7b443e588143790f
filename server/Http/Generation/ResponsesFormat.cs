using System.Text.Json;
using Engine.Chat;
using Engine.Hosting;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Responses;

namespace Engine.Server.Http.Generation;

/// <summary>Answers of /v1/responses: items, each of whose events is written before the next begins.</summary>
internal sealed partial class ResponsesFormat(
    GenerationJob job, string id, ServedModel served, ChatReading reading, JsonElement request,
    ResponseChain? chain = null, bool isBackground = false)
    : ResponseFormat(job, id, served.Name)
{
    private readonly ChatOutputParser _parser = new(reading.Options);
    private readonly ReasoningCounter _thoughts = new();
    private readonly LogprobsWriter _logprobs = new(served, job.Fields.ReturnTokensAsTokenIds);

    // Of tokens whose text has not come out yet.
    private readonly List<IReadOnlyList<TokenLogprob>> _pending = [];
    private readonly List<ResponseItem> _items = [];
    private IReadOnlyList<ChatDelta> _lastDeltas = [];
    private ChatDeltaKind? _lastKind;
    private int _sequence;
    private bool _hasStarted;

    /// <summary>Where it is kept; null if it is not.</summary>
    public ResponseChain? Chain => chain;

    /// <summary>The answer is that it has begun; the response is made while nobody waits for it.</summary>
    public bool IsBackground => isBackground;

    /// <summary>Somebody has ended it before its end.</summary>
    public bool IsCancelled { get; set; }

    protected override string WholeObject => "response";

    protected override string ChunkObject => "response";

    public override void WriteWhole(Utf8JsonWriter json)
    {
        Complete();
        WriteResponse(json, EndStatus);
        chain?.Keep(Id, whole => WriteResponse(whole, EndStatus));
    }

    public override void Observe(OutputState output, RequestEvent e)
    {
        foreach (ChatDelta delta in Read(e))
        {
            Book(delta);
        }

        TakeLogprobs(e);
    }

    public override void WriteFirst(SseWriter sse, OutputState output)
    {
        if (!isBackground)
        {
            WriteState(sse, "response.created", "in_progress");
        }

        _hasStarted = true;
        WriteState(sse, "response.in_progress", "in_progress");
    }

    /// <summary>In place of the first event, of what runs in the background.</summary>
    public void WriteQueued(SseWriter sse)
    {
        WriteState(sse, "response.created", "queued");
        WriteState(sse, "response.queued", "queued");
    }

    public override void WriteDelta(SseWriter sse, OutputState output, RequestEvent e)
    {
        bool isEnd = e.Kind == RequestEventKind.OutputFinished;
        IReadOnlyList<ChatDelta> deltas = Read(e);
        for (int i = 0; i < deltas.Count; i++)
        {
            ChatDelta delta = deltas[i];
            ResponseItem? before = _items.Count > 0 ? _items[^1] : null;
            ResponseItem item = Book(delta);
            int numLogprobs = item.Logprobs.Count;
            if (i == deltas.Count - 1)
            {
                TakeLogprobs(e);
            }

            if (item != before)
            {
                EndItem(sse, before, "completed");
                BeginItem(sse, item);
            }

            if (delta.Kind != ChatDeltaKind.ToolCall)
            {
                WriteText(sse, item, "delta", "delta", delta.Text, item.Logprobs[numLogprobs..]);
            }
        }

        if (deltas.Count == 0)
        {
            TakeLogprobs(e);
        }

        if (isEnd && _items.Count > 0)
        {
            EndItem(sse, _items[^1], output.FinishReason == FinishReason.Length ? "incomplete" : "completed");
        }
    }

    public override void WriteEnd(SseWriter sse)
    {
        if (!_hasStarted)
        {
            WriteFirst(sse, Job.Outputs[0]);
        }

        Complete();
        WriteState(sse, IsCancelled ? "response.incomplete" : "response." + EndStatus, EndStatus);
        if (!isBackground)
        {
            chain?.Keep(Id, json => WriteResponse(json, EndStatus));
        }
    }

    // WriteWhole writes it all.
    protected override void WriteChoice(Utf8JsonWriter json, OutputState output)
    {
    }

    /// <summary>What it is when it has ended.</summary>
    public string EndStatus => IsCancelled ? "cancelled"
        : Job.Error is not null ? "failed"
        : Job.Outputs[0].FinishReason == FinishReason.Length ? "incomplete"
        : "completed";

    private IReadOnlyList<ChatDelta> Read(RequestEvent e)
    {
        IReadOnlyList<ChatDelta> deltas = _parser.Feed(e.Text);
        deltas = e.Kind == RequestEventKind.OutputFinished ? [.. deltas, .. _parser.Finish()] : deltas;
        _thoughts.Add(deltas, e);
        _lastDeltas = deltas;
        return reading.Wanted(deltas);
    }

    private void WriteLogprobs(Utf8JsonWriter json, IReadOnlyList<IReadOnlyList<TokenLogprob>> entries) =>
        _logprobs.WriteTokens(json, entries, Job.Fields.NumLogprobs ?? 0);

    // A token belongs to the message that its text came out in, if it did in one.
    private void TakeLogprobs(RequestEvent e)
    {
        if (e.Logprobs is null || e.TokenId < 0)
        {
            return;
        }

        _pending.Add(e.Logprobs);
        if (_lastDeltas.Count > 0)
        {
            // What was held back behind something else than a message was a tag.
            bool wasMessage = _lastKind == ChatDeltaKind.Content;
            _lastKind = _lastDeltas[^1].Kind;
            if (_lastKind == ChatDeltaKind.Content)
            {
                _items[^1].Logprobs.AddRange(wasMessage ? _pending : [e.Logprobs]);
            }

            _pending.Clear();
        }
    }

    private ResponseItem Book(ChatDelta delta)
    {
        if (_items.Count == 0 || !_items[^1].Takes(delta))
        {
            if (_items.Count > 0)
            {
                _items[^1].Status = "completed";
            }

            _items.Add(ResponseItem.Begin(delta, WriteLogprobs));
        }

        if (delta.Kind != ChatDeltaKind.ToolCall)
        {
            _items[^1].Text.Append(delta.Text);
        }

        return _items[^1];
    }

    /// <summary>Nothing comes any more.</summary>
    public void Complete()
    {
        if (_items.Count > 0)
        {
            _items[^1].Status = Job.Outputs[0].FinishReason == FinishReason.Stop ? "completed" : "incomplete";
        }
    }

    private void BeginItem(SseWriter sse, ResponseItem item)
    {
        Utf8JsonWriter json = Begin(sse, "response.output_item.added");
        json.WriteNumber("output_index", _items.Count - 1);
        json.WritePropertyName("item");

        // Without its text, which follows in deltas.
        string text = item.Text.ToString();
        item.Text.Clear();
        item.Write(json);
        item.Text.Append(text);
        End(sse, json);
        if (item.Kind != ChatDeltaKind.ToolCall)
        {
            WritePart(sse, item, "added", "");
        }
    }

    private void EndItem(SseWriter sse, ResponseItem? item, string status)
    {
        if (item is null)
        {
            return;
        }

        int index = _items.IndexOf(item);
        item.Status = status;
        string text = item.Text.ToString();
        WriteText(
            sse, item, "done", item.Kind == ChatDeltaKind.ToolCall ? "arguments" : "text", text, item.Logprobs);
        if (item.Kind != ChatDeltaKind.ToolCall)
        {
            WritePart(sse, item, "done", text);
        }

        Utf8JsonWriter json = Begin(sse, "response.output_item.done");
        json.WriteNumber("output_index", index);
        json.WritePropertyName("item");
        item.Write(json);
        End(sse, json);
    }

    private void WritePart(SseWriter sse, ResponseItem item, string what, string text)
    {
        string kind = item.Kind == ChatDeltaKind.Reasoning ? "reasoning_part" : "content_part";
        Utf8JsonWriter json = Begin(sse, $"response.{kind}.{what}");
        WritePlace(json, item);
        json.WritePropertyName("part");
        item.WritePart(json, text);
        End(sse, json);
    }

    private void WriteText(
        SseWriter sse, ResponseItem item, string what, string member, string text,
        IReadOnlyList<IReadOnlyList<TokenLogprob>> logprobs)
    {
        string kind = item.Kind switch
        {
            ChatDeltaKind.Reasoning => "reasoning_text",
            ChatDeltaKind.Content => "output_text",
            _ => "function_call_arguments",
        };
        Utf8JsonWriter json = Begin(sse, $"response.{kind}.{what}");
        WritePlace(json, item);
        json.WriteString(member, text);
        if (kind == "output_text")
        {
            json.WritePropertyName("logprobs");
            WriteLogprobs(json, logprobs);
        }

        End(sse, json);
    }

    private void WritePlace(Utf8JsonWriter json, ResponseItem item)
    {
        json.WriteString("item_id", item.Id);
        json.WriteNumber("output_index", _items.IndexOf(item));
        if (item.Kind != ChatDeltaKind.ToolCall)
        {
            json.WriteNumber("content_index", 0);
        }
    }

    private void WriteState(SseWriter sse, string type, string status)
    {
        Utf8JsonWriter json = Begin(sse, type);
        json.WritePropertyName("response");
        WriteResponse(json, status);
        End(sse, json);
    }

    private Utf8JsonWriter Begin(SseWriter sse, string type)
    {
        Utf8JsonWriter json = sse.Begin(type);
        json.WriteStartObject();
        json.WriteString("type", type);
        json.WriteNumber("sequence_number", _sequence++);
        return json;
    }

    private static void End(SseWriter sse, Utf8JsonWriter json)
    {
        json.WriteEndObject();
        sse.End();
    }
}
