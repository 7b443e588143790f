using System.Text;
using Engine.Diagnostics;
using Engine.Hosting;

namespace Engine.Server.Http.Generation;

/// <summary>What is known of one choice so far.</summary>
internal sealed class OutputState(int index, PromptState prompt)
{
    /// <summary>The choice's index in the answer.</summary>
    public int Index { get; set; } = index;

    public PromptState Prompt { get; } = prompt;

    /// <summary>All text; grows only when the answer is not streamed.</summary>
    public StringBuilder Text { get; } = new();

    public List<int> TokenIds { get; } = [];

    /// <summary>Per token, if asked for: the sampled one, then the best.</summary>
    public List<IReadOnlyList<TokenLogprob>> Logprobs { get; } = [];

    public int NumTokens { get; set; }

    /// <summary>Sum of the tokens' log probabilities, if they were asked for.</summary>
    public double SumLogprobs { get; private set; }

    /// <summary>Characters of token texts so far, for text_offset.</summary>
    public int TextOffset { get; set; }

    public bool HasStarted { get; set; }

    /// <summary>A chunk of this output with nothing but text; null until there was one.</summary>
    public TextTemplate? TextChunk { get; set; }

    public FinishReason FinishReason { get; set; }

    public object? StopReason { get; set; }

    /// <summary>repetition_detection has ended it.</summary>
    public bool IsRepetition { get; private set; }

    public void Append(RequestEvent e, bool isStreaming)
    {
        if (e.TokenId >= 0)
        {
            NumTokens++;
        }

        if (e.Kind == RequestEventKind.OutputFinished)
        {
            FinishReason = e.FinishReason;
            StopReason = e.StopReason;
            IsRepetition = e.IsRepetition;
        }

        if (isStreaming)
        {
            return;
        }

        Text.Append(e.Text);
        if (e.TokenId >= 0)
        {
            TokenIds.Add(e.TokenId);
            if (e.Logprobs is not null)
            {
                SumLogprobs += e.Logprobs[0].Logprob;
                Logprobs.Add(e.Logprobs);
            }
        }
    }
}

/// <summary>One prompt of the request.</summary>
internal sealed class PromptState
{
    /// <summary>The text as sent, or null for ids.</summary>
    public string? Text { get; init; }

    public required IReadOnlyList<int> TokenIds { get; init; }

    public int NumCachedTokens { get; set; }

    /// <summary>How long what took, once it has ended.</summary>
    public RequestTimes? Times { get; set; }

    public IReadOnlyList<IReadOnlyList<TokenLogprob>?>? Logprobs { get; set; }
}
