using System.Text.Json;
using Engine.Hosting;

namespace Engine.Server.Http.Generation;

/// <summary>How an endpoint words its answers; the course of a generation is the same for all.</summary>
internal abstract class ResponseFormat(GenerationJob job, string id, string model)
{
    public GenerationJob Job { get; } = job;

    public string Id { get; } = id;

    public string Model { get; } = model;

    public long CreatedS { get; } = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    /// <summary>Value of "object" in a whole answer.</summary>
    protected abstract string WholeObject { get; }

    /// <summary>Value of "object" in a chunk.</summary>
    protected abstract string ChunkObject { get; }

    /// <summary>Writes the answer in one piece.</summary>
    public virtual void WriteWhole(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        WriteHead(json, WholeObject);
        json.WriteStartArray("choices");
        foreach (OutputState output in Job.Outputs)
        {
            WriteChoice(json, output);
        }

        json.WriteEndArray();
        WriteUsage(json);
        WriteTail(json);
        json.WriteEndObject();
    }

    /// <summary>Takes note of a Token or OutputFinished event of an answer that is written in one piece.</summary>
    public virtual void Observe(OutputState output, RequestEvent e)
    {
    }

    /// <summary>Writes what precedes an output's first token; called once per output.</summary>
    public abstract void WriteFirst(SseWriter sse, OutputState output);

    /// <summary>Writes what a Token or OutputFinished event adds; may write nothing.</summary>
    public abstract void WriteDelta(SseWriter sse, OutputState output, RequestEvent e);

    /// <summary>Ends the stream: usage if asked for, or the job's error, and what says that nothing follows.</summary>
    public virtual void WriteEnd(SseWriter sse)
    {
        if (Job.Error is { } error)
        {
            ErrorWriter.Write(sse.Begin(), error);
            sse.End();
        }
        else if (Job.Fields.IncludeUsage)
        {
            WriteUsageChunk(sse);
        }

        sse.Done();
    }

    // The chunk without choices that carries the usage.
    private void WriteUsageChunk(SseWriter sse)
    {
        Utf8JsonWriter json = sse.Begin();
        json.WriteStartObject();
        WriteHead(json, ChunkObject);
        json.WriteStartArray("choices");
        json.WriteEndArray();
        WriteUsage(json);
        json.WriteEndObject();
        sse.End();
    }

    /// <summary>True if a chunk of text is the same as the last one but for the text.</summary>
    protected bool HasPlainChunks => Job.Fields is { NumLogprobs: null, ReturnTokenIds: false, ContinuousUsage: false };

    protected Utf8JsonWriter BeginChunk(SseWriter sse)
    {
        Utf8JsonWriter json = sse.Begin();
        json.WriteStartObject();
        WriteHead(json, ChunkObject);
        json.WriteStartArray("choices");
        return json;
    }

    protected void EndChunk(SseWriter sse, Utf8JsonWriter json)
    {
        json.WriteEndArray();
        if (Job.Fields.ContinuousUsage)
        {
            WriteUsage(json);
        }
        else if (Job.Fields.IncludeUsage)
        {
            json.WriteNull("usage");
        }

        json.WriteEndObject();
        sse.End();
    }

    /// <summary>Tokens of thought so far; null where there is no telling.</summary>
    protected virtual int? NumReasoningTokens => null;

    protected abstract void WriteChoice(Utf8JsonWriter json, OutputState output);

    /// <summary>Writes members after usage; none by default.</summary>
    protected virtual void WriteTail(Utf8JsonWriter json)
    {
    }

    protected static void WriteFinish(Utf8JsonWriter json, OutputState output, bool hasCalls = false)
    {
        bool isCall = hasCalls && output.FinishReason == FinishReason.Stop;
        json.WriteString("finish_reason", output.IsRepetition ? "repetition"
            : isCall ? "tool_calls" : ReasonName(output.FinishReason));
        switch (output.StopReason)
        {
            case string text:
                json.WriteString("stop_reason", text);
                break;
            case int id:
                json.WriteNumber("stop_reason", id);
                break;
            default:
                json.WriteNull("stop_reason");
                break;
        }
    }

    protected static void WriteIds(Utf8JsonWriter json, string name, IReadOnlyList<int> ids)
    {
        json.WriteStartArray(name);
        for (int i = 0; i < ids.Count; i++)
        {
            json.WriteNumberValue(ids[i]);
        }

        json.WriteEndArray();
    }

    private static string? ReasonName(FinishReason reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        FinishReason.Abort => "abort",
        FinishReason.Error => "error",
        _ => null,
    };

    private void WriteHead(Utf8JsonWriter json, string kind)
    {
        json.WriteString("id", Id);
        json.WriteString("object", kind);
        json.WriteNumber("created", CreatedS);
        json.WriteString("model", Model);
    }

    protected void WriteUsage(Utf8JsonWriter json)
    {
        int numPrompt = Job.NumPromptTokens;
        int numGenerated = Job.NumGeneratedTokens;
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", numPrompt);
        json.WriteNumber("total_tokens", numPrompt + numGenerated);
        json.WriteNumber("completion_tokens", numGenerated);
        json.WriteStartObject("prompt_tokens_details");
        json.WriteNumber("cached_tokens", Job.NumCachedTokens);
        json.WriteEndObject();
        if (NumReasoningTokens is { } numReasoning)
        {
            json.WriteStartObject("completion_tokens_details");
            json.WriteNumber("reasoning_tokens", numReasoning);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
