using Engine.Hosting;
using Engine.Sampling;
using Engine.Speculation;

namespace Engine.Scheduling;

/// <summary>Where a sequence is in its life. Finished absorbs.</summary>
public enum SequenceState
{
    /// <summary>Created; an output other than the first waits for the first one's prompt.</summary>
    New = 0,

    /// <summary>In the queue; holds no blocks.</summary>
    Waiting = 1,

    /// <summary>Holds blocks and is scheduled as budget allows.</summary>
    Running = 2,

    /// <summary>Ended; holds nothing.</summary>
    Finished = 3,
}

/// <summary>
/// One output of a request: its token ids, how many of them have KV, and the blocks that hold it.
/// Only the scheduler changes it; a runner reads it while it executes a plan.
/// </summary>
public sealed class Sequence
{
    private int[] _tokens;

    // Drafted tokens lie behind the last token, so that both are one run for whoever computes them.
    private int _numDraftTokens;

    /// <summary>The prompt's array is shared by the outputs until each writes its first token.</summary>
    internal Sequence(Request request, int outputIndex, int[] promptTokens, int maxTokensTotal, ulong seed)
    {
        Request = request;
        OutputIndex = outputIndex;
        NumPromptTokens = promptTokens.Length;
        NumTokens = promptTokens.Length;
        MaxTokensTotal = maxTokensTotal;
        Seed = seed;
        _tokens = promptTokens;
    }

    /// <summary>The request's id, unique in the process.</summary>
    public long RequestId => Request.Id;

    /// <summary>Which of the request's n outputs.</summary>
    public int OutputIndex { get; }

    /// <summary>How to choose tokens.</summary>
    public SamplingParams Sampling => Request.Sampling;

    /// <summary>Keys the random numbers of this output, together with the position.</summary>
    public ulong Seed { get; }

    /// <summary>The model's end-of-sequence ids; they stop it unless IgnoreEos.</summary>
    public ReadOnlySpan<int> EosTokenIds => Request.EosTokenIds;

    /// <summary>Tokens of the prompt; at least one.</summary>
    public int NumPromptTokens { get; }

    /// <summary>Tokens of the prompt and the output so far.</summary>
    public int NumTokens { get; private set; }

    /// <summary>Tokens of the output so far.</summary>
    public int NumOutputTokens => NumTokens - NumPromptTokens;

    /// <summary>NumTokens never exceeds this (prompt + max_tokens, at most the model's length).</summary>
    public int MaxTokensTotal { get; }

    /// <summary>[NumTokens] prompt, then output.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, NumTokens);

    /// <summary>[NumTokens + NumDraftTokens] the same with the drafted tokens behind.</summary>
    public ReadOnlySpan<int> TokensAndDrafts => _tokens.AsSpan(0, NumTokens + _numDraftTokens);

    /// <summary>Tokens that the step under way verifies; 0 between steps.</summary>
    public int NumDraftTokens
    {
        get => _numDraftTokens;
        internal set => _numDraftTokens = value;
    }

    /// <summary>[NumDraftTokens] guesses of the tokens after the last one.</summary>
    public ReadOnlySpan<int> DraftTokens => _tokens.AsSpan(NumTokens, _numDraftTokens);

    /// <summary>[NumPromptTokens].</summary>
    public ReadOnlySpan<int> PromptTokens => _tokens.AsSpan(0, NumPromptTokens);

    /// <summary>[NumOutputTokens].</summary>
    public ReadOnlySpan<int> OutputTokens => _tokens.AsSpan(NumPromptTokens, NumOutputTokens);

    /// <summary>Tokens whose KV exists.</summary>
    public int NumComputedTokens { get; internal set; }

    /// <summary>Of the prompt, tokens whose KV came from the prefix cache when it first ran.</summary>
    public int NumCachedTokens { get; internal set; }

    /// <summary>Tokens computed by the step under way; 0 between steps.</summary>
    public int NumScheduledTokens { get; internal set; }

