using Engine.Hosting;
using Engine.Speculation;

namespace Engine.Diagnostics;

/// <summary>Counters and histograms of one engine; vLLM's buckets. Safe for concurrent use.</summary>
internal sealed class EngineMetrics(int maxModelLen)
{
    private static readonly double[] FirstTokenBounds =
    [
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
        160, 640, 2560,
    ];

    private static readonly double[] TokenBounds =
    [
        0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
    ];

    private static readonly double[] RequestBounds =
    [
        0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
    ];

    private static readonly double[] StepBounds =
        [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];

    private static readonly double[] OutputBounds = [1, 2, 5, 10, 20];

    private readonly Lock _lock = new();
    private readonly long[] _outputsByReason = new long[Enum.GetValues<FinishReason>().Length];
    private readonly Histogram _timeToFirstToken = new(FirstTokenBounds);
    private readonly Histogram _interTokenLatency = new(TokenBounds);
    private readonly Histogram _timePerOutputToken = new(TokenBounds);
    private readonly Histogram _e2e = new(RequestBounds);
    private readonly Histogram _queue = new(RequestBounds);
    private readonly Histogram _prefill = new(RequestBounds);
    private readonly Histogram _decode = new(RequestBounds);
    private readonly Histogram _inference = new(RequestBounds);
    private readonly Histogram _stepTokens = new(StepBounds);
    private readonly Histogram _promptTokens = new(LengthBounds(maxModelLen));
    private readonly Histogram _generationTokens = new(LengthBounds(maxModelLen));
    private readonly Histogram _longestOutput = new(LengthBounds(maxModelLen));
    private readonly Histogram _maxTokens = new(LengthBounds(maxModelLen));
    private readonly Histogram _prefillComputed = new(LengthBounds(maxModelLen));
    private readonly Histogram _numOutputs = new(OutputBounds);
    private EngineGauges _gauges;
    private long[] _acceptedPerPosition = [];
    private long _numForeseen;
    private long _numForeseenAccepted;
    private long _numDrafts;
    private long _numDraftTokens;
    private long _numAcceptedTokens;
    private long _numPromptTokens;
    private long _numCachedPromptTokens;
    private long _numGenerationTokens;
    private long _numFailed;

    /// <summary>After each step.</summary>
    public void ObserveStep(int numTokens, in EngineGauges gauges)
    {
        lock (_lock)
        {
            _gauges = gauges;
            if (numTokens > 0)
            {
                _stepTokens.Observe(numTokens);
            }
        }
    }

    /// <summary>What came of tokens foreseen from grammars so far.</summary>
    public void ObserveJumpAhead(long numTokens, long numAccepted)
    {
        lock (_lock)
        {
            (_numForeseen, _numForeseenAccepted) = (numTokens, numAccepted);
        }
    }

    /// <summary>What came of drafts so far.</summary>
    public void ObserveSpeculation(SpeculationStatistics statistics)
    {
        lock (_lock)
        {
            _numDrafts = statistics.NumDrafts;
            _numDraftTokens = statistics.NumDraftTokens;
            _numAcceptedTokens = statistics.NumAcceptedTokens;
            if (_acceptedPerPosition.Length == 0)
            {
                _acceptedPerPosition = new long[statistics.AcceptedPerPosition.Length];
            }

            statistics.AcceptedPerPosition.CopyTo(_acceptedPerPosition);
        }
    }

    /// <summary>A request's first token, over all of its outputs.</summary>
    /// <param name="numPromptTokens">Of its prompt.</param>
    /// <param name="numCachedTokens">Of those, as many were not computed.</param>
    /// <param name="secondsSinceArrival">How long it took.</param>
    public void ObserveFirstToken(int numPromptTokens, int numCachedTokens, double secondsSinceArrival)
    {
        lock (_lock)
        {
            _numPromptTokens += numPromptTokens;
            _numCachedPromptTokens += numCachedTokens;
            _prefillComputed.Observe(numPromptTokens - numCachedTokens);
            _timeToFirstToken.Observe(secondsSinceArrival);
        }
    }

    /// <summary>A token; seconds is negative for the first of its output.</summary>
    public void ObserveToken(double secondsSinceLast)
    {
        lock (_lock)
        {
            _numGenerationTokens++;
            if (secondsSinceLast >= 0)
            {
                _interTokenLatency.Observe(secondsSinceLast);
            }
        }
    }

    /// <summary>An output ended.</summary>
    public void ObserveOutput(FinishReason reason, int numTokens)
    {
        lock (_lock)
        {
            _outputsByReason[(int)reason]++;
            _generationTokens.Observe(numTokens);
        }
    }

