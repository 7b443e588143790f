using Engine.Diagnostics;
using Engine.KvCache;
using Engine.Speculation;

namespace Engine.Scheduling;

/// <summary>
/// Decides what each step computes. One rule: a sequence has tokens whose KV exists (NumComputedTokens) and tokens in
/// all (NumTokens); a step moves the first towards the second within the token budget. Knows no tensor, device or
/// model.
/// </summary>
/// <remarks>
/// Why it always ends: running sequences are served best first and preempted last first, so the best one always
/// gets its blocks; every admitted sequence fits alone into an empty pool. A sequence preempted
/// ProtectAfterPreemptions times goes to the front of the queue, is admitted only when the blocks for its longest
/// output can be set aside, and is then never preempted again.
/// </remarks>
internal sealed partial class Scheduler
{
    /// <summary>From here on a sequence is not preempted again.</summary>
    public const int ProtectAfterPreemptions = 4;

    private const int MaxFutileSteps = 3;

    private readonly KvCacheManager _cache;
    private readonly RequestQueue _waiting;
    private readonly Sequence[] _running;
    private readonly StepPlan _plan;
    private readonly TimeProvider _time;
    private readonly int _maxNumSeqs;
    private readonly int _maxNumBatchedTokens;
    private readonly bool _chunksPrefill;
    private readonly int _headroom;
    private readonly int _vocabSize;
    private readonly DraftPolicy? _drafts;
    private readonly GrammarDrafts? _grammarDrafts;
    private int _numRunning;
    private int _budget;
    private int _numReserved;
    private long _nextArrivalIndex;
    private int _numFutileSteps;
    private bool _planIsOpen;

    public Scheduler(
        KvCacheManager cache, EngineOptions options, int vocabSize, TimeProvider time, DraftPolicy? drafts = null,
        GrammarDrafts? grammarDrafts = null)
    {
        _drafts = drafts;
        _grammarDrafts = grammarDrafts;
        _cache = cache;
        _time = time;
        _vocabSize = vocabSize;
        _maxNumSeqs = options.MaxNumSeqs;
        _maxNumBatchedTokens = options.MaxNumBatchedTokens;
        _budget = _maxNumBatchedTokens;
        _chunksPrefill = options.EnableChunkedPrefill;
        _headroom = cache.NumBlocks / 100;
        _running = new Sequence[_maxNumSeqs];
        _waiting = new RequestQueue(4 * _maxNumSeqs);
        _plan = new StepPlan(_maxNumSeqs);
    }

    public int NumRunning => _numRunning;

    public int NumWaiting => _waiting.Count;

    public bool HasWork => _numRunning > 0 || _waiting.Count > 0;

    public long NumSteps { get; private set; }

    /// <summary>Requests that have run, or still do.</summary>
    public long NumStarted { get; private set; }

    public long NumPreemptions { get; private set; }

    public long NumPrefixQueries { get; private set; }

    public long NumPrefixHits { get; private set; }

    internal ReadOnlySpan<Sequence> Running => _running.AsSpan(0, _numRunning);

    internal RequestQueue Waiting => _waiting;

    internal KvCacheManager Cache => _cache;

    /// <summary>Queues a request; it has been checked to fit alone into an empty pool.</summary>
    public void Add(Request request)
    {
        request.ArrivalIndex = _nextArrivalIndex++;
        request.CacheRoot = _cache.RootOf(request.CacheSalt);
        Enqueue(request.Sequences[0]);
    }

    /// <summary>Picks tokens and reserves blocks. The plan is valid until Commit or Rollback.</summary>
    public StepPlan Schedule()
    {
        Invariant.Check(!_planIsOpen, "a step was scheduled inside a step");
        _plan.Clear(NumSteps);
        int budget = _budget;
        _drafts?.BeginStep(_numRunning);
        _grammarDrafts?.BeginStep(_numRunning);
        bool preempted = ScheduleRunning(ref budget);
        if (!preempted)
        {
            ScheduleWaiting(ref budget);
        }

        Invariant.Check(_plan.NumTokens <= _budget, "a plan exceeds the token budget");
        Invariant.Check(!_plan.IsEmpty || preempted || !HasWork, "work is pending and nothing can run");
        _planIsOpen = !_plan.IsEmpty;
        if (!_planIsOpen)
        {
            _cache.EndStep();
        }

        return _plan;
    }

