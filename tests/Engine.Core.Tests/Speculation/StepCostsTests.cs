using Engine.Speculation;

namespace Engine.Tests.Speculation;

public sealed class StepCostsTests
{
    [Test]
    public void NothingIsKnownAtFirst() => Assert.That(new StepCosts().Seconds(4), Is.Zero);

    [Test]
    public void SizesBetweenTwoThatWereSeenAreReadOffBetween()
    {
        var costs = new StepCosts();
        costs.Observe(1, 1);
        costs.Observe(5, 2);
        Assert.That(costs.Seconds(3), Is.EqualTo(1.5).Within(1e-9));
    }

    [Test]
    public void AnUnseenSizeIsHopedToCostLittleMore()
    {
        var costs = new StepCosts();
        costs.Observe(1, 1);
        Assert.That(costs.Seconds(5), Is.InRange(1.0, 1.2));
    }

    [Test]
    public void ASizeBelowAllThatWereSeenCostsAsTheSmallest()
    {
        var costs = new StepCosts();
        costs.Observe(4, 2);
        Assert.That(costs.Seconds(1), Is.EqualTo(2));
    }

    [Test]
    public void OneDisturbanceIsSoonForgotten()
    {
        var costs = new StepCosts();
        costs.Observe(2, 50);
        for (int i = 0; i < 20; i++)
        {
            costs.Observe(2, 1);
        }

        Assert.That(costs.Seconds(2), Is.LessThan(1.1));
    }

    [Test]
    public void TimesThatAreNoneAndSizesOutOfRangeAreIgnored()
    {
        var costs = new StepCosts();
        costs.Observe(0, 1);
        costs.Observe(100_000, 1);
        costs.Observe(1, 0);
        costs.Observe(1, double.NaN);
        Assert.That(costs.IsEmpty);
    }
}
