using System.Text.Json;
using Engine.Chat;
using Engine.Hosting;
using Engine.Server.Http.Hosting;

namespace Engine.Server.Http.Generation;

/// <summary>Answers of /v1/chat/completions.</summary>
internal sealed class ChatFormat : ResponseFormat
{
    private readonly LogprobsWriter _logprobs;
    private readonly string _echoText;
    private readonly ChatReading _reading;
    private readonly ChatOutputParser?[] _parsers;
    private readonly ReasoningCounter[] _thoughts;

    /// <param name="job">The generation.</param>
    /// <param name="id">The answer's id.</param>
    /// <param name="served">The model.</param>
    /// <param name="echoText">The last message, which precedes the text if echo was asked for; or empty.</param>
    /// <param name="reading">How to find calls and thoughts in an output.</param>
    public ChatFormat(GenerationJob job, string id, ServedModel served, string echoText, ChatReading reading)
        : base(job, id, served.Name)
    {
        _logprobs = new LogprobsWriter(served, job.Fields.ReturnTokensAsTokenIds);
        _echoText = echoText;
        _reading = reading;
        _parsers = new ChatOutputParser?[job.Outputs.Length];
        _thoughts = [.. job.Outputs.Select(_ => new ReasoningCounter())];
    }

    protected override string WholeObject => "chat.completion";

    protected override string ChunkObject => "chat.completion.chunk";

    protected override int? NumReasoningTokens =>
        _reading.Options.ReasoningParser is null ? null : _thoughts.Sum(thoughts => thoughts.Count);

    public override void Observe(OutputState output, RequestEvent e)
    {
        if (_reading.Options.ReasoningParser is not null)
        {
            Read(output, e);
        }
    }

    public override void WriteFirst(SseWriter sse, OutputState output)
    {
        Utf8JsonWriter json = BeginChunk(sse);
        json.WriteStartObject();
        json.WriteNumber("index", output.Index);
        json.WriteStartObject("delta");
        json.WriteString("role", "assistant");
        json.WriteString("content", _echoText);
        json.WriteEndObject();
        json.WriteNull("logprobs");
        json.WriteNull("finish_reason");
        json.WriteEndObject();
        json.WriteEndArray();
        if (Job.Fields.ReturnTokenIds)
        {
            WriteIds(json, "prompt_token_ids", output.Prompt.TokenIds);
        }

        WritePromptText(json, output.Prompt);
        EndFirst(sse, json);
    }

    public override void WriteDelta(SseWriter sse, OutputState output, RequestEvent e)
    {
        bool isEnd = e.Kind == RequestEventKind.OutputFinished;
        bool hasToken = e.TokenId >= 0;
        bool hasLogprobs = hasToken && Job.Fields.NumLogprobs is not null && e.Logprobs is not null;
        IReadOnlyList<ChatDelta> deltas = _reading.Wanted(Read(output, e));
        if (!isEnd && deltas.Count == 0 && !hasLogprobs && !(hasToken && Job.Fields.ReturnTokenIds))
        {
            return;
        }

        if (HasPlainChunks && !isEnd && deltas is [{ Kind: ChatDeltaKind.Content } delta])
        {
            output.TextChunk ??= TextTemplate.Create((other, mark) =>
                WriteChunk(other, output, [delta with { Text = mark }], null, -1));
            sse.Text(output.TextChunk, delta.Text);
        }
        else
        {
            WriteChunk(sse, output, deltas, hasLogprobs ? e : null, hasToken ? e.TokenId : -1);
        }
    }

    private void WriteChunk(
        SseWriter sse, OutputState output, IReadOnlyList<ChatDelta> deltas, RequestEvent? logprobs, int tokenId)
    {
        Utf8JsonWriter json = BeginChunk(sse);
        json.WriteStartObject();
        json.WriteNumber("index", output.Index);
        json.WriteStartObject("delta");
        _reading.WriteDelta(json, deltas);
        json.WriteEndObject();
        if (logprobs is { } e)
        {
            json.WritePropertyName("logprobs");
            _logprobs.WriteChat(json, [e.Logprobs!], Job.Fields.NumLogprobs!.Value);
        }
        else
        {
            json.WriteNull("logprobs");
        }

        WriteFinish(json, output, _parsers[output.Index]!.NumToolCalls > 0);
        if (Job.Fields.ReturnTokenIds)
        {
            WriteIds(json, "token_ids", tokenId >= 0 ? [tokenId] : []);
        }

        json.WriteEndObject();
        EndChunk(sse, json);
    }

    protected override void WriteChoice(Utf8JsonWriter json, OutputState output)
    {
        json.WriteStartObject();
        json.WriteNumber("index", output.Index);
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        bool hasCalls = _reading.WriteMessage(json, _echoText, output.Text.ToString());
        json.WriteEndObject();
        if (Job.Fields.NumLogprobs is { } numTop)
        {
            json.WritePropertyName("logprobs");
            _logprobs.WriteChat(json, output.Logprobs, numTop);
        }
        else
        {
            json.WriteNull("logprobs");
        }

        WriteFinish(json, output, hasCalls);
        if (Job.Fields.ReturnTokenIds)
        {
            WriteIds(json, "token_ids", output.TokenIds);
        }

        json.WriteEndObject();
    }

    protected override void WriteTail(Utf8JsonWriter json)
    {
        PromptState prompt = Job.Prompts[0];
        json.WritePropertyName("prompt_logprobs");
        if (prompt.Logprobs is { } entries)
        {
            _logprobs.WritePrompt(json, entries);
        }
        else
        {
            json.WriteNullValue();
        }

        if (Job.Fields.ReturnTokenIds)
        {
            WriteIds(json, "prompt_token_ids", prompt.TokenIds);
        }

        WritePromptText(json, prompt);
    }

    private void WritePromptText(Utf8JsonWriter json, PromptState prompt)
    {
        if (Job.Fields.ReturnPromptText)
        {
            json.WriteString("prompt_text", prompt.Text);
        }
    }

    private IReadOnlyList<ChatDelta> Read(OutputState output, RequestEvent e)
    {
        ChatOutputParser parser = _parsers[output.Index] ??= new ChatOutputParser(_reading.Options);
        IReadOnlyList<ChatDelta> deltas = parser.Feed(e.Text);
        deltas = e.Kind == RequestEventKind.OutputFinished ? [.. deltas, .. parser.Finish()] : deltas;
        _thoughts[output.Index].Add(deltas, e);
        return deltas;
    }

    // The prompt's ids stand beside the choices, so this chunk is closed by hand.
    private void EndFirst(SseWriter sse, Utf8JsonWriter json)
    {
        if (Job.Fields.IncludeUsage && !Job.Fields.ContinuousUsage)
        {
            json.WriteNull("usage");
        }
        else if (Job.Fields.ContinuousUsage)
        {
            WriteUsage(json);
        }

        json.WriteEndObject();
        sse.End();
    }
}
