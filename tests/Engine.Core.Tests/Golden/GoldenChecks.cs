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
        Check(run, folder, golden);
    }

    /// <summary>The same with a model at hand.</summary>
    public static void Check(SingleRun run, string folder, string golden)
    {
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

    /// <summary>Largest and mean difference over the logits of a case, teacher forced.</summary>
    public static (float Largest, double Mean) LogitDifferences(SingleRun run, GoldenCase c)
    {
        (_, float[] logits) = run.Forward(c.Prompt, 0);
        int vocab = logits.Length / c.Prompt.Length;
        ReadOnlySpan<float> found = logits.AsSpan(c.StoredPositions.Start * vocab);
        double sum = 0;
        for (int i = 0; i < c.Logits.Length; i++) sum += Math.Abs(c.Logits[i] - found[i]);
        return (LargestDifference(c.Logits, found), sum / c.Logits.Length);
    }
}
