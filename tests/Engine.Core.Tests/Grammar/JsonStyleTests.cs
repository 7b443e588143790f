using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>How JSON is written, beside what it says: white space, and members that a schema does not name.</summary>
[TestFixture]
public sealed class JsonStyleTests
{
    private const string Schema = """
        {"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"}},
        "properties":{"type":"object","properties":{"b":{"enum":[{"properties":{}}]}}}},"required":["a"]}
        """;

    [TestCase("{\"a\":[1,2]}", true)]
    [TestCase("{\"a\": [1,2]}", false)]
    [TestCase("{\"a\":[1, 2]}", false)]
    [TestCase("{ \"a\":[]}", false)]
    public void WhiteSpaceCanBeForbidden(string text, bool fits) => Assert.That(
        Matches(new StructuredOutputs { Json = Schema, DisableAnyWhitespace = true }, text), Is.EqualTo(fits));

    [TestCase("{\"a\": [1, 2]}", " ?", true)]
    [TestCase("{\"a\":[1,2]}", " ?", true)]
    [TestCase("{\"a\":  [1,2]}", " ?", false)]
    [TestCase("{\"a\":[1,2]}", "\\n", false)]
    [TestCase("{\n\"a\"\n:\n[\n1\n,\n2\n]\n}", "\\n", true)]
    public void WhiteSpaceCanBeSaid(string text, string pattern, bool fits) => Assert.That(
        Matches(new StructuredOutputs { Json = Schema, WhitespacePattern = pattern }, text), Is.EqualTo(fits));

    [TestCase("[a ]*")]
    [TestCase("\\s*")]
    [TestCase("(")]
    public void APatternOfMoreThanWhiteSpaceIsRefused(string pattern) => Assert.That(
        () => Matches(new StructuredOutputs { JsonObject = true, WhitespacePattern = pattern }, "{}"),
        Throws.InstanceOf<EngineException>().With.Message.Contains("whitespace_pattern"));

    [Test]
    public void ItHoldsBehindAThoughtAndInTags()
    {
        var outputs = new StructuredOutputs { Json = Schema, DisableAnyWhitespace = true, AfterReasoning = "qwen3" };
        Assert.That(Matches(outputs, "so</think>\n{\"a\":[1]}"), Is.True);
        Assert.That(Matches(outputs, "so</think>\n{\"a\": [1]}"), Is.False);
        var tag = new StructuredOutputs
        {
            StructuralTag = """{"format":{"type":"json_schema","json_schema":{"type":"object"}}}""",
            DisableAnyWhitespace = true,
        };
        Assert.That(Matches(tag, "{\"a\":1}"), Is.True);
        Assert.That(Matches(tag, "{\"a\": 1}"), Is.False);
    }

    [Test]
    public void ItemsThatDifferTakeNeededWhiteSpace() => Assert.That(
        Matches(new StructuredOutputs { Json = """{"type":"array","uniqueItems":true}""", WhitespacePattern = " " },
            "[ 1 , 2 ]"),
        Is.True);

    [TestCase("{\"a\":[],\"c\":1}", true, false)]
    [TestCase("{\"a\":[],\"c\":1}", false, true)]
    [TestCase("{\"a\":[],\"properties\":{\"c\":1}}", true, false)]
    [TestCase("{\"a\":[],\"properties\":{\"b\":{\"properties\":{}}}}", true, true)]
    public void MembersThatAreNotNamedCanBeForbidden(string text, bool isClosed, bool fits) => Assert.That(
        Matches(new StructuredOutputs { Json = Schema, DisableAdditionalProperties = isClosed }, text),
        Is.EqualTo(fits));

    private static bool Matches(StructuredOutputs outputs, string text) =>
        GrammarData.Matches(outputs.Compile(GrammarLimits.Default), text);
}
