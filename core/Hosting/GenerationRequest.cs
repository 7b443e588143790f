using Engine.Diagnostics;
using Engine.Sampling;

namespace Engine.Hosting;

/// <summary>One prompt and how to continue it, as a door (ABI, HTTP, command) hands it in.</summary>
public sealed class GenerationRequest
{
    /// <summary>The prompt as text, tokenized off the engine loop; set this or PromptTokenIds.</summary>
    public string? Prompt { get; init; }

    /// <summary>The prompt as ids, used as they are.</summary>
    public IReadOnlyList<int>? PromptTokenIds { get; init; }

    /// <summary>Applies the tokenizer's post-processor to Prompt.</summary>
    public bool AddSpecialTokens { get; init; } = true;

    /// <summary>How to choose tokens and when to stop.</summary>
    public SamplingParams Sampling { get; init; } = new();

    /// <summary>The caller's name for it, for logs; need not be unique.</summary>
    public string? RequestId { get; init; }

    /// <summary>Returned with every event; means nothing to the engine.</summary>
    public ulong UserTag { get; init; }

    /// <summary>Lower runs earlier; equal runs in order of arrival.</summary>
    public int Priority { get; init; }

    /// <summary>Prefix-cache entries are shared only between requests of equal salt.</summary>
    public string? CacheSalt { get; init; }

    /// <summary>Of a step of a beam search: how many of the prompt's last tokens are the beam.</summary>
    internal int? NumPromptOutputs { get; init; }
}

/// <summary>What an event says.</summary>
public enum RequestEventKind
{
    /// <summary>A new token of one output, with the text that became final.</summary>
    Token = 0,

    /// <summary>The prompt's tokens (and log probabilities, if asked for); once, before the first token.</summary>
    Prompt = 1,

    /// <summary>One of the n outputs ended; carries the last text and the reason.</summary>
    OutputFinished = 2,

    /// <summary>The request ended, all outputs with it. Terminal.</summary>
    Finished = 3,

    /// <summary>The request failed; Error says why. Terminal.</summary>
    Failed = 4,
}

/// <summary>Why an output ended.</summary>
public enum FinishReason
{
    /// <summary>Not ended.</summary>
    None = 0,

    /// <summary>End of sequence, a stop id or a stop string.</summary>
    Stop = 1,

    /// <summary>max_tokens or the model's length.</summary>
    Length = 2,

    /// <summary>Cancelled.</summary>
    Abort = 3,

    /// <summary>Failed.</summary>
    Error = 4,
}

/// <summary>One token with its log probability.</summary>
/// <param name="TokenId">The id.</param>
/// <param name="Logprob">Log probability under the raw logits; may be -infinity.</param>
/// <param name="Rank">Number of logits at least as large.</param>
public readonly record struct TokenLogprob(int TokenId, float Logprob, int Rank);

/// <summary>Something that happened to a request. Exactly one terminal event per request.</summary>
public sealed class RequestEvent
{
    /// <summary>The engine's own id, unique in the process.</summary>
    public required long Id { get; init; }

    /// <summary>The caller's tag.</summary>
    public required ulong UserTag { get; init; }

    /// <summary>What happened.</summary>
    public required RequestEventKind Kind { get; init; }

    /// <summary>Which of the n outputs.</summary>
    public int OutputIndex { get; init; }

    /// <summary>The token, or -1.</summary>
    public int TokenId { get; init; } = -1;

    /// <summary>Text that became final with this event; never half a character.</summary>
    public string Text { get; init; } = "";

    /// <summary>The sampled token first, then the best N; null unless asked for.</summary>
    public IReadOnlyList<TokenLogprob>? Logprobs { get; init; }

    /// <summary>Prompt event: the ids.</summary>
    public IReadOnlyList<int>? PromptTokenIds { get; init; }

    /// <summary>Prompt event: entry i scores prompt token i; entry 0 is null. Null unless asked for.</summary>
    public IReadOnlyList<IReadOnlyList<TokenLogprob>?>? PromptLogprobs { get; init; }

    /// <summary>Prompt tokens whose KV came from the prefix cache.</summary>
    public int NumCachedTokens { get; init; }

    /// <summary>OutputFinished: why.</summary>
    public FinishReason FinishReason { get; init; }

    /// <summary>OutputFinished: the stop string (string), the stop token id (int), or null.</summary>
    public object? StopReason { get; init; }

    /// <summary>OutputFinished: repetition_detection has ended it; StopReason is its name.</summary>
    public bool IsRepetition => ReferenceEquals(StopReason, Sampling.StopChecker.RepetitionReason);

    /// <summary>Failed: the error.</summary>
    public EngineException? Error { get; init; }

    /// <summary>Terminal events: how long what took.</summary>
    public RequestTimes? Times { get; init; }
}

/// <summary>Takes a request's events, in order, on the engine's thread; must not block or throw.</summary>
public interface IRequestSink
{
    /// <summary>One event.</summary>
    void OnEvent(RequestEvent e);
}
