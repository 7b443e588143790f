using Engine.Diagnostics;

namespace Engine.Server.Tests.Support;

/// <summary>Metrics of an engine that has done nothing but a few countable things.</summary>
internal static class EmptyMetrics
{
    public static EngineMetricsSnapshot Create() => new()
    {
        NumRequestsRunning = 3,
        NumRequestsWaiting = 5,
        KvCacheUsage = 0.25,
        NumBlocks = 100,
        BlockSize = 16,
        PrefixCacheQueries = 70,
        PrefixCacheHits = 30,
        NumPreemptions = 2,
        PromptTokens = 71,
        GenerationTokens = 42,
        NumSteps = 12,
        SpecDecodeNumDrafts = 8,
        SpecDecodeNumDraftTokens = 16,
        SpecDecodeNumAcceptedTokens = 9,
        SpecDecodeAcceptedPerPosition = [6, 3],
        OutputsByReason = [0, 4, 6, 1, 0],
        NumFailed = 0,
        TimeToFirstToken = Histogram([0.001, 0.005, 1, 2560], [0, 2, 1, 0, 0], 0.5),
        InterTokenLatency = Histogram([0.01, 80], [5, 0, 0], 0.02),
        TimePerOutputToken = Histogram([0.01, 80], [5, 0, 0], 0.02),
        E2eRequestLatency = Histogram([0.3, 7680], [1, 0, 0], 0.2),
        QueueTime = Histogram([0.3, 7680], [1, 0, 0], 0.2),
        PrefillTime = Histogram([0.3, 7680], [1, 0, 0], 0.2),
        DecodeTime = Histogram([0.3, 7680], [1, 0, 0], 0.2),
        InferenceTime = Histogram([0.3, 7680], [1, 0, 0], 0.2),
        IterationTokens = Histogram([1, 8], [1, 0, 0], 1),
        RequestPromptTokens = Histogram([1, 2, 5], [1, 0, 0, 0], 1),
        RequestGenerationTokens = Histogram([1, 2, 5], [1, 0, 0, 0], 1),
        RequestLongestOutput = Histogram([1, 2, 5], [1, 0, 0, 0], 1),
        RequestMaxTokens = Histogram([1, 2, 5], [1, 0, 0, 0], 1),
        RequestNumOutputs = Histogram([1, 2, 5], [1, 0, 0, 0], 1),
    };

    private static HistogramSnapshot Histogram(double[] bounds, long[] counts, double sum) =>
        new() { UpperBounds = bounds, Counts = counts, Sum = sum, Count = counts.Sum() };
}
