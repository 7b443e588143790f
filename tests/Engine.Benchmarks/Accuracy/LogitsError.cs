namespace Engine.Benchmarks.Accuracy;

/// <summary>How far logits are from a reference's, over all positions of all prompts.</summary>
internal sealed class LogitsError
{
    private double _difference;
    private double _size;
    private double _divergence;
    private long _equal;
    private long _positions;

    /// <summary>|x - reference| / |reference| (L2), each row shifted to mean 0.</summary>
    public double Relative => Math.Sqrt(_difference / _size);

    /// <summary>Mean over positions of KL(reference || x), nats.</summary>
    public double Divergence => _divergence / _positions;

    /// <summary>Share of positions whose largest logit is the reference's.</summary>
    public double EqualGreedy => (double)_equal / _positions;

    /// <summary>Positions compared.</summary>
    public long Positions => _positions;

    /// <summary>Logits have no zero of their own: softmax does not see a shift.</summary>
    public static void Center(Span<float> row)
    {
        double sum = 0;
        foreach (float value in row) sum += value;
        float mean = (float)(sum / row.Length);
        foreach (ref float value in row) value -= mean;
    }

    /// <summary>Adds one position; both rows have mean 0.</summary>
    public void Add(ReadOnlySpan<float> reference, ReadOnlySpan<float> row)
    {
        double logTotal = LogTotal(reference), rowLogTotal = LogTotal(row), divergence = 0;
        int best = 0, rowBest = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            double difference = (double)row[i] - reference[i], logP = reference[i] - logTotal;
            _difference += difference * difference;
            _size += (double)reference[i] * reference[i];
            divergence += Math.Exp(logP) * (logP - (row[i] - rowLogTotal));
            if (reference[i] > reference[best]) best = i;
            if (row[i] > row[rowBest]) rowBest = i;
        }

        _divergence += divergence;
        _equal += best == rowBest ? 1 : 0;
        _positions++;
    }

    private static double LogTotal(ReadOnlySpan<float> row)
    {
        double sum = 0;
        foreach (float value in row) sum += Math.Exp(value);
        return Math.Log(sum);
    }
}
