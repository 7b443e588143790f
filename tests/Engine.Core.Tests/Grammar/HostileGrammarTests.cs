using System.Diagnostics;
using System.Text;
using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>Grammars made to cost: they end within the limits, compiled or with an error.</summary>
[TestFixture]
public sealed class HostileGrammarTests
{
    private static readonly string ManyChoices = string.Join(',', Enumerable.Range(0, 14).Select(i =>
        $"{{\"anyOf\":[{{\"required\":[\"a{i}\"]}},{{\"required\":[\"b{i}\"]}},{{\"required\":[\"c{i}\"]}}]}}"));

    private static readonly string[] Schemas =
    [
        "{\"allOf\":[" + ManyChoices + "]}",
        "{\"type\":\"string\",\"pattern\":\"(a|b)*a(a|b){24}c\",\"maxLength\":100}",
        "{\"type\":\"string\",\"pattern\":\"^a\",\"maxLength\":2000000000}",
        "{\"type\":\"string\",\"pattern\":\"a\",\"minLength\":90000}",
        "{\"type\":\"object\",\"minProperties\":2000000000}",
        "{\"type\":\"array\",\"contains\":{\"type\":\"null\"},\"minContains\":1000000}",
        "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":40},\"uniqueItems\":true}",
        "{\"type\":\"number\",\"multipleOf\":0.0000001234567}",
        "{\"oneOf\":[" + string.Join(',', Enumerable.Range(0, 40).Select(i => $"{{\"minLength\":{i},\"minItems\":{i}}}")) + "]}",
        "{\"not\":{\"allOf\":[{\"not\":{\"$ref\":\"#\"}}]}}",
        "{\"$defs\":{\"a\":{\"not\":{\"items\":{\"$ref\":\"#/$defs/a\"}}}},\"$ref\":\"#/$defs/a\"}",
        "{\"patternProperties\":{" + string.Join(',', Enumerable.Range(0, 30).Select(i => $"\"{(char)('a' + (i % 26))}{i}\":true")) + "}}",
        "{\"enum\":[" + string.Join(',', Enumerable.Range(0, 9000)) + "]}",
    ];

    [Test]
    public void HostileSchemasEndInTime([Range(0, 12)] int schema) =>
        EndsInTime(() => GrammarCompiler.JsonSchema(Schemas[schema]), "json");

    [TestCase("((((a{30}){30}){30}){30})")]
    [TestCase("(?:a?){40000}a{40000}")]
    [TestCase("[\\p{L}\\d]{2000}")]
    public void HostileExpressionsEndInTime(string pattern) =>
        EndsInTime(() => GrammarCompiler.Regex(pattern), "regex");

    [Test]
    public void HostileGrammarsEndInTime()
    {
        string chain = string.Join('\n', Enumerable.Range(0, 1500).Select(i => $"r{i} ::= r{i + 1} r{i + 1} | \"a\""));
        EndsInTime(() => GrammarCompiler.Gbnf("root ::= r0\n" + chain + "\nr1500 ::= \"b\""), "grammar");
        string cycle = string.Join('\n', Enumerable.Range(0, 300).Select(i => $"r{i} ::= r{(i + 1) % 300} \"a\" | \"b\""));
        EndsInTime(() => GrammarCompiler.Gbnf("root ::= r0\n" + cycle), "grammar");
        string triggers = string.Join(',', Enumerable.Range(0, 2000).Select(i => $"\"<{i}\""));
        EndsInTime(() => GrammarCompiler.StructuralTag(
            "{\"triggers\":[" + triggers + "],\"structures\":[{\"begin\":\"<1\",\"schema\":{},\"end\":\"\"}]}"), "structural_tag");
    }

    private static void EndsInTime(Func<Network> compile, string field)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            Network network = compile();
            PositionSet? at = network.Start;
            foreach (byte value in Encoding.UTF8.GetBytes(new string('a', 64)))
            {
                at = at is null ? null : network.Step(at, value);
            }
        }
        catch (EngineException e)
        {
            Assert.That(e.Status, Is.EqualTo(EngineStatus.InvalidArgument));
            Assert.That(e.Parameter, Is.EqualTo(field));
        }

        // The limit is two seconds; a machine that does other work as well takes longer.
        Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(20));
    }
}
