using System.Text.Json;
using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>JSON Schema: what must be producible is, what must not never; the rest is refused by name.</summary>
[TestFixture]
public sealed class SchemaTests
{
    [TestCase("schema_suite", 0.97)]
    [TestCase("schema_own", 0.98)]
    public void NoRowOfTheReferenceIsJudgedWrongly(string name, double leastEnforced)
    {
        var networks = new Dictionary<string, Network?>();
        var reasons = new Dictionary<string, string>();
        var failures = new List<string>();
        var refused = new Dictionary<string, int>();
        int rows = 0;
        int enforced = 0;
        foreach (JsonElement row in GrammarData.Rows(name))
        {
            rows++;
            string schema = row.GetProperty("schema").GetRawText();
            if (!networks.TryGetValue(schema, out Network? network))
            {
                network = TryCompile(schema, out string reason);
                networks.Add(schema, network);
                reasons.Add(schema, reason);
            }

            if (network is null)
            {
                refused[reasons[schema]] = refused.GetValueOrDefault(reasons[schema]) + 1;
                continue;
            }

            enforced++;
            bool matches = GrammarData.Matches(network, row.GetProperty("instance_text").GetString()!);
            string wanted = row.GetProperty("decoder").GetString()!;
            if ((wanted == "must" && !matches) || (wanted == "must_not" && matches))
            {
                failures.Add($"{row.GetProperty("id")}: {wanted} {row.GetProperty("instance_text")} {schema}");
            }
        }

        TestContext.Out.WriteLine($"{enforced} of {rows} rows enforced; the others are refused:");
        foreach ((string message, int count) in refused.OrderByDescending(item => item.Value))
        {
            TestContext.Out.WriteLine($"{count,5} {message}");
        }

        Assert.That(failures, Is.Empty, $"{failures.Count} of {enforced} rows");
        Assert.That(enforced / (double)rows, Is.GreaterThan(leastEnforced));
    }

    [Test]
    public void EveryBadSchemaIsRefused() => GrammarData.CheckAll("schema_bad", row =>
        GrammarData.Refusal(() => GrammarCompiler.JsonSchema(row.GetProperty("schema").GetRawText()), "json"));

    [Test]
    public void ASchemaThatIsNotJsonIsRefused()
    {
        Assert.That(GrammarData.Refusal(() => GrammarCompiler.JsonSchema("{oops"), "json"), Is.Null);
        Assert.That(GrammarData.Refusal(() => GrammarCompiler.JsonSchema(""), "json"), Is.Null);
        string deep = string.Concat(Enumerable.Repeat("{\"items\":", 10000)) + "{}" + new string('}', 10000);
        var limits = new GrammarLimits { MaxLength = 1 << 20 };
        Assert.That(GrammarData.Refusal(() => GrammarCompiler.JsonSchema(deep, limits), "json"), Is.Null);
    }

    [TestCase("86400", "172800", "172801")]
    [TestCase("10000", "-30000", "1000")]
    [TestCase("25000", "75000.0", "5000")]
    [TestCase("1000000", "1000000", "100000")]
    [TestCase("0.01", "12.340", "12.345")]
    [TestCase("2.5", "7.5", "7.0")]
    public void MultiplesOfRoundNumbersAreEnforced(string divisor, string fits, string not)
    {
        Network network = GrammarCompiler.JsonSchema("{\"type\":\"number\",\"multipleOf\":" + divisor + "}");
        Assert.That(GrammarData.Matches(network, fits), Is.True);
        Assert.That(GrammarData.Matches(network, not), Is.False);
    }

    [TestCase("{\"type\":[\"number\",\"null\"],\"minimum\":2,\"maximum\":0}", "2")]
    [TestCase("{\"type\":[\"number\",\"null\"],\"minimum\":2.5,\"exclusiveMaximum\":0.5}", "2.5")]
    [TestCase("{\"type\":[\"number\",\"null\"],\"minimum\":-1,\"maximum\":-2}", "-1")]
    [TestCase("{\"type\":[\"number\",\"null\"],\"minimum\":1.5,\"maximum\":1.25}", "1.5")]
    public void BoundsThatCrossLeaveNoNumber(string schema, string number)
    {
        Network network = GrammarCompiler.JsonSchema(schema);
        Assert.That(GrammarData.Matches(network, number), Is.False);
        Assert.That(GrammarData.Matches(network, "null"), Is.True);
    }

    /// <summary>A format that the standard does not know says nothing; the others are enforced or refused.</summary>
    [TestCase("{\"format\":\"password\"}", true)]
    [TestCase("{\"not\":{\"format\":\"int64\"}}", false)]
    [TestCase("{\"type\":\"string\",\"format\":\"iri\"}", false)]
    public void AFormatOfNoStandardSaysNothing(string schema, bool accepts)
    {
        Network? network = TryCompile(schema, out string reason);
        Assert.That(network is not null && GrammarData.Matches(network, "\"x\""), Is.EqualTo(accepts), reason);
    }

    /// <summary>Conditions that exclude each other are no combinations.</summary>
    [TestCase(8)]
    [TestCase(24)]
    public void ManyConditionsOnOneMemberCompile(int kinds)
    {
        string conditions = string.Join(',', Enumerable.Range(0, kinds).Select(i =>
            """{"if":{"properties":{"k":{"const":"v#"}},"required":["k"]},"then":{"required":["r#"]}}"""
                .Replace("#", i + "", StringComparison.Ordinal)));
        string names = string.Join(',', Enumerable.Range(0, kinds).Select(i => $"\"v{i}\""));
        Network network = GrammarCompiler.JsonSchema(
            """{"type":"object","properties":{"k":{"enum":[""" + names + """]}},"required":["k"],"allOf":["""
            + conditions + "]}");
        Assert.That(GrammarData.Matches(network, "{\"k\":\"v3\",\"r3\":0}"), Is.True);
        Assert.That(GrammarData.Matches(network, "{\"k\":\"v3\",\"r2\":0}"), Is.False);
        Assert.That(GrammarData.Matches(network, "{\"k\":\"v3\"}"), Is.False);
        Assert.That(GrammarData.Matches(network, "{\"k\":\"w\",\"r3\":0}"), Is.False);
    }

    private static Network? TryCompile(string schema, out string reason)
    {
        reason = "";
        try
        {
            return GrammarCompiler.JsonSchema(schema);
        }
        catch (EngineException e) when (e.Status == EngineStatus.InvalidArgument)
        {
            reason = e.Message;
            return null;
        }
    }
}
