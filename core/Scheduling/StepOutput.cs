using Engine.Hosting;

namespace Engine.Scheduling;

/// <summary>What one step did to one sequence.</summary>
/// <param name="Sequence">Whose.</param>
/// <param name="Token">The token it gained, or -1.</param>
/// <param name="Logprobs">Of that token, or null.</param>
/// <param name="PromptLogprobs">Prompt positions scored by this step, or null.</param>
/// <param name="FinishReason">None, or why it ended with this step.</param>
/// <param name="StopTokenId">The stop_token_ids entry that ended it, or -1.</param>
/// <param name="Status">Ok, or the error that ended its request.</param>
/// <param name="Message">The message to an error, or null.</param>
public readonly record struct StepOutputItem(
    Sequence Sequence, int Token, TokenLogprob[]? Logprobs, IReadOnlyList<PromptLogprob>? PromptLogprobs,
    FinishReason FinishReason, int StopTokenId = -1, EngineStatus Status = EngineStatus.Ok,
    string? Message = null);

/// <summary>What one step did. Reused: each Step clears it first.</summary>
public sealed class StepOutput
{
    private StepOutputItem[] _items = new StepOutputItem[64];
    private int _count;

    /// <summary>One item per token gained, those of a sequence in a row, or one for an end without a token.</summary>
    public ReadOnlySpan<StepOutputItem> Items => _items.AsSpan(0, _count);

    /// <summary>Sequences computed by the step.</summary>
    public int NumSequences { get; internal set; }

    /// <summary>Tokens computed by the step.</summary>
    public int NumTokens { get; internal set; }

    /// <summary>Sequences that gained tokens by the step.</summary>
    public int NumSamples { get; internal set; }

    internal void Clear()
    {
        Array.Clear(_items, 0, _count);
        _count = 0;
        NumSequences = 0;
        NumTokens = 0;
        NumSamples = 0;
    }

    internal void Add(in StepOutputItem item)
    {
        if (_count == _items.Length)
        {
            Array.Resize(ref _items, 2 * _count);
        }

        _items[_count++] = item;
    }
}
