namespace Engine.Diagnostics;

/// <summary>Counts of values by upper bound. One writer; a snapshot is taken under the owner's lock.</summary>
internal sealed class Histogram(double[] upperBounds)
{
    private readonly long[] _counts = new long[upperBounds.Length + 1];
    private double _sum;
    private long _count;

    public void Observe(double value)
    {
        int low = 0;
        int high = upperBounds.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (value <= upperBounds[middle])
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        _counts[low]++;
        _sum += value;
        _count++;
    }

    public HistogramSnapshot Snapshot() => new()
    {
        UpperBounds = upperBounds,
        Counts = (long[])_counts.Clone(),
        Sum = _sum,
        Count = _count,
    };
}

/// <summary>A histogram at one moment.</summary>
public sealed class HistogramSnapshot
{
    /// <summary>Inclusive upper bounds, ascending; the last bucket (+Inf) has none.</summary>
    public required IReadOnlyList<double> UpperBounds { get; init; }

    /// <summary>[UpperBounds.Count + 1] observations per bucket, not cumulative.</summary>
    public required IReadOnlyList<long> Counts { get; init; }

    /// <summary>Sum of all observations.</summary>
    public required double Sum { get; init; }

    /// <summary>Number of all observations.</summary>
    public required long Count { get; init; }
}