    /// <summary>A text was pooled.</summary>
    public void ObservePooled(int numTokens, double seconds)
    {
        lock (_lock)
        {
            _numPromptTokens += numTokens;
            _promptTokens.Observe(numTokens);
            _e2e.Observe(seconds);
            _outputsByReason[(int)FinishReason.Stop]++;
        }
    }

    /// <summary>A request ended.</summary>
    public void ObserveRequest(RequestTimes times, bool failed)
    {
        lock (_lock)
        {
            _numFailed += failed ? 1 : 0;
            _promptTokens.Observe(times.NumPromptTokens);
            _e2e.Observe(times.EndSeconds);
            _numOutputs.Observe(times.NumOutputs);
            _longestOutput.Observe(times.LongestOutput);
            if (times.MaxTokens is int maxTokens)
            {
                _maxTokens.Observe(maxTokens);
            }

            if (times.ScheduledSeconds is not double scheduled)
            {
                return;
            }

            _queue.Observe(scheduled);
            if (times.FirstTokenSeconds is double first && times.LastTokenSeconds is double last)
            {
                _prefill.Observe(first - scheduled);
                _decode.Observe(last - first);
                _inference.Observe(last - scheduled);
                if (times.NumOutputTokens > 1)
                {
                    _timePerOutputToken.Observe((last - first) / (times.NumOutputTokens - 1));
                }
            }
        }
    }

    public EngineMetricsSnapshot Snapshot()
    {
        lock (_lock)
        {
            return new EngineMetricsSnapshot
            {
                NumRequestsRunning = _gauges.NumRunning,
                NumRequestsWaiting = _gauges.NumWaiting,
                KvCacheUsage = (double)_gauges.NumReferencedBlocks / Math.Max(1, _gauges.NumBlocks),
                NumBlocks = _gauges.NumBlocks,
                BlockSize = _gauges.BlockSize,
                PrefixCacheQueries = _gauges.PrefixCacheQueries,
                PrefixCacheHits = _gauges.PrefixCacheHits,
                NumPreemptions = _gauges.NumPreemptions,
                NumSteps = _gauges.NumSteps,
                StepSeconds = _gauges.StepSeconds,
                KernelSeconds = _gauges.KernelSeconds,
                PromptTokens = _numPromptTokens,
                CachedPromptTokens = _numCachedPromptTokens,
                RequestPrefillComputedTokens = _prefillComputed.Snapshot(),
                GenerationTokens = _numGenerationTokens,
                JumpAheadNumTokens = _numForeseen,
                JumpAheadNumAcceptedTokens = _numForeseenAccepted,
                SpecDecodeNumDrafts = _numDrafts,
                SpecDecodeNumDraftTokens = _numDraftTokens,
                SpecDecodeNumAcceptedTokens = _numAcceptedTokens,
                SpecDecodeAcceptedPerPosition = (long[])_acceptedPerPosition.Clone(),
                OutputsByReason = (long[])_outputsByReason.Clone(),
                NumFailed = _numFailed,
                TimeToFirstToken = _timeToFirstToken.Snapshot(),
                InterTokenLatency = _interTokenLatency.Snapshot(),
                TimePerOutputToken = _timePerOutputToken.Snapshot(),
                E2eRequestLatency = _e2e.Snapshot(),
                QueueTime = _queue.Snapshot(),
                PrefillTime = _prefill.Snapshot(),
                DecodeTime = _decode.Snapshot(),
                InferenceTime = _inference.Snapshot(),
                IterationTokens = _stepTokens.Snapshot(),
                RequestPromptTokens = _promptTokens.Snapshot(),
                RequestGenerationTokens = _generationTokens.Snapshot(),
                RequestLongestOutput = _longestOutput.Snapshot(),
                RequestMaxTokens = _maxTokens.Snapshot(),
                RequestNumOutputs = _numOutputs.Snapshot(),
            };
        }
    }

    /// <summary>1, 2, 5, 10, 20, 50 ... up to a length.</summary>
    private static double[] LengthBounds(int max)
    {
        var bounds = new List<double>();
        for (long power = 1; power <= max; power *= 10)
        {
            foreach (int step in (ReadOnlySpan<int>)[1, 2, 5])
            {
                if (step * power <= max)
                {
                    bounds.Add(step * power);
                }
            }
        }

        return [.. bounds];
    }
}

/// <summary>What the scheduler says of itself after a step.</summary>
internal readonly record struct EngineGauges
{
    public int NumRunning { get; init; }

    public int NumWaiting { get; init; }

    public int NumReferencedBlocks { get; init; }

    public int NumBlocks { get; init; }

    public int BlockSize { get; init; }

    public long PrefixCacheQueries { get; init; }

    public long PrefixCacheHits { get; init; }

    public long NumPreemptions { get; init; }

    public long NumSteps { get; init; }

    public double StepSeconds { get; init; }

    public double KernelSeconds { get; init; }
}
