using Engine.Sampling;

namespace Engine.Tests.Sampling;

/// <summary>The loops over a row, managed and native, against double precision.</summary>
[TestFixture, NonParallelizable]
public sealed class LogitMathTests
{
    [TearDown]
    public void UseWhatThereIs() => LogitMath.UseKernels = LogitKernels.Exist();

    [Test]
    public void TheNativeKernelsAreThere()
    {
        Assert.That(LogitKernels.Exist(), Is.True);
    }

    [Test]
    public void EveryLengthGivesMaximaSumsAndWeights([Values] bool native)
    {
        LogitMath.UseKernels = native;
        const int seed = 5;
        var random = new Random(seed);
        for (int length = 1; length <= 300; length++)
        {
            float[] row = [.. Enumerable.Range(0, length).Select(_ =>
                random.Next(9) == 0 ? float.NegativeInfinity : 30 * random.NextSingle() - 10)];
            row[random.Next(length)] = 21;
            Check(row, 0.1f + 3 * random.NextSingle(), $"length {length}, seed {seed}");
        }
    }

    [Test]
    public void AnyNaNOrInfinityIsFoundWhereverItIs([Values] bool native)
    {
        LogitMath.UseKernels = native;
        float[] row = new float[150];
        float[] blockMax = new float[3];
        for (int i = 0; i < row.Length; i++)
        {
            foreach (float bad in new[] { float.NaN, float.PositiveInfinity })
            {
                row[i] = bad;
                Assert.That(LogitMath.ScanBlocks(row, blockMax), Is.False, $"{bad} at {i}");
            }

            row[i] = float.NegativeInfinity;
            Assert.That(LogitMath.ScanBlocks(row, blockMax), Is.True);
            row[i] = -float.MaxValue;
            Assert.That(LogitMath.ScanBlocks(row, blockMax), Is.True);
        }
    }

    [Test]
    public void GatherFindsWhatIsAtLeastTheThreshold()
    {
        const int seed = 6;
        var random = new Random(seed);
        for (int length = 1; length <= 200; length++)
        {
            float[] row = [.. Enumerable.Range(0, length).Select(_ => (float)random.Next(8))];
            var blockMax = new float[LogitMath.NumBlocks(length)];
            LogitMath.ScanBlocks(row, blockMax);
            var ids = new int[length];
            var values = new float[length];
            int count = LogitMath.Gather(row, blockMax, 5, ids, values);
            int[] expected = [.. Enumerable.Range(0, length).Where(id => row[id] >= 5)];
            Assert.That(ids[..count], Is.EqualTo(expected), $"length {length}, seed {seed}");
            Assert.That(LogitMath.CountAtLeast(row, 5), Is.EqualTo(expected.Length));
        }
    }

    [Test]
    public void TheKthLargestIsWhatSortingFinds()
    {
        const int seed = 7;
        var random = new Random(seed);
        for (int length = 1; length <= 300; length += 7)
        {
            float[] values = [.. Enumerable.Range(0, length).Select(_ => (float)random.Next(length))];
            float[] sorted = [.. values.OrderDescending()];
            for (int k = 1; k <= length; k += 5)
            {
                Assert.That(
                    PartialSelect.KthLargest(values, k, new float[length]), Is.EqualTo(sorted[k - 1]),
                    $"length {length}, k {k}, seed {seed}");
            }
        }
    }

    private static void Check(float[] row, float scale, string where)
    {
        int blocks = LogitMath.NumBlocks(row.Length);
        var blockMax = new float[blocks];
        var blockSums = new double[blocks];
        var weights = new float[row.Length];
        Assert.That(LogitMath.ScanBlocks(row, blockMax), Is.True, where);
        Assert.That(blockMax, Is.EqualTo(row.Chunk(LogitMath.BlockSize).Select(block => block.Max())), where);
        double[] exact = [.. row.Select(x => Math.Exp(((double)x - 21) * scale))];
        double sum = LogitMath.SumExp(row, blockMax, 21, scale, blockSums);
        Assert.That(sum, Is.EqualTo(exact.Sum()).Within(1e-6 * exact.Sum()), where);
        Assert.That(blockSums.Sum(), Is.EqualTo(sum).Within(1e-12), where);
        LogitMath.Weights(row, 21, scale, weights);
        for (int i = 0; i < row.Length; i++)
        {
            double tolerance = 1e-37 + exact[i] * 1e-5;
            Assert.That(weights[i], Is.EqualTo(exact[i]).Within(tolerance), $"{where}, logit {row[i]}");
        }
    }
}
