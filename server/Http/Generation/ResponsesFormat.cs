using System.Text.Json;
using Engine.Chat;
using Engine.Hosting;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Responses;

namespace Engine.Server.Http.Generation;

/// <summary>Answers of /v1/responses: items, each of whose events is written before the next begins.</summary>
internal sealed class ResponsesFormat(
    GenerationJob job, string id, ServedModel served, ChatReading reading, JsonElement request,
    ResponseChain? chain = null)
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

    protected override string WholeObject => "response";

    protected override string ChunkObject => "response";

    public override void WriteWhole(Utf8JsonWriter json)
    {
        OutputState output = Job.Outputs[0];
        Complete(output);
        WriteResponse(json, EndStatus(output));
        chain?.Keep(Id, whole => WriteResponse(whole, EndStatus(output)));
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
        _hasStarted = true;
        WriteState(sse, "response.created", "in_progress");
        WriteState(sse, "response.in_progress", "in_progress");
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
        OutputState output = Job.Outputs[0];
        if (!_hasStarted)
        {
            WriteFirst(sse, output);
        }

        string status = EndStatus(output);
        WriteState(sse, "response." + status, status);
        chain?.Keep(Id, json => WriteResponse(json, status));
    }

    // WriteWhole writes it all.
    protected override void WriteChoice(Utf8JsonWriter json, OutputState output)
    {
    }

    private string EndStatus(OutputState output) => Job.Error is not null ? "failed"
        : output.FinishReason == FinishReason.Length ? "incomplete"
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

    private void Complete(OutputState output)
    {
        if (_items.Count > 0)
        {
            _items[^1].Status = output.FinishReason == FinishReason.Length ? "incomplete" : "completed";
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

    private void WriteResponse(Utf8JsonWriter json, string status)
    {
        json.WriteStartObject();
        json.WriteString("id", Id);
        json.WriteString("object", "response");
        json.WriteNumber("created_at", CreatedS);
        json.WriteString("model", Model);
        json.WriteString("status", status);
        json.WriteStartArray("output");
        foreach (ResponseItem item in _items.Where(_ => status != "in_progress"))
        {
            item.Write(json);
        }

        json.WriteEndArray();
        WriteProblem(json, status);
        WriteRequest(json);
        WriteResponseUsage(json, status);
        json.WriteEndObject();
    }

    private void WriteProblem(Utf8JsonWriter json, string status)
    {
        if (status == "failed")
        {
            json.WriteStartObject("error");
            json.WriteString("code", "server_error");
            json.WriteString("message", Job.Error!.Message);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("error");
        }

        if (status == "incomplete")
        {
            json.WriteStartObject("incomplete_details");
            json.WriteString("reason", "max_output_tokens");
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("incomplete_details");
        }
    }

    // What clients expect to find again.
    private void WriteRequest(Utf8JsonWriter json)
    {
        foreach (string name in (string[])["instructions", "metadata", "max_output_tokens", "reasoning", "text"])
        {
            if (Fields.TryGet(request, name, out JsonElement value))
            {
                json.WritePropertyName(name);
                value.WriteTo(json);
            }
            else
            {
                json.WriteNull(name);
            }
        }

        json.WriteBoolean("parallel_tool_calls", Fields.GetBool(request, "parallel_tool_calls") ?? true);
        json.WriteNumber("temperature", Job.Fields.Sampling.Temperature);
        json.WriteNumber("top_p", Job.Fields.Sampling.TopP);
        json.WriteString("previous_response_id", Fields.GetString(request, "previous_response_id"));
        json.WriteBoolean("store", chain is not null);
        json.WritePropertyName("tool_choice");
        if (Fields.TryGet(request, "tool_choice", out JsonElement choice))
        {
            choice.WriteTo(json);
        }
        else
        {
            json.WriteStringValue("auto");
        }

        json.WriteStartArray("tools");
        if (Fields.GetArray(request, "tools") is { } tools)
        {
            foreach (JsonElement tool in tools.EnumerateArray())
            {
                tool.WriteTo(json);
            }
        }

        json.WriteEndArray();
    }

    private void WriteResponseUsage(Utf8JsonWriter json, string status)
    {
        if (status == "in_progress")
        {
            json.WriteNull("usage");
            return;
        }

        json.WriteStartObject("usage");
        json.WriteNumber("input_tokens", Job.NumPromptTokens);
        json.WriteStartObject("input_tokens_details");
        json.WriteNumber("cached_tokens", Job.NumCachedTokens);
        json.WriteEndObject();
        json.WriteNumber("output_tokens", Job.NumGeneratedTokens);
        json.WriteStartObject("output_tokens_details");
        json.WriteNumber("reasoning_tokens", _thoughts.Count);
        json.WriteEndObject();
        json.WriteNumber("total_tokens", Job.NumPromptTokens + Job.NumGeneratedTokens);
        json.WriteEndObject();
    }
}
