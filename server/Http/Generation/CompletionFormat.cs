using System.Text.Json;
using Engine.Hosting;
using Engine.Server.Http.Hosting;

namespace Engine.Server.Http.Generation;

/// <summary>Answers of /v1/completions.</summary>
internal sealed class CompletionFormat : ResponseFormat
{
    private readonly ServedModel _served;
    private readonly LogprobsWriter _logprobs;
    private readonly bool _echo;
    private readonly bool _scoresOnly;
    private readonly bool _promptLogprobs;

    /// <param name="job">The generation.</param>
    /// <param name="id">The answer's id.</param>
    /// <param name="served">The model.</param>
    /// <param name="echo">The prompt precedes the text.</param>
    /// <param name="scoresOnly">Only the prompt is wanted; the one token that the engine makes is dropped.</param>
    /// <param name="promptLogprobs">The request asked for the field prompt_logprobs itself.</param>
    public CompletionFormat(
        GenerationJob job, string id, ServedModel served, bool echo, bool scoresOnly, bool promptLogprobs)
        : base(job, id, served.Name)
    {
        _served = served;
        _logprobs = new LogprobsWriter(served, job.Fields.ReturnTokensAsTokenIds);
        _echo = echo;
        _scoresOnly = scoresOnly;
        _promptLogprobs = promptLogprobs;
    }

    protected override string WholeObject => "text_completion";

    protected override string ChunkObject => "text_completion";

    public override void WriteFirst(SseWriter sse, OutputState output)
    {
        if (!_echo)
        {
            return;
        }

        Utf8JsonWriter json = BeginChunk(sse);
        json.WriteStartObject();
        json.WriteNumber("index", output.Index);
        json.WriteString("text", PromptText(output.Prompt));
        if (Job.Fields.NumLogprobs is { } numTop && output.Prompt.Logprobs is { } entries)
        {
            int offset = output.TextOffset;
            json.WritePropertyName("logprobs");
            _logprobs.WriteCompletion(json, output.Prompt.TokenIds, entries, ref offset, numTop);
            output.TextOffset = offset;
        }
        else
        {
            json.WriteNull("logprobs");
        }

        WritePromptIds(json, output);
        json.WriteNull("finish_reason");
        json.WriteEndObject();
        EndChunk(sse, json);
    }

    public override void WriteDelta(SseWriter sse, OutputState output, RequestEvent e)
    {
        bool isEnd = e.Kind == RequestEventKind.OutputFinished;
        bool hasToken = e.TokenId >= 0 && !_scoresOnly;
        bool hasLogprobs = hasToken && Job.Fields.NumLogprobs is not null && e.Logprobs is not null;
        string text = _scoresOnly ? "" : e.Text;
        if (!isEnd && text.Length == 0 && !hasLogprobs && !(hasToken && Job.Fields.ReturnTokenIds))
        {
            return;
        }

        if (HasPlainChunks && !isEnd)
        {
            output.TextChunk ??= TextTemplate.Create((other, mark) => WriteChunk(other, output, mark, null, -1));
            sse.Text(output.TextChunk, text);
        }
        else
        {
            WriteChunk(sse, output, text, hasLogprobs ? e : null, hasToken ? e.TokenId : -1);
        }
    }

    private void WriteChunk(SseWriter sse, OutputState output, string text, RequestEvent? logprobs, int tokenId)
    {
        Utf8JsonWriter json = BeginChunk(sse);
        json.WriteStartObject();
        json.WriteNumber("index", output.Index);
        json.WriteString("text", text);
        if (logprobs is { } e)
        {
            int offset = output.TextOffset;
            json.WritePropertyName("logprobs");
            _logprobs.WriteCompletion(json, [e.TokenId], [e.Logprobs], ref offset, Job.Fields.NumLogprobs!.Value);
            output.TextOffset = offset;
        }
        else
        {
            json.WriteNull("logprobs");
        }

        WriteFinish(json, output);
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
        string text = _scoresOnly ? "" : output.Text.ToString();
        json.WriteString("text", _echo ? PromptText(output.Prompt) + text : text);
        WriteLogprobs(json, output);
        WriteFinish(json, output);
        json.WritePropertyName("prompt_logprobs");
        if (_promptLogprobs && output.Prompt.Logprobs is { } entries)
        {
            _logprobs.WritePrompt(json, entries);
        }
        else
        {
            json.WriteNullValue();
        }

        if (Job.Fields.ReturnTokenIds)
        {
            WriteIds(json, "token_ids", _scoresOnly ? [] : output.TokenIds);
        }

        WritePromptIds(json, output);
        json.WriteEndObject();
    }

    private void WritePromptIds(Utf8JsonWriter json, OutputState output)
    {
        if (Job.Fields.ReturnTokenIds)
        {
            WriteIds(json, "prompt_token_ids", output.Prompt.TokenIds);
        }
    }

    private void WriteLogprobs(Utf8JsonWriter json, OutputState output)
    {
        if (Job.Fields.NumLogprobs is not { } numTop)
        {
            json.WriteNull("logprobs");
            return;
        }

        var ids = new List<int>();
        var entries = new List<IReadOnlyList<TokenLogprob>?>();
        if (_echo && output.Prompt.Logprobs is { } prompt)
        {
            ids.AddRange(output.Prompt.TokenIds);
            entries.AddRange(prompt);
        }

        if (!_scoresOnly)
        {
            ids.AddRange(output.TokenIds);
            entries.AddRange(output.Logprobs);
        }

        int offset = 0;
        json.WritePropertyName("logprobs");
        _logprobs.WriteCompletion(json, ids, entries, ref offset, numTop);
    }

    private string PromptText(PromptState prompt) =>
        prompt.Text ?? _served.Tokenizer.Decode([.. prompt.TokenIds], skipSpecialTokens: false);
}
