using Engine.Speculation;

namespace Engine.Tests.Speculation;

[TestFixture]
public sealed class NgramProposerTests
{
    [TestCase(new[] { 1, 2, 3, 4, 9, 1, 2, 3 }, 3, new[] { 4, 9, 1 })]
    [TestCase(new[] { 1, 2, 3, 4, 9, 1, 2, 3 }, 8, new[] { 4, 9, 1, 2, 3, 4, 9, 1 })]
    [TestCase(new[] { 5, 1, 2, 7, 6, 1, 2, 8, 6, 1, 2 }, 2, new[] { 8, 6 })]
    [TestCase(new[] { 1, 2, 7, 4, 1, 2, 8, 9, 1, 2 }, 2, new[] { 7, 4 })]
    [TestCase(new[] { 7, 7, 7, 7 }, 2, new[] { 7, 7 })]
    [TestCase(new[] { 1, 2, 3 }, 2, new int[0])]
    [TestCase(new[] { 1 }, 2, new int[0])]
    public void NgramsProposeWhatFollowedTheLongestEarlierMatch(int[] tokens, int wanted, int[] expected)
    {
        var draft = new int[wanted];
        new NgramProposer(1, 3, 64).Find(tokens, out int back);
        int count = NgramProposer.Copy(tokens, back, draft);
        Assert.That(draft[..count], Is.EqualTo(expected));
    }

    [Test]
    public void NgramsShorterThanTheLeastDoNotCount()
    {
        Assert.That(new NgramProposer(2, 3, 64).Find([1, 5, 2, 5], out _), Is.Zero);
    }
}