    /// <summary>How often it lost its blocks and started over.</summary>
    public int NumPreemptions { get; internal set; }

    /// <summary>
    /// [ceil((NumComputedTokens + NumScheduledTokens) / block size)] block ids in order: token i lives
    /// in slot BlockTable[i / blockSize] * blockSize + i % blockSize.
    /// </summary>
    public ReadOnlySpan<int> BlockTable => BlockIds.AsSpan(0, NumBlocks);

    /// <summary>The sampler's own state for this output; disposed when it ends if it can be.</summary>
    public object? SamplerState { get; set; }

    /// <summary>Where it is in its life.</summary>
    public SequenceState State { get; internal set; }

    /// <summary>Why it ended; None before.</summary>
    public FinishReason FinishReason { get; internal set; }

    internal Request Request { get; }

    /// <summary>Block ids; owned by KvCacheManager, empty while the sequence holds no blocks.</summary>
    internal int[] BlockIds { get; set; } = [];

    internal int NumBlocks { get; set; }

    /// <summary>Leading full blocks that have been offered to the prefix cache.</summary>
    internal int NumHashedBlocks { get; set; }

    /// <summary>The prefix cache's node of the last of them.</summary>
    internal long LastNode { get; set; }

    /// <summary>Tokens that need KV at most: the last token of an output is never computed.</summary>
    internal int MaxComputedTokens => Math.Max(NumPromptTokens, MaxTokensTotal - 1);

    /// <summary>False if the request wants none, or keeps a state that belongs to the course of one output.</summary>
    internal bool TakesDrafts => Sampling.Speculative && Sampling.MirostatMode == 0;

    /// <summary>How its drafts have fared.</summary>
    internal DraftGrades DraftHistory;

    /// <summary>Grade of the drafts proposed last.</summary>
    internal int DraftGrade { get; set; }

    /// <summary>The drafts of the step under way came from the grammar, not from the proposer.</summary>
    internal bool HasGivenDrafts { get; set; }

    /// <summary>Drafts that the runner's proposer is responsible for.</summary>
    internal int NumOpenDraftTokens => HasGivenDrafts ? 0 : _numDraftTokens;

    /// <summary>How guesses from the grammar have fared.</summary>
    internal AcceptanceHistory GuessHistory;

    /// <summary>Of the drafts from the grammar, the first that nothing else may replace.</summary>
    internal int NumCertainDrafts;

    /// <summary>The proposer's own: which of its steps last left something for this sequence, and in which row.
    /// </summary>
    internal (long Step, int Row) DraftState { get; set; } = (-1, 0);

    /// <summary>Place in the queue's heap; -1 outside of it.</summary>
    internal int QueueIndex { get; set; } = -1;

    /// <summary>Prompt log probabilities delivered; entry 0 counts as delivered from the start.</summary>
    internal int NumPromptLogprobsDone { get; set; } = 1;

    /// <summary>Has run before, perhaps to be preempted.</summary>
    internal bool WasScheduled { get; set; }

    /// <summary>Has been preempted so often that it is not preempted again.</summary>
    internal bool IsProtected => NumPreemptions >= Scheduler.ProtectAfterPreemptions;

    internal bool IsFinished => State == SequenceState.Finished;

    /// <summary>Appends a sampled token.</summary>
    internal void Append(int token)
    {
        if (NumTokens == _tokens.Length)
        {
            Reserve((int)Math.Min(MaxTokensTotal, Math.Max(16L, 2L * NumTokens)));
        }

        _tokens[NumTokens++] = token;
    }

    /// <summary>Room behind the last token for drafts; what is in it means nothing until NumDraftTokens says so.
    /// </summary>
    internal Span<int> DraftRoom(int count) => _tokens.AsSpan(NumTokens, count);

    /// <summary>Makes room for all tokens it may ever have, so that steps allocate nothing.</summary>
    internal void Reserve(int capacity)
    {
        if (capacity > _tokens.Length)
        {
            Array.Resize(ref _tokens, capacity);
        }
    }
}
