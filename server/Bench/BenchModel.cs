namespace Engine.Server.Bench;

/// <summary>One thing to measure.</summary>
/// <param name="Kind">"prefill" or "decode".</param>
/// <param name="NumTokens">Prompt tokens, or generated tokens, per request.</param>
/// <param name="Batch">Requests at once.</param>
/// <param name="Depth">Decode: tokens of context before the first generated one.</param>
internal readonly record struct BenchCase(string Kind, int NumTokens, int Batch, int Depth)
{
    public const string Prefill = "prefill";
    public const string Decode = "decode";

    /// <summary>As llama-bench names its tests: pp512, tg128.</summary>
    public string Name => Kind == Prefill ? $"pp{NumTokens}" : $"tg{NumTokens}";
}

/// <summary>One run of a case.</summary>
/// <param name="TokensPerS">Of all requests together.</param>
/// <param name="LatenciesMs">Prefill: time to the first token per request; decode: between tokens.</param>
internal readonly record struct BenchSample(double TokensPerS, IReadOnlyList<double> LatenciesMs);

/// <summary>What came out for a case.</summary>
internal sealed record BenchResult
{
    public required BenchCase Case { get; init; }

    /// <summary>Tokens per second of every repetition.</summary>
    public required IReadOnlyList<double> Samples { get; init; }

    /// <summary>Ascending, of all repetitions.</summary>
    public required IReadOnlyList<double> LatenciesMs { get; init; }

    /// <summary>Bytes that one decode step has to read: weights and KV; 0 if unknown.</summary>
    public double BytesPerStep { get; init; }

    /// <summary>Operations per prompt token in matrix products; 0 if unknown.</summary>
    public double FlopsPerToken { get; init; }

    /// <summary>Share of the steps' time that was not in kernels: scheduling, sampling, text and events.</summary>
    public double OverheadShare { get; init; }

    /// <summary>Tokens per second of the other engine, per repetition.</summary>
    public IReadOnlyList<double> OtherSamples { get; init; } = [];

    public double TokensPerS => Statistics.Median(Samples);

    public double OtherTokensPerS => Statistics.Median(OtherSamples);

    /// <summary>Decode: bytes read per second.</summary>
    public double BytesPerS => Case.Kind == BenchCase.Decode ? TokensPerS / Case.Batch * BytesPerStep : 0;

    /// <summary>Prefill: operations per second.</summary>
    public double FlopsPerS => Case.Kind == BenchCase.Prefill ? TokensPerS * FlopsPerToken : 0;
}

/// <summary>The few statistics a benchmark shows.</summary>
internal static class Statistics
{
    public static double Median(IReadOnlyList<double> values) => Percentile([.. values.Order()], 0.5);

    /// <param name="ascending">Sorted values.</param>
    /// <param name="share">0 to 1; between two values it interpolates.</param>
    public static double Percentile(IReadOnlyList<double> ascending, double share)
    {
        if (ascending.Count == 0)
        {
            return 0;
        }

        double position = share * (ascending.Count - 1);
        int below = (int)position;
        int above = Math.Min(below + 1, ascending.Count - 1);
        return ascending[below] + ((position - below) * (ascending[above] - ascending[below]));
    }

    public static double Deviation(IReadOnlyList<double> values)
    {
        if (values.Count < 2)
        {
            return 0;
        }

        double mean = values.Average();
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
    }
}
