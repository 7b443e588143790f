namespace Engine.Sampling;

/// <summary>The tokens still in play, in ascending id order, with their weights.</summary>
internal sealed class Candidates
{
    /// <summary>What it holds per token of its capacity.</summary>
    public const int BytesPerToken = sizeof(int) + (3 * sizeof(float)) + sizeof(double) + MassSelect.BytesPerItem;

    private readonly int[] _ids;
    private readonly float[] _values;
    private readonly float[] _weights;
    private readonly float[] _sorted;
    private readonly double[] _keys;
    private readonly MassSelect _massSelect;

    public Candidates(int capacity)
    {
        _ids = new int[capacity];
        _values = new float[capacity];
        _weights = new float[capacity];
        _sorted = new float[capacity];
        _keys = new double[capacity];
        _massSelect = new MassSelect(capacity);
    }

    public int Count { get; private set; }

    /// <summary>Ascending.</summary>
    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, Count);

    /// <summary>Logits before temperature.</summary>
    public ReadOnlySpan<float> Values => _values.AsSpan(0, Count);

    /// <summary>exp((logit - max) / temperature); valid after <see cref="Weigh"/>.</summary>
    public ReadOnlySpan<float> Weights => _weights.AsSpan(0, Count);

    /// <summary>[capacity], free between calls.</summary>
    public Span<float> Scratch => _sorted;

    /// <summary>Sum of the weights.</summary>
    public double Total { get; private set; }

    /// <summary>Takes every token whose logit is at least the threshold.</summary>
    public void Gather(ReadOnlySpan<float> row, ReadOnlySpan<float> blockMax, float threshold) =>
        Count = LogitMath.Gather(
            row, blockMax, MathF.Max(threshold, -float.MaxValue), _ids, _values);

    /// <summary>Keeps the first: of equal ones the lowest id.</summary>
    public void KeepFirst() => Count = Math.Min(Count, 1);

    /// <summary>A bound that the k-th largest of a row reaches: k blocks have a value of at least that.</summary>
    public float TopBound(RowView view, int k) =>
        k <= view.BlockMax.Length
            ? PartialSelect.KthLargest(view.BlockMax, k, _sorted)
            : float.NegativeInfinity;

    /// <summary>Computes the weights and their sum.</summary>
    public void Weigh(float max, float scale)
    {
        LogitMath.Weights(_values.AsSpan(0, Count), max, scale, _weights);
        SumWeights();
    }

    /// <summary>Keeps the k largest and all that equal the k-th. Weights are not kept.</summary>
    public void KeepTop(int k)
    {
        if (Count <= k)
        {
            return;
        }

        float kth = PartialSelect.KthLargest(_values.AsSpan(0, Count), k, _sorted);
        int kept = 0;
        for (int i = 0; i < Count; i++)
        {
            if (_values[i] >= kth)
            {
                _ids[kept] = _ids[i];
                _values[kept++] = _values[i];
            }
        }

        Count = kept;
    }

    /// <summary>
    /// Top-p: keeps the most likely tokens until their mass reaches p; of equal ones the lowest ids stay.
    /// </summary>
    /// <param name="p">Share of total.</param>
    /// <param name="total">Weight of all tokens that p is a share of, those not gathered included.</param>
    public void KeepTopMass(float p, double total)
    {
        for (int i = 0; i < Count; i++)
        {
            _keys[i] = -(double)_values[i];
        }

        (double key, int left) = _massSelect.Find(_keys.AsSpan(0, Count), Weights, p * total);
        float cut = (float)-key;
        int kept = 0;
        for (int i = 0; i < Count; i++)
        {
            if (_values[i] > cut || (_values[i] == cut && left-- > 0))
            {
                Move(i, kept++);
            }
        }

        Count = kept;
        SumWeights();
    }

    /// <summary>Locally typical: keeps the tokens whose surprise is nearest to the entropy.</summary>
    public void KeepTypical(float mass, float max, float scale)
    {
        double logTotal = Math.Log(Total);
        double entropy = 0;
        for (int i = 0; i < Count; i++)
        {
            _keys[i] = logTotal - ((double)_values[i] - max) * scale;
            entropy += _weights[i] > 0 ? _weights[i] / Total * _keys[i] : 0;
        }

        for (int i = 0; i < Count; i++)
        {
            _keys[i] = Math.Abs(_keys[i] - entropy);
        }

        double cut = _massSelect.Find(_keys.AsSpan(0, Count), Weights, mass * Total).Key;
        int kept = 0;
        for (int i = 0; i < Count; i++)
        {
            if (_keys[i] <= cut)
            {
                Move(i, kept++);
            }
        }

        Count = kept;
        SumWeights();
    }

    /// <summary>XTC: of the tokens at or above the threshold only the least likely stays.</summary>
    public void ExcludeTopChoices(float threshold)
    {
        double least = threshold * Total;
        int last = -1;
        int above = 0;
        for (int i = 0; i < Count; i++)
        {
            if (_weights[i] >= least)
            {
                above++;
                last = last < 0 || _values[i] <= _values[last] ? i : last;
            }
        }

        if (above < 2)
        {
            return;
        }

        int kept = 0;
        for (int i = 0; i < Count; i++)
        {
            if (_weights[i] < least || i == last)
            {
                Move(i, kept++);
            }
        }

        Count = kept;
        SumWeights();
    }

    /// <summary>Index of the candidate at a share of the total weight.</summary>
    /// <param name="uniform">In [0, 1).</param>
    public int Draw(double uniform)
    {
        double target = uniform * Total;
        double sum = 0;
        int last = 0;
        for (int i = 0; i < Count; i++)
        {
            sum += _weights[i];
            if (sum > target)
            {
                return i;
            }

            last = _weights[i] > 0 ? i : last;
        }

        return last;
    }

    private void Move(int from, int to)
    {
        _ids[to] = _ids[from];
        _values[to] = _values[from];
        _weights[to] = _weights[from];
    }

    private void SumWeights()
    {
        double total = 0;
        for (int i = 0; i < Count; i++)
        {
            total += _weights[i];
        }

        Total = total;
    }
}
