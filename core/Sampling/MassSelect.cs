namespace Engine.Sampling;

/// <summary>Where items in ascending order of key have gathered a given weight; no full sort.</summary>
internal sealed class MassSelect
{
    /// <summary>What it holds per item of its capacity.</summary>
    public const int BytesPerItem = sizeof(double) + sizeof(float);

    // Up to this many items are sorted at once; more are first spread over the buckets.
    private const int SortDirectly = 256;
    private const int NumBuckets = 2048;

    private readonly double[] _bucketMass = new double[NumBuckets];
    private readonly double[] _keys;
    private readonly float[] _weights;

    public MassSelect(int capacity)
    {
        _keys = new double[capacity];
        _weights = new float[capacity];
    }

    /// <summary>
    /// The key of the last item taken, if items are taken in ascending order of key while the weight taken
    /// before is below the target; and how many items of that very key are taken.
    /// </summary>
    /// <param name="keys">At least one; finite.</param>
    /// <param name="weights">[keys.Length], not negative; items of equal key are taken in their order.</param>
    /// <param name="target">The weight to gather.</param>
    public (double Key, int NumOfKey) Find(
        ReadOnlySpan<double> keys, ReadOnlySpan<float> weights, double target)
    {
        if (keys.Length <= SortDirectly)
        {
            return FindSorted(keys, weights, 0, target);
        }

        (double min, double max) = MinMax(keys);
        double scale = (NumBuckets - 1) / (max - min);
        if (!double.IsFinite(scale))
        {
            return FindSorted(keys, weights, 0, target);
        }

        Array.Clear(_bucketMass);
        for (int i = 0; i < keys.Length; i++)
        {
            _bucketMass[(int)((keys[i] - min) * scale)] += weights[i];
        }

        double before = 0;
        int cut = 0;
        while (cut < NumBuckets - 1 && before + _bucketMass[cut] < target)
        {
            before += _bucketMass[cut++];
        }

        int count = 0;
        for (int i = 0; i < keys.Length; i++)
        {
            if ((int)((keys[i] - min) * scale) == cut)
            {
                _keys[count] = keys[i];
                _weights[count++] = weights[i];
            }
        }

        return FindSorted(_keys.AsSpan(0, count), _weights.AsSpan(0, count), before, target);
    }

    private (double Key, int NumOfKey) FindSorted(
        ReadOnlySpan<double> keys, ReadOnlySpan<float> weights, double before, double target)
    {
        Span<double> sortedKeys = _keys.AsSpan(0, keys.Length);
        Span<float> sortedWeights = _weights.AsSpan(0, keys.Length);
        keys.CopyTo(sortedKeys);
        weights.CopyTo(sortedWeights);
        (double min, double max) = MinMax(keys);
        if (min < max)
        {
            // Not stable, which is no matter: items of equal key have equal weight or are taken together.
            sortedKeys.Sort(sortedWeights);
        }

        double key = sortedKeys[0];
        int numOfKey = 0;
        for (int i = 0; i < sortedKeys.Length && (i == 0 || before < target); i++)
        {
            numOfKey = sortedKeys[i] == key ? numOfKey + 1 : 1;
            key = sortedKeys[i];
            before += sortedWeights[i];
        }

        return (key, numOfKey);
    }

    private static (double Min, double Max) MinMax(ReadOnlySpan<double> keys)
    {
        double min = keys[0];
        double max = keys[0];
        foreach (double key in keys)
        {
            min = Math.Min(min, key);
            max = Math.Max(max, key);
        }

        return (min, max);
    }
}
