using System.Text.Json;
using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>JSON Schema: what must be producible is, what must not never; the rest is refused by name.</summary>
[TestFixture]
public sealed class SchemaTests
{
    [TestCase("schema_suite", 0.6)]
    [TestCase("schema_own", 0.9)]
    public void NoRowOfTheReferenceIsJudgedWrongly(string name, double leastEnforced)
    {
        var networks = new Dictionary<string, Network?>();
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
                network = TryCompile(schema, refused);
                networks.Add(schema, network);
            }

            if (network is null)
            {
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

        TestContext.Out.WriteLine($"{enforced} of {rows} rows enforced; schemas refused:");
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

    private static Network? TryCompile(string schema, Dictionary<string, int> refused)
    {
        try
        {
            return GrammarCompiler.JsonSchema(schema);
        }
        catch (EngineException e) when (e.Status == EngineStatus.InvalidArgument)
        {
            refused[e.Message] = refused.GetValueOrDefault(e.Message) + 1;
            return null;
        }
    }
}
