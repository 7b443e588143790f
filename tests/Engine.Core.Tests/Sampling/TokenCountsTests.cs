using Engine.Sampling;

namespace Engine.Tests.Sampling;

public sealed class TokenCountsTests
{
    [Test]
    public void MoreTokensThanItWasMadeForAreCountedToo()
    {
        var counts = new TokenCounts(16);
        for (int id = 0; id < 100; id++)
        {
            counts.AddOutput(id);
            counts.AddOutput(id);
        }

        Assert.That(counts.Count, Is.EqualTo(100));
        Assert.That(counts.OutputCounts.ToArray(), Is.All.EqualTo(2));
    }

    [Test]
    public void WhatIsTakenBackLastFirstLeavesNothing()
    {
        int seed = TestContext.CurrentContext.Random.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var counts = new TokenCounts(16);
        var kept = new Dictionary<int, int>();
        for (int round = 0; round < 500; round++)
        {
            int[] pending = [.. Enumerable.Range(0, 8).Select(_ => random.Next(300))];
            Array.ForEach(pending, counts.AddOutput);
            Array.Reverse(pending);
            Array.ForEach(pending, counts.RemoveOutput);
            int id = random.Next(300);
            counts.AddOutput(id);
            kept[id] = kept.GetValueOrDefault(id) + 1;
        }

        var found = new Dictionary<int, int>();
        for (int i = 0; i < counts.Count; i++)
        {
            found.Add(counts.Ids[i], counts.OutputCounts[i]);
        }

        Assert.That(found, Is.EquivalentTo(kept));
    }
}
