using Engine.Devices;
using Engine.Hosting;

namespace Engine.Sampling;

/// <summary>
/// Log probabilities under the raw logits, before anything is masked or scaled (vLLM's raw_logprobs).
/// </summary>
internal sealed class LogprobReader
{
    /// <summary>What it holds per token of the vocabulary.</summary>
    public const int BytesPerToken = (2 * sizeof(int)) + (3 * sizeof(float));

    private readonly double[] _blockSums;
    private readonly float[] _bounds;
    private readonly int[] _ids;
    private readonly float[] _values;
    private readonly float[] _selected;
    private readonly (float Value, int Id)[] _order;
    private readonly float[] _blockMax;
    private double _logTotal;
    private float _max;
    private int _vocabSize;

    public LogprobReader(int rowLength)
    {
        int blocks = LogitMath.NumBlocks(rowLength);
        _blockSums = new double[blocks];
        _bounds = new float[blocks];
        _blockMax = new float[blocks];
        _ids = new int[rowLength];
        _values = new float[rowLength];
        _selected = new float[rowLength];
        _order = new (float, int)[rowLength];
    }

    /// <summary>Prepares a row: its normaliser runs over all of it, the best are of the vocabulary.</summary>
    /// <param name="row">Without NaN and +infinity.</param>
    /// <param name="blockMax">Largest of each block.</param>
    /// <param name="vocabSize">Ids at or above it are not among the best.</param>
    public void Load(ReadOnlySpan<float> row, ReadOnlySpan<float> blockMax, int vocabSize)
    {
        _vocabSize = Math.Min(vocabSize, row.Length);
        blockMax.CopyTo(_blockMax);
        _max = LogitMath.Max(blockMax);
        _logTotal = _max > float.NegativeInfinity
            ? Math.Log(LogitMath.SumExp(row, blockMax, _max, 1f, _blockSums))
            : 0;
        int last = LogitMath.NumBlocks(_vocabSize) - 1;
        LogitMath.ScanBlock(
            row[(last * LogitMath.BlockSize).._vocabSize], out _blockMax[last]);
    }

    /// <summary>As Read, but the best are those of the row as it was masked since; the normaliser stays.</summary>
    /// <param name="row">The row given to Load, masked.</param>
    /// <param name="blockMax">Largest of each of its blocks.</param>
    /// <param name="token">A token of the vocabulary.</param>
    /// <param name="count">N; -1 is all.</param>
    public TokenLogprob[] ReadMasked(ReadOnlySpan<float> row, ReadOnlySpan<float> blockMax, int token, int count)
    {
        blockMax.CopyTo(_blockMax);
        return Read(row, token, count);
    }

    /// <summary>The token first, then the best N.</summary>
    /// <param name="row">The row given to Load.</param>
    /// <param name="token">A token of the vocabulary.</param>
    /// <param name="count">N; -1 is all.</param>
    /// <remarks>
    /// The token's rank counts the logits that are at least its own, as in vLLM; the best have ranks 1 to N.
    /// </remarks>
    public TokenLogprob[] Read(ReadOnlySpan<float> row, int token, int count)
    {
        ReadOnlySpan<float> vocabulary = row[.._vocabSize];
        int n = count < 0 ? _vocabSize : Math.Min(count, _vocabSize);
        var result = new TokenLogprob[n + 1];
        result[0] = new TokenLogprob(
            token, Logprob(row[token]), LogitMath.CountAtLeast(vocabulary, row[token]));
        if (n == 0)
        {
            return result;
        }

        ReadOnlySpan<float> blockMax = _blockMax.AsSpan(0, LogitMath.NumBlocks(_vocabSize));
        float bound = n <= blockMax.Length
            ? PartialSelect.KthLargest(blockMax, n, _bounds)
            : float.NegativeInfinity;
        int gathered = LogitMath.Gather(vocabulary, blockMax, bound, _ids, _values);
        Order(gathered, n);
        for (int i = 0; i < n; i++)
        {
            (float value, int id) = _order[i];
            result[i + 1] = new TokenLogprob(id, Logprob(-value), i + 1);
        }

        return result;
    }

    /// <summary>The same from what a device has found.</summary>
    /// <param name="record">Of the token.</param>
    /// <param name="best">In any order.</param>
    /// <remarks>Its sum of exp is one of integers, this one's depends on the processor: they agree to 1e-7.</remarks>
    public static TokenLogprob[] Read(in LogprobRecord record, ReadOnlySpan<ScoredToken> best)
    {
        const double Unit = 1.0 / (1UL << 44);
        double logTotal = record.Max > float.NegativeInfinity ? Math.Log(record.Total * Unit) : 0;
        var result = new TokenLogprob[best.Length + 1];
        result[0] = new TokenLogprob(record.Token, Logprob(record.Logit, record.Max, logTotal), record.Rank);
        Span<(float Value, int Id)> order = stackalloc (float, int)[best.Length];
        for (int i = 0; i < best.Length; i++)
        {
            order[i] = (-best[i].Logit, best[i].Id);
        }

        order.Sort();
        for (int i = 0; i < best.Length; i++)
        {
            result[i + 1] = new TokenLogprob(order[i].Id, Logprob(-order[i].Value, record.Max, logTotal), i + 1);
        }

        return result;
    }

    /// <summary>The token first, then those given, in their order.</summary>
    /// <param name="row">The row given to Load.</param>
    /// <param name="token">A token of the vocabulary.</param>
    /// <param name="ids">Of the vocabulary.</param>
    public TokenLogprob[] ReadGiven(ReadOnlySpan<float> row, int token, IReadOnlyList<int> ids)
    {
        var result = new TokenLogprob[ids.Count + 1];
        for (int i = 0; i < result.Length; i++)
        {
            int id = i == 0 ? token : ids[i - 1];
            result[i] = new TokenLogprob(
                id, Logprob(row[id]), LogitMath.CountAtLeast(row[.._vocabSize], row[id]));
        }

        return result;
    }

    /// <summary>Puts the best n of what was gathered first, in order; of equal ones the lowest ids.</summary>
    private void Order(int gathered, int n)
    {
        float least = PartialSelect.KthLargest(_values.AsSpan(0, gathered), n, _selected);
        int above = 0;
        foreach (float value in _values.AsSpan(0, gathered))
        {
            above += value > least ? 1 : 0;
        }

        int ties = n - above;
        int kept = 0;
        for (int i = 0; i < gathered && kept < n; i++)
        {
            if (_values[i] > least || (_values[i] == least && ties-- > 0))
            {
                // Negated values and ids sort together: descending value, then ascending id.
                _order[kept++] = (-_values[i], _ids[i]);
            }
        }

        _order.AsSpan(0, n).Sort();
    }

    private float Logprob(float logit) => Logprob(logit, _max, _logTotal);

    private static float Logprob(float logit, float max, double logTotal) =>
        logit > float.NegativeInfinity ? (float)((double)logit - max - logTotal) : logit;
}
