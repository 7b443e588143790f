using Engine.Devices;

namespace Engine.Tests.Golden;

/// <summary>Compares a model with its goldens.</summary>
internal static class GoldenChecks
{
    /// <summary>Fair for float32 with another order of summation (the data's own README).</summary>
    public const float Tolerance = 1e-3f;

    /// <summary>Logits and final hidden states of every prompt, then greedy tokens through the cache.</summary>
    public static void Check(string folder, string config, string golden, IDevice device)
    {
        using SingleRun run = SingleRun.Open(folder, device, config);
        Assert.Multiple(() =>
        {
            foreach (GoldenCase c in GoldenFolder.Read(folder, golden))
            {
                (float[] hidden, float[] logits) = run.Forward(c.Prompt, 0);
                Compare($"{c.Name}: last hidden", c.Hidden, hidden, c);
                Compare($"{c.Name}: logits", c.Logits, logits, c);
                Assert.That(
                    run.Greedy(c.Prompt, c.Greedy.Length), Is.EqualTo(c.Greedy), $"{c.Name}: greedy tokens");
            }
        });
    }

    private static void Compare(string what, float[] expected, float[] found, GoldenCase c)
    {
        int width = found.Length / c.Prompt.Length;
        ReadOnlySpan<float> part = found.AsSpan(
            c.StoredPositions.Start * width, (c.StoredPositions.End - c.StoredPositions.Start) * width);
        Assert.That(part.Length, Is.EqualTo(expected.Length), what);
        Assert.That(LargestDifference(expected, part), Is.LessThan(Tolerance), what);
    }

    private static float LargestDifference(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        float largest = 0;
        for (int i = 0; i < a.Length; i++)
        {
            float difference = Math.Abs(a[i] - b[i]);
            if (!(difference <= largest)) largest = difference;
        }
        return largest;
    }
}
