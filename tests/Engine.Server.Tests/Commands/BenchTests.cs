using Engine.Server.Bench;
using Engine.Server.Terminal;

namespace Engine.Server.Tests.Commands;

/// <summary>The parts of bench that need no engine.</summary>
[TestFixture]
public sealed class BenchTests
{
    [Test]
    public void PercentilesInterpolate()
    {
        double[] values = [1, 2, 3, 4];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Statistics.Percentile(values, 0), Is.EqualTo(1));
            Assert.That(Statistics.Percentile(values, 0.5), Is.EqualTo(2.5));
            Assert.That(Statistics.Percentile(values, 1), Is.EqualTo(4));
            Assert.That(Statistics.Percentile([], 0.5), Is.Zero);
        }
    }

    [Test]
    public void TheRateOfLlamaBenchIsRead() =>
        Assert.That(LlamaComparison.ParseBench("warming up\n[{\"n_prompt\":512,\"avg_ts\":123.5}]"), Is.EqualTo(123.5));

    [TestCase("prefill", 40.5)]
    [TestCase("decode", 7.25)]
    public void TheRateOfLlamaBatchedBenchIsRead(string kind, double expected) => Assert.That(
        LlamaComparison.ParseBatched(
            "{\"pp\":1,\"speed_pp\":1,\"speed_tg\":2}\n{\"speed_pp\":40.5,\"speed_tg\":7.25}\n", new BenchCase(kind, 8, 2, 0)),
        Is.EqualTo(expected));

    [Test]
    public void OutputWithoutARateIsAnError() =>
        Assert.That(() => LlamaComparison.ParseBench("[]"), Throws.TypeOf<EngineException>());

    [TestCase("4096", 4096)]
    [TestCase("4k", 4000)]
    [TestCase("4K", 4096)]
    [TestCase("2.5m", 2_500_000)]
    [TestCase("1G", 1 << 30)]
    public void NumbersMayHaveAUnit(string text, long expected)
    {
        Assert.That(ByteText.TryParse(text, out long value), Is.True);
        Assert.That(value, Is.EqualTo(expected));
    }

    [TestCase("")]
    [TestCase("k")]
    [TestCase("-1")]
    [TestCase("1e3")]
    [TestCase("99999999999999999999G")]
    public void OtherTextIsNoNumber(string text) => Assert.That(ByteText.TryParse(text, out _), Is.False);
}