    /// <summary>The plan did not run: everything is as before Schedule, but for preemptions.</summary>
    public void Rollback(StepPlan plan)
    {
        Invariant.Check(_planIsOpen && plan == _plan, "a plan was rolled back twice");
        foreach (ref readonly ScheduledSequence scheduled in plan.Sequences)
        {
            Sequence sequence = scheduled.Sequence;
            if (sequence.State == SequenceState.Running)
            {
                int before = sequence.NumBlocks;
                sequence.NumScheduledTokens = 0;
                sequence.NumDraftTokens = 0;
                _cache.Rollback(sequence, plan);
                _numReserved += sequence.IsProtected ? before - sequence.NumBlocks : 0;
            }
        }

        CloseStep();
    }

    /// <summary>
    /// Takes the blocks of all running sequences; they start over from the queue. At the caller's wish, so it does not
    /// count as preemption.
    /// </summary>
    public void RestartRunning()
    {
        Invariant.Check(!_planIsOpen, "running sequences were restarted inside a step");
        while (_numRunning > 0)
        {
            Sequence sequence = _running[_numRunning - 1];
            RemoveRunningAt(_numRunning - 1);
            _cache.Free(sequence);
            Enqueue(sequence);
        }
    }

    private bool ScheduleRunning(ref int budget)
    {
        bool preempted = false;
        for (int i = 0; i < _numRunning && budget > 0; i++)
        {
            // One token is kept for each sequence behind, so that a long prompt does not stop their output.
            Sequence sequence = _running[i];
            int remaining = sequence.NumTokens - sequence.NumComputedTokens;
            int share = Math.Max(1, budget - (_numRunning - 1 - i));
            if (remaining == 1 && TryAddDrafted(sequence, share, ref budget))
            {
                continue;
            }

            int count = Math.Min(remaining, share);
            bool allocated = TryAllocate(sequence, count);
            while (!allocated)
            {
                preempted = true;
                int victim = FindVictim(i);
                Preempt(victim);
                if (victim == i)
                {
                    break;
                }

                allocated = TryAllocate(sequence, count);
            }

            if (allocated)
            {
                AddToPlan(sequence, count);
                budget -= count;
            }
            else
            {
                i--;
            }
        }

        return preempted;
    }

    private void ScheduleWaiting(ref int budget)
    {
        while (budget > 0 && _waiting.Count > 0 && _numRunning < _maxNumSeqs)
        {
            Sequence sequence = _waiting.Peek();
            if (!_chunksPrefill && sequence.NumTokens > budget && budget < _budget)
            {
                // An uncached prompt may exceed what is left; it runs whole, in a step of its own if need be.
                break;
            }

            if (!TryAdmit(sequence))
            {
                break;
            }

            int count = Math.Min(sequence.NumTokens - sequence.NumComputedTokens, budget);
            bool allocated = TryAllocate(sequence, count);
            Invariant.Check(allocated, "an admitted sequence found no blocks");
            AddToPlan(sequence, count);
            budget -= count;
        }
    }

    private bool TryAdmit(Sequence sequence)
    {
        // Positions to be scored need their rows computed, so the cache may serve only what is before them.
        int maxCached = WantsPromptLogprobs(sequence)
            ? sequence.NumPromptLogprobsDone - 1
            : sequence.NumTokens;
        int longest = _cache.NumBlocksFor(sequence.MaxComputedTokens);
        int now = _cache.NumBlocksFor(sequence.NumTokens);
        int spare = 0;
        if (sequence.IsProtected)
        {
            spare = longest - now;
        }
        else if (_numRunning > 0)
        {
            // Twice as much room after each preemption, so that it does not come straight back to lose again.
            spare = Math.Max(_headroom, (1 << sequence.NumPreemptions) - 1);
            spare = Math.Min(spare, longest - now);
        }

        if (!_cache.TryAdmit(sequence, maxCached, _numReserved + spare))
        {
            return false;
        }

        _waiting.Remove(sequence);
        Start(sequence);
        if (sequence.IsProtected)
        {
            _numReserved += longest - sequence.NumBlocks;
        }

        if (!sequence.WasScheduled)
        {
            sequence.WasScheduled = true;
            if (sequence.Request.ScheduledTimestamp == null)
            {
                sequence.Request.ScheduledTimestamp = _time.GetTimestamp();
                NumStarted++;
            }

            sequence.NumCachedTokens = Math.Min(sequence.NumComputedTokens, sequence.NumPromptTokens);
            NumPrefixQueries += sequence.NumTokens;
            NumPrefixHits += sequence.NumComputedTokens;
        }

        return true;
    }

