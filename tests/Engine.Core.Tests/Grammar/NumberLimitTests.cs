using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>Limits of many digits, as generators of schemas write them: the states are as many as the digits.</summary>
[TestFixture]
public sealed class NumberLimitTests
{
    [TestCase("-9007199254740991", "9007199254740991")]
    [TestCase("-9223372036854775808", "9223372036854775807")]
    [TestCase("0", "18446744073709551615")]
    [TestCase("1600000000000000000", "1700000000000000001")]
    public void IntegersBetweenLimitsOfManyDigits(string min, string max)
    {
        Network network = GrammarCompiler.JsonSchema($$"""{"type":"integer","minimum":{{min}},"maximum":{{max}}}""");
        string above = decimal.Parse(max) + 1 + "";
        string below = decimal.Parse(min) - 1 + "";
        Assert.That(GrammarData.Matches(network, min), Is.True);
        Assert.That(GrammarData.Matches(network, max), Is.True);
        Assert.That(GrammarData.Matches(network, "1650000000000000000"), Is.EqualTo(max.Length > 16));
        Assert.That(GrammarData.Matches(network, above), Is.False);
        Assert.That(GrammarData.Matches(network, below), Is.False);
    }

    [Test]
    public void NumbersFromALimitOfManyDigits()
    {
        Network network = GrammarCompiler.JsonSchema("""{"type":"number","minimum":1e20}""");
        Assert.That(GrammarData.Matches(network, "100000000000000000000"), Is.True);
        Assert.That(GrammarData.Matches(network, "987654321987654321987.5"), Is.True);
        Assert.That(GrammarData.Matches(network, "99999999999999999999"), Is.False);
    }
}
