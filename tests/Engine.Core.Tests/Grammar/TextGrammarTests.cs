using System.Diagnostics;
using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>GBNF, regular expressions and choices against the reference's verdicts.</summary>
[TestFixture]
public sealed class TextGrammarTests
{
    [Test]
    public void EveryGbnfRowIsJudgedAsTheReferenceSays() => GrammarData.CheckAll("gbnf", row =>
        GrammarData.Verdict(GrammarCompiler.Gbnf(row.GetProperty("grammar").GetString()!), row));

    [Test]
    public void EveryBrokenGbnfIsRefused() => GrammarData.CheckAll("gbnf_bad", row =>
        GrammarData.Refusal(() => GrammarCompiler.Gbnf(row.GetProperty("grammar").GetString()!), "grammar"));

    [Test]
    public void EveryRegexRowIsJudgedAsTheReferenceSays() => GrammarData.CheckAll("regex", row =>
        GrammarData.Verdict(GrammarCompiler.Regex(row.GetProperty("pattern").GetString()!), row));

    [Test]
    public void EveryBrokenRegexIsRefused() => GrammarData.CheckAll("regex_bad", row =>
        GrammarData.Refusal(() => GrammarCompiler.Regex(row.GetProperty("pattern").GetString()!), "regex"));

    [Test]
    public void EveryChoiceRowIsJudgedAsTheReferenceSays() => GrammarData.CheckAll("choices", row =>
        GrammarData.Verdict(GrammarCompiler.Choice([.. GrammarData.Strings(row, "choice")]), row));

    [Test]
    public void HostileRegexesStayLinear() => GrammarData.CheckAll("regex_linear", row =>
    {
        string unit = row.GetProperty("unit").GetString()!;
        string text = string.Concat(Enumerable.Repeat(unit, row.GetProperty("times").GetInt32()))
            + row.GetProperty("tail").GetString();
        var watch = Stopwatch.StartNew();
        bool accepts = GrammarData.Matches(
            GrammarCompiler.Regex(row.GetProperty("pattern").GetString()!), text);
        return accepts != row.GetProperty("accept").GetBoolean() ? $"accepts: {accepts}"
            : watch.Elapsed.TotalSeconds > 10 * row.GetProperty("limit_seconds").GetDouble() ? $"{watch.Elapsed}"
            : null;
    });

    [TestCase("root ::= root \"a\" | \"b\"")]
    [TestCase("root ::= a\na ::= \"x\"? b \"c\"\nb ::= a | \"d\"")]
    public void LeftRecursionIsRefused(string grammar)
    {
        Assert.That(() => GrammarCompiler.Gbnf(grammar),
            Throws.InstanceOf<EngineException>().With.Message.Contains("left-recursive"));
    }

    [Test]
    public void RightRecursionNeedsNoStack()
    {
        Network network = GrammarCompiler.Gbnf("root ::= d root | d\nd ::= [01]");
        PositionSet? at = network.Start;
        for (int i = 0; i < 100000; i++)
        {
            at = network.Step(at!, (byte)'1');
        }

        Assert.That(at!.Items, Has.Length.LessThan(4));
    }

    [Test]
    public void DeeplyNestedGroupsAreRefused()
    {
        string grammar = "root ::= " + new string('(', 100000) + "\"a\"" + new string(')', 100000);
        var limits = new GrammarLimits { MaxLength = 1 << 20 };
        Assert.That(() => GrammarCompiler.Gbnf(grammar, limits), Throws.InstanceOf<EngineException>());
        string regex = new string('(', 100000) + "a" + new string(')', 100000);
        Assert.That(() => GrammarCompiler.Regex(regex, limits), Throws.InstanceOf<EngineException>());
    }
}
