namespace Engine.Pooling;

/// <summary>How the hidden states of a text's tokens become one vector; names of sentence-transformers.</summary>
public enum PoolingMode
{
    /// <summary>The first token's.</summary>
    Cls,

    /// <summary>The largest of each column.</summary>
    Max,

    /// <summary>The mean of all, special tokens too.</summary>
    Mean,

    /// <summary>The sum over the root of the number of tokens.</summary>
    MeanSqrtLen,

    /// <summary>The mean in which token i counts i + 1 times.</summary>
    WeightedMean,

    /// <summary>The last token's.</summary>
    LastToken,
}

/// <summary>Pools rows of hidden states.</summary>
internal static class Pooler
{
    /// <summary>One vector of rows [numTokens, width], summed in the order of the tokens.</summary>
    /// <param name="mode">How.</param>
    /// <param name="rows">The hidden states.</param>
    /// <param name="width">Columns.</param>
    /// <param name="result">[width].</param>
    /// <param name="skip">Leading tokens that do not count, but for Cls, which is the first of all.</param>
    public static void Pool(PoolingMode mode, ReadOnlySpan<float> rows, int width, Span<float> result, int skip = 0)
    {
        if (mode != PoolingMode.Cls) rows = rows[(skip * width)..];
        int numTokens = rows.Length / width;
        switch (mode)
        {
            case PoolingMode.Cls:
                rows[..width].CopyTo(result);
                break;
            case PoolingMode.LastToken:
                rows[^width..].CopyTo(result);
                break;
            case PoolingMode.Max:
                rows[..width].CopyTo(result);
                for (int t = 1; t < numTokens; t++)
                {
                    for (int i = 0; i < width; i++) result[i] = Math.Max(result[i], rows[(t * width) + i]);
                }
                break;
            case PoolingMode.WeightedMean:
                Sum(rows, width, result, t => t + skip + 1, numTokens * (skip + (0.5 * (numTokens + 1.0))));
                break;
            default:
                Sum(rows, width, result, static _ => 1, mode == PoolingMode.Mean ? numTokens : Math.Sqrt(numTokens));
                break;
        }
    }

    /// <summary>Scales a vector to length 1; zeros stay zeros.</summary>
    public static void Normalize(Span<float> vector)
    {
        double square = 0;
        foreach (float value in vector) square += (double)value * value;
        double factor = 1 / Math.Max(Math.Sqrt(square), 1e-12);
        foreach (ref float value in vector) value = (float)(value * factor);
    }

    private static void Sum(
        ReadOnlySpan<float> rows, int width, Span<float> result, Func<int, double> weight, double divisor)
    {
        double[] sums = new double[width];
        for (int t = 0; t * width < rows.Length; t++)
        {
            double w = weight(t);
            for (int i = 0; i < width; i++) sums[i] += w * rows[(t * width) + i];
        }

        for (int i = 0; i < width; i++) result[i] = (float)(sums[i] / divisor);
    }
}
