namespace Engine.Pooling;

/// <summary>How well two texts fit one another, by their vectors.</summary>
public static class PairScore
{
    /// <summary>The cosine of two vectors; 0 if one has no length.</summary>
    public static float Cosine(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double dot = 0, squareA = 0, squareB = 0;
        for (int i = 0; i < a.Length; i++)
        {
            dot += (double)a[i] * b[i];
            squareA += (double)a[i] * a[i];
            squareB += (double)b[i] * b[i];
        }

        return (float)(dot / Math.Max(Math.Sqrt(squareA * squareB), 1e-12));
    }
}
