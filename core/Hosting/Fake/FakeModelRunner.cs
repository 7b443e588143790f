using Engine.Devices;
using Engine.Diagnostics;
using Engine.Sampling;
using Engine.Scheduling;
using Engine.Speculation;

namespace Engine.Hosting;

/// <summary>
/// A model without weights whose next token is a hash of its whole prefix, read back through the block table: one
/// wrong, stale or overwritten block changes the output. For tests of everything above a model.
/// </summary>
public sealed class FakeModelRunner : IModelRunner
{
    private const string Letters = "etaoinshrdlucmfwypvbgkjqxz    .,";

    private readonly FakeModelOptions _options;
    private readonly ulong[] _slots;
    private readonly ManualResetEventSlim _disposed = new();
    private long _numCalls;

    /// <summary>Creates a runner.</summary>
    public FakeModelRunner(FakeModelOptions options, int numBlocks, int blockSize)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        NumBlocks = numBlocks;
        BlockSize = blockSize;
        _slots = new ulong[checked(numBlocks * blockSize)];
        Proposer = options.DraftTokens > 0 ? new FakeDraftProposer(options) : null;
    }

    /// <inheritdoc/>
    public int NumBlocks { get; }

    /// <inheritdoc/>
    public int BlockSize { get; }

    /// <inheritdoc/>
    public int VocabSize => FakeTokenizer.NumTokens;

    /// <inheritdoc/>
    public int MaxModelLen => _options.MaxModelLen;

    /// <inheritdoc/>
    public IDraftProposer? Proposer { get; }

    /// <inheritdoc/>
    public string? LastError { get; private set; }

    /// <summary>Calls of Execute so far.</summary>
    public long NumCalls => Volatile.Read(ref _numCalls);

    /// <summary>Hash of an empty prefix.</summary>
    internal static ulong EmptyPrefix => 0x243F6A8885A308D3UL;

    /// <summary>True between Sleep and WakeUp; the weights are awake before that.</summary>
    public bool IsAsleep { get; private set; }

    /// <summary>True between Sleep of level 2 and WakeUp.</summary>
    public bool HasFreedWeights { get; private set; }

    /// <inheritdoc/>
    public void CheckCanSleep(bool freesWeights)
    {
    }

    /// <inheritdoc/>
    public void Sleep(bool freesWeights)
    {
        IsAsleep = true;
        HasFreedWeights |= freesWeights;
        Array.Clear(_slots);
    }

    /// <inheritdoc/>
    public void WakeUp(bool weightsOnly)
    {
        HasFreedWeights = false;
        IsAsleep &= weightsOnly;
    }

    /// <inheritdoc/>
    public EngineStatus Execute(StepPlan plan, SampledTokens results)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(results);
        Invariant.Check(!IsAsleep, "a step was executed asleep");
        EngineStatus fault = InjectFault(Interlocked.Increment(ref _numCalls));
        if (fault.IsError())
        {
            return fault;
        }

        foreach (ref readonly BlockCopy copy in plan.BlockCopies)
        {
            Array.Copy(_slots, copy.Source * BlockSize, _slots, copy.Destination * BlockSize, BlockSize);
        }

        foreach (ref readonly ScheduledSequence scheduled in plan.Sequences)
        {
            WriteSlots(scheduled);
        }

        for (int i = 0; i < plan.NumSequences; i++)
        {
            ReadAndSample(plan.Sequences[i], i, results);
        }

        return EngineStatus.Ok;
    }

    /// <inheritdoc/>
    public void Dispose() => _disposed.Set();

    /// <summary>What is stored for a token.</summary>
    internal static ulong SlotValue(int token, int position) =>
        Mix((uint)token | ((ulong)(uint)position << 32));

    /// <summary>The prefix with one more token.</summary>
    internal static ulong Extend(ulong prefix, ulong slotValue) =>
        (System.Numerics.BitOperations.RotateLeft(prefix, 5) ^ slotValue) * 0x9E3779B97F4A7C15UL;

    /// <summary>The token after a prefix.</summary>
    internal static int NextToken(
        ulong prefix, SamplingParams sampling, ulong seed, int numOutputTokens, int eosPeriod)
    {
        ulong hash = Mix(sampling.Temperature == 0 ? prefix : prefix ^ Mix(seed));
        if (sampling.AllowedTokenIds is { Count: > 0 } allowed)
        {
            return allowed[(int)(hash % (ulong)allowed.Count)];
        }

        if (eosPeriod > 0 && numOutputTokens >= sampling.MinTokens
            && (hash >> 32) % (ulong)eosPeriod == 0)
        {
            return FakeTokenizer.EosId;
        }

        return Letters[(int)(hash & 31)];
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    private void WriteSlots(in ScheduledSequence scheduled)
    {
        ReadOnlySpan<int> table = scheduled.Sequence.BlockTable;
        ReadOnlySpan<int> tokens = scheduled.Sequence.TokensAndDrafts;
        for (int p = scheduled.Start; p < scheduled.Start + scheduled.Count; p++)
        {
            _slots[table[p / BlockSize] * BlockSize + p % BlockSize] = SlotValue(tokens[p], p);
        }
    }

    private void ReadAndSample(in ScheduledSequence scheduled, int index, SampledTokens results)
    {
        Sequence sequence = scheduled.Sequence;
        ReadOnlySpan<int> table = sequence.BlockTable;
        ulong prefix = EmptyPrefix;
        int end = scheduled.Start + scheduled.Count;
        int firstScored = scheduled.PromptLogprobStart;
        int endScored = firstScored + scheduled.PromptLogprobCount;
        int position = 0;
        int firstSampled = scheduled.Samples ? end - scheduled.NumDraftTokens : int.MaxValue;
        for (int block = 0; position < end; block++)
        {
            int first = table[block] * BlockSize;
            int count = Math.Min(BlockSize, end - position);
            for (int i = 0; i < count; i++)
            {
                prefix = Extend(prefix, _slots[first + i]);
                position++;
                if (position >= firstScored && position < endScored)
                {
                    int n = sequence.Sampling.PromptLogprobs ?? 0;
                    results.AddPromptLogprobs(
                        index, position, Score(sequence.Tokens[position], prefix, n));
                }

                if (position >= firstSampled && !Sample(sequence, position, index, prefix, results))
                {
                    return;
                }
            }
        }
    }

    /// <summary>Samples the token of a position; true if it is the drafted one, so that the next row counts.</summary>
    private bool Sample(Sequence sequence, int position, int index, ulong prefix, SampledTokens results)
    {
        if (_options.ErrorToken >= 0 && sequence.Tokens.Contains(_options.ErrorToken))
        {
            results.Fail(index, EngineStatus.Internal, $"token {_options.ErrorToken} was injected to fail");
            return false;
        }

        int token = NextToken(
            prefix, sequence.Sampling, sequence.Seed, position - sequence.NumPromptTokens, _options.EosPeriod);
        results.Add(
            index, token, sequence.Sampling.Logprobs is int n ? Score(token, prefix, n) : null);
        ReadOnlySpan<int> known = sequence.TokensAndDrafts;
        return position < known.Length && known[position] == token;
    }

    /// <summary>The token first, then the best: the token and the ids above it, with falling scores.</summary>
    private TokenLogprob[] Score(int token, ulong prefix, int count)
    {
        int total = count < 0 ? VocabSize : Math.Min(count, VocabSize);
        var scores = new TokenLogprob[total + 1];
        float best = (prefix >> 54) / -1024f;
        scores[0] = new TokenLogprob(token, best, 1);
        for (int i = 0; i < total; i++)
        {
            scores[i + 1] = new TokenLogprob((token + i) % VocabSize, best - i, i + 1);
        }

        return scores;
    }

    private EngineStatus InjectFault(long call)
    {
        int delayMs = call == _options.HangAt ? _options.HangMs : _options.DelayMs;
        if (delayMs > 0)
        {
            _disposed.Wait(delayMs);
        }

        if (call == _options.ThrowAt)
        {
            throw new InvalidOperationException("injected exception");
        }

        if (call == _options.FailAt)
        {
            LastError = "injected device error";
            return EngineStatus.Internal;
        }

        if (call == _options.OutOfMemoryAt)
        {
            LastError = "injected out of memory";
            return EngineStatus.OutOfMemory;
        }

        return EngineStatus.Ok;
    }
}
