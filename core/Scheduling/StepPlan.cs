using Engine.Devices;

namespace Engine.Scheduling;

/// <summary>One sequence's part of a step.</summary>
/// <param name="Sequence">Whose tokens.</param>
/// <param name="Start">First token to compute: its NumComputedTokens before the step.</param>
/// <param name="Count">Tokens to compute, Start .. Start + Count - 1; at least one.</param>
/// <param name="Samples">True if the last of them is the sequence's last token, so that the next is sampled from it.</param>
/// <param name="PromptLogprobStart">First prompt position to score (from the row before it).</param>
/// <param name="PromptLogprobCount">
/// Prompt positions to score: position p in PromptLogprobStart .. + Count - 1 is scored by the row of
/// token p - 1, which this step computes.
/// </param>
/// <param name="NumDraftTokens">
/// Of Count, trailing tokens that are drafts to verify: at most so many, Sequence.NumDraftTokens says how many there
/// are in the end.
/// </param>
public readonly record struct ScheduledSequence(
    Sequence Sequence, int Start, int Count, bool Samples,
    int PromptLogprobStart = 0, int PromptLogprobCount = 0, int NumDraftTokens = 0);

/// <summary>
/// What one step computes. Owned by the engine and reused: valid until Execute returns. The blocks for all
/// of its tokens are in the sequences' tables already.
/// </summary>
public sealed class StepPlan
{
    private readonly ScheduledSequence[] _sequences;
    private BlockCopy[] _blockCopies;
    private int _numBlockCopies;

    internal StepPlan(int maxNumSeqs)
    {
        _sequences = new ScheduledSequence[maxNumSeqs];
        _blockCopies = new BlockCopy[maxNumSeqs];
    }

    /// <summary>The sequences, in the order of results.</summary>
    public ReadOnlySpan<ScheduledSequence> Sequences => _sequences.AsSpan(0, NumSequences);

    /// <summary>Blocks to copy before anything is written; no destination is also a source.</summary>
    public ReadOnlySpan<BlockCopy> BlockCopies => _blockCopies.AsSpan(0, _numBlockCopies);

    /// <summary>Number of sequences.</summary>
    public int NumSequences { get; private set; }

    /// <summary>Tokens of all sequences.</summary>
    public int NumTokens { get; private set; }

    /// <summary>Sequences that sample.</summary>
    public int NumSamples { get; private set; }

    /// <summary>Prompt positions to score, over all sequences.</summary>
    public int NumPromptLogprobs { get; private set; }

    /// <summary>Drafted tokens to verify, over all sequences.</summary>
    public int NumDraftTokens { get; private set; }

    /// <summary>Of NumDraftTokens, those that the runner's proposer has drafted or is to draft.</summary>
    public int NumOpenDraftTokens { get; private set; }

    /// <summary>Counts plans; results carry it.</summary>
    public long StepIndex { get; private set; }

    /// <summary>Nothing to compute.</summary>
    public bool IsEmpty => NumSequences == 0;

    internal void Clear(long stepIndex)
    {
        Array.Clear(_sequences, 0, NumSequences);
        NumSequences = 0;
        NumTokens = 0;
        NumSamples = 0;
        NumPromptLogprobs = 0;
        NumDraftTokens = 0;
        NumOpenDraftTokens = 0;
        _numBlockCopies = 0;
        StepIndex = stepIndex;
    }

    internal void Add(in ScheduledSequence scheduled)
    {
        _sequences[NumSequences++] = scheduled;
        NumTokens += scheduled.Count;
        NumSamples += scheduled.Samples ? 1 : 0;
        NumPromptLogprobs += scheduled.PromptLogprobCount;
        NumDraftTokens += scheduled.NumDraftTokens;
        NumOpenDraftTokens += scheduled.Sequence.HasGivenDrafts ? 0 : scheduled.NumDraftTokens;
    }

    internal void AddBlockCopy(BlockCopy copy)
    {
        if (_numBlockCopies == _blockCopies.Length)
        {
            Array.Resize(ref _blockCopies, 2 * _numBlockCopies);
        }

        _blockCopies[_numBlockCopies++] = copy;
    }
}
