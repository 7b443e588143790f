using Engine.Sampling;

namespace Engine.Tests.Sampling;

/// <summary>Outputs that end because they repeat themselves.</summary>
[TestFixture]
public sealed class RepetitionDetectorTests
{
    [Test]
    public void ItFindsWhatComparingAllTailsFinds([Range(1, 20)] int seed)
    {
        var random = new Random(seed);
        var parameters = new RepetitionDetection
        {
            MinPatternSize = random.Next(0, 3),
            MaxPatternSize = random.Next(2, 7),
            MinCount = random.Next(2, 5),
        };
        var detector = new RepetitionDetector(parameters);
        var tokens = new List<int>();
        for (int i = 0; i < 300; i++)
        {
            // Mostly what was there a few tokens ago.
            int back = random.Next(1, 8);
            tokens.Add(random.Next(12) > 0 && back <= i ? tokens[i - back] : random.Next(2));
            Assert.That(detector.Append(tokens[i]), Is.EqualTo(IsRepeated(tokens, parameters)), $"seed {seed}, token {i}");
        }
    }

    [TestCase("{\"max_pattern_size\":2,\"min_count\":1}")]
    [TestCase("{\"max_pattern_size\":2,\"min_pattern_size\":3,\"min_count\":2}")]
    [TestCase("{\"max_pattern_size\":-1}")]
    [TestCase("{\"max_pattern_size\":100000,\"min_count\":2}")]
    [TestCase("{\"pattern\":1}")]
    [TestCase("5")]
    public void WhatMakesNoSenseIsRefused(string json)
    {
        EngineException e = Assert.Throws<EngineException>(() => SamplingJson.Read(
            System.Text.Encoding.UTF8.GetBytes($"{{\"repetition_detection\":{json}}}")).Validate(10))!;
        Assert.That(e.Parameter, Is.EqualTo("repetition_detection"));
    }

    private static bool IsRepeated(List<int> tokens, RepetitionDetection parameters)
    {
        for (int size = Math.Max(1, parameters.MinPatternSize); size <= parameters.MaxPatternSize; size++)
        {
            int length = size * parameters.MinCount;
            int[] rest = [.. Enumerable.Range(tokens.Count - length + size, length - size)];
            if (length <= tokens.Count && rest.All(i => tokens[i] == tokens[i - size]))
            {
                return true;
            }
        }

        return false;
    }
}
