using Engine.Hosting;

namespace Engine.Scheduling;

/// <summary>One scored prompt position.</summary>
/// <param name="Position">Which prompt token.</param>
/// <param name="Logprobs">That token first, then the best N.</param>
public readonly record struct PromptLogprob(int Position, TokenLogprob[] Logprobs);

/// <summary>
/// What a runner found in one step, by index in the plan. Owned by the engine and reused. Calls for
/// different indices may come from different threads.
/// </summary>
public sealed class SampledTokens
{
    private readonly int _maxTokensPerSequence;
    private readonly int[] _counts;
    private readonly int[] _tokens;
    private readonly TokenLogprob[]?[] _logprobs;
    private readonly List<PromptLogprob>?[] _promptLogprobs;
    private readonly EngineStatus[] _statuses;
    private readonly string?[] _messages;
    private readonly bool[] _isPostponed;

    internal SampledTokens(int maxNumSeqs, int maxTokensPerSequence = 1)
    {
        _maxTokensPerSequence = maxTokensPerSequence;
        _counts = new int[maxNumSeqs];
        _tokens = new int[maxNumSeqs * maxTokensPerSequence];
        _logprobs = new TokenLogprob[maxNumSeqs * maxTokensPerSequence][];
        _promptLogprobs = new List<PromptLogprob>?[maxNumSeqs];
        _statuses = new EngineStatus[maxNumSeqs];
        _messages = new string?[maxNumSeqs];
        _isPostponed = new bool[maxNumSeqs];
    }

    /// <summary>
    /// Appends a token of sequence [index]: none if it does not sample, one if it does, and after each one that equals
    /// the drafted token of its place one more.
    /// </summary>
    /// <param name="index">Index in the plan.</param>
    /// <param name="token">The id, in 0 .. vocabSize - 1.</param>
    /// <param name="logprobs">The sampled token first, then the best N; null unless asked for.</param>
    public void Add(int index, int token, TokenLogprob[]? logprobs = null)
    {
        int at = index * _maxTokensPerSequence + _counts[index];
        if (_counts[index] == _maxTokensPerSequence)
        {
            Fail(index, EngineStatus.Internal, "the runner returned too many tokens");
            return;
        }

        _tokens[at] = token;
        _logprobs[at] = logprobs;
        _counts[index]++;
    }

    /// <summary>Scores a prompt position of sequence [index]; positions come in ascending order.</summary>
    public void AddPromptLogprobs(int index, int position, TokenLogprob[] logprobs) =>
        (_promptLogprobs[index] ??= []).Add(new PromptLogprob(position, logprobs));

    /// <summary>This sequence's request fails; the others go on.</summary>
    public void Fail(int index, EngineStatus status, string message)
    {
        _statuses[index] = status;
        _messages[index] = message;
    }

    /// <summary>
    /// Sequence [index] samples, but not in this step: its last token is computed again in the next one.
    /// </summary>
    internal void Postpone(int index)
    {
        _counts[index] = 0;
        _isPostponed[index] = true;
    }

    /// <summary>True if a sequence that samples has no token because of <see cref="Postpone"/>.</summary>
    internal bool IsPostponed(int index) => _isPostponed[index];

    /// <summary>Tokens of sequence [index].</summary>
    public ReadOnlySpan<int> Tokens(int index) =>
        _tokens.AsSpan(index * _maxTokensPerSequence, _counts[index]);

    /// <summary>Logprobs of its token [ordinal], or null.</summary>
    public TokenLogprob[]? Logprobs(int index, int ordinal) =>
        _logprobs[index * _maxTokensPerSequence + ordinal];

    /// <summary>Scored prompt positions of sequence [index]; null if none.</summary>
    public IReadOnlyList<PromptLogprob>? PromptLogprobs(int index) => _promptLogprobs[index];

    /// <summary>Ok, or why sequence [index] failed.</summary>
    public EngineStatus Status(int index) => _statuses[index];

    /// <summary>The message to Status, or null.</summary>
    public string? Message(int index) => _messages[index];

    /// <summary>Forgets everything about sequences 0 .. count - 1.</summary>
    internal void Clear(int count)
    {
        Array.Clear(_counts, 0, count);
        Array.Clear(_logprobs, 0, count * _maxTokensPerSequence);
        Array.Clear(_promptLogprobs, 0, count);
        Array.Clear(_statuses, 0, count);
        Array.Clear(_messages, 0, count);
        Array.Clear(_isPostponed, 0, count);
    }
}
