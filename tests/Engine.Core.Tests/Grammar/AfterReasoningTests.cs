using System.Text;
using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>The shape of an output begins after its thought.</summary>
[TestFixture]
public sealed class AfterReasoningTests
{
    private const string Schema = """{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}""";

    [TestCase("qwen3", false, "<think>hm {</think>\n\n{\"a\":1}", ExpectedResult = true)]
    [TestCase("qwen3", false, "I say </thin</think>{\"a\":1}", ExpectedResult = true)]
    [TestCase("qwen3", false, "{\"a\":1}", ExpectedResult = false)]
    [TestCase("qwen3", false, "hm</think>a", ExpectedResult = false)]
    [TestCase("qwen3", true, "{\"a\":1}", ExpectedResult = true)]
    [TestCase("qwen3", true, "<think>x</think>{\"a\":1}", ExpectedResult = true)]
    [TestCase("qwen3", true, "x</think>{\"a\":1}", ExpectedResult = false)]
    [TestCase("mistral", true, "[THINK]x[/THINK]{\"a\":1}", ExpectedResult = true)]
    [TestCase("granite", true, "Here is my thought process: x Here is my response:{\"a\":1}", ExpectedResult = true)]
    [TestCase("openai", false, "<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>{\"a\":1}", ExpectedResult = true)]
    [TestCase("openai", false, "<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>{\"a\":1}", ExpectedResult = true)]
    [TestCase("openai", false, "<|channel|>final <|constrain|>json<|message|>a", ExpectedResult = false)]
    [TestCase("qwen3", false, "hm<tool_call></think>{\"a\":1}", ExpectedResult = false)]
    [TestCase("deepseek_v3", false, "{\"a\":1}", ExpectedResult = true)]
    public bool Fits(string parser, bool isOptional, string text) => Follow(
        new StructuredOutputs { Json = Schema, AfterReasoning = parser, ReasoningIsOptional = isOptional }, text);

    [Test]
    public void EveryKindMayFollow()
    {
        StructuredOutputs[] kinds =
        [
            new() { Regex = "a+" }, new() { Choice = ["a", "aa"] }, new() { Grammar = "root ::= \"a\"+" },
            new() { StructuralTag = """{"format":{"type":"regex","pattern":"a+"}}""" },
            new() { StructuralTag = """{"triggers":["<"],"structures":[{"begin":"<x>","schema":{},"end":"</x>"}]}""" },
        ];
        foreach (StructuredOutputs kind in kinds)
        {
            Assert.That(Follow(kind with { AfterReasoning = "deepseek_r1" }, "b</think>aa"), Is.True, $"{kind}");
        }
    }

    [Test]
    public void ASpecialTokenEndsTheThought()
    {
        var outputs = new StructuredOutputs { Regex = "a", AfterReasoning = "qwen3" };
        byte[]?[] texts = [null, [(byte)'a'], [(byte)'b'], null];
        var program = new GrammarProgram(
            outputs.Compile(GrammarLimits.Default), new TokenTrie(texts), [(3, Encoding.UTF8.GetBytes("</think>"))]);
        Assert.That(program.Mask(program.Start).Few, Is.EqualTo(new[] { 1, 2, 3 }));
        PositionSet after = program.Advance(program.Advance(program.Start, 2)!, 3)!;
        Assert.That(program.Mask(after).Few, Is.EqualTo(new[] { 1 }));
        Assert.That(program.Advance(after, 3), Is.Null);
    }

    private static bool Follow(StructuredOutputs outputs, string text)
    {
        Network network = outputs.Compile(GrammarLimits.Default);
        return network.Step(network.Start, Encoding.UTF8.GetBytes(text)) is { MayEnd: true };
    }
}