    private bool TryAllocate(Sequence sequence, int count)
    {
        int before = sequence.NumBlocks;
        int added = Math.Max(0, _cache.NumBlocksFor(sequence.NumComputedTokens + count) - before);
        int own = sequence.IsProtected ? added : 0;
        if (!_cache.TryAllocateSlots(sequence, count, _numReserved - own, _plan))
        {
            return false;
        }

        _numReserved -= own;
        return true;
    }

    /// <summary>Free blocks set aside for a running sequence.</summary>
    private int Reservation(Sequence sequence) => sequence.IsProtected
        ? _cache.NumBlocksFor(sequence.MaxComputedTokens) - sequence.NumBlocks
        : 0;

    private int FindVictim(int first)
    {
        for (int i = _numRunning - 1; i > first; i--)
        {
            if (!_running[i].IsProtected)
            {
                return i;
            }
        }

        return first;
    }

    private void Preempt(int index)
    {
        Sequence sequence = _running[index];
        Invariant.Check(!sequence.IsProtected, "a protected sequence was preempted");
        Invariant.Check(sequence.NumScheduledTokens == 0, "a scheduled sequence was preempted");
        RemoveRunningAt(index);
        _cache.Free(sequence);
        sequence.NumPreemptions++;
        NumPreemptions++;
        Enqueue(sequence);
    }

    private void AddToPlan(Sequence sequence, int count)
    {
        Invariant.Check(count > 0 && sequence.NumDraftTokens == 0, "a sequence without tokens to compute was scheduled");
        int start = sequence.NumComputedTokens;
        int end = start + count;
        int logprobStart = 0;
        int logprobCount = 0;
        if (WantsPromptLogprobs(sequence))
        {
            logprobStart = Math.Max(start + 1, sequence.NumPromptLogprobsDone);
            logprobCount = Math.Max(0, Math.Min(end, sequence.NumPromptTokens - 1) + 1 - logprobStart);
        }

        sequence.NumScheduledTokens = count;
        bool samples = end == sequence.NumTokens && sequence.NumTokens < sequence.MaxTokensTotal;
        _plan.Add(new ScheduledSequence(sequence, start, count, samples, logprobStart, logprobCount));
    }

    private static bool WantsPromptLogprobs(Sequence sequence) =>
        sequence.Sampling.PromptLogprobs.HasValue && sequence.OutputIndex == 0
        && sequence.NumPromptLogprobsDone < sequence.NumPromptTokens;

    private void Enqueue(Sequence sequence)
    {
        sequence.State = SequenceState.Waiting;
        _waiting.Enqueue(sequence);
    }

    /// <summary>Puts a sequence in its place among the running ones.</summary>
    private void Start(Sequence sequence)
    {
        sequence.State = SequenceState.Running;
        sequence.Reserve(sequence.MaxTokensTotal);
        int index = _numRunning++;
        while (index > 0 && SequenceOrder.CompareRunning(sequence, _running[index - 1]) < 0)
        {
            _running[index] = _running[index - 1];
            index--;
        }

        _running[index] = sequence;
    }

    private void RemoveRunningAt(int index)
    {
        _numReserved -= Reservation(_running[index]);
        Array.Copy(_running, index + 1, _running, index, _numRunning - index - 1);
        _running[--_numRunning] = null!;
    }

    private void CloseStep()
    {
        _planIsOpen = false;
        _cache.EndStep();
    }
}
