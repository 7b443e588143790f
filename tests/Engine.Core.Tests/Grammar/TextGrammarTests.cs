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

    [TestCase("root ::= root \"a\" | \"b\"", "b,ba,baaa", ",a,ab")]
    [TestCase("root ::= a\na ::= \"x\"? b \"c\"\nb ::= a | \"d\"", "dc,xdcc,dcccc,xxdcc,dcc", "d,xd,xxdc")]
    [TestCase("root ::= e\ne ::= e [+-] t | t\nt ::= t \"*\" f | f\nf ::= \"n\" | \"(\" e \")\"",
        "n,n+n,n*n-n,(n+n)*n,((n))", "+n,n+,n**n,(n")]
    [TestCase("root ::= root root | \"ab\" | \"\"", ",ab,abab,ababab", "a,aba,b")]
    [TestCase("root ::= (\"a\" | root \"b\")* \"c\"", "c,ac,cbc,acbc", "a,cb,bc")]
    public void LeftRecursionIsFollowed(string grammar, string accept, string reject)
    {
        Network network = GrammarCompiler.Gbnf(grammar);
        Assert.Multiple(() =>
        {
            foreach (string text in accept.Split(','))
            {
                Assert.That(GrammarData.Matches(network, text), Is.True, $"refuses \"{text}\"");
            }

            foreach (string text in reject.Split(','))
            {
                Assert.That(GrammarData.Matches(network, text), Is.False, $"accepts \"{text}\"");
            }
        });
    }

    [Test]
    public void AGrammarOfTooManyReadingsAtOnceEndsWithAnError()
    {
        Network network = GrammarCompiler.Gbnf("root ::= root root root | \"a\" | \"\"");
        Assert.That(() => GrammarData.Matches(network, new string('a', 50)),
            Throws.InstanceOf<EngineException>().With.Message.Contains("positions open"));
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
