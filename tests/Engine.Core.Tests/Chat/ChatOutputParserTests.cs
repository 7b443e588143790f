using System.Diagnostics;
using Engine.Chat;

namespace Engine.Tests.Chat;

/// <summary>What holds for every format.</summary>
internal sealed class ChatOutputParserTests
{
    private static readonly string[] Hostile =
    [
        "<tool_call>", "<tool_call>{\"", "</tool_call>", "<tool_call>{\"a\": \"</tool_call>", "{", "[", "\"", "\\",
        "[f(",
        "[f(a=[", "<function=", "<function=f><parameter=a>", "<arg_key>", "<think>", "<", "<｜", "[TOOL_CALLS]",
        "[TOOL_CALLS]f{", "<|channel|>", " ", "\n", "functools", "functools[", "<|python_tag|>{", "'", "a.", "9",
    ];

    private static IEnumerable<ChatOutputOptions> Parsers() =>
        ChatParsers.ToolParsers.Select(name => new ChatOutputOptions { ToolParser = name, Tools = ParserCase.Tools })
            .Concat(ChatParsers.ReasoningParsers.Select(name => new ChatOutputOptions { ReasoningParser = name }));

    [TestCaseSource(nameof(Parsers))]
    public void HostileRepetitionCostsLinearTime(ChatOutputOptions options)
    {
        const int length = 30_000;
        foreach (string unit in Hostile)
        {
            string text = string.Concat(Enumerable.Repeat(unit, length / unit.Length));
            var clock = Stopwatch.StartNew();
            var parser = new ChatOutputParser(options);
            for (int at = 0; at < text.Length; at += 3)
            {
                parser.Feed(text.AsSpan(at, Math.Min(3, text.Length - at)));
            }

            parser.Finish();
            Assert.That(clock.ElapsedMilliseconds, Is.LessThan(2000), unit);
        }
    }

    [TestCaseSource(nameof(Parsers))]
    public void RandomTextMeansTheSameHoweverItIsCut(ChatOutputOptions options)
    {
        const int seed = 20240817;
        var random = new Random(seed);
        for (int round = 0; round < 200; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 30))
                .Select(_ => Hostile[random.Next(Hostile.Length)]
                    + (random.Next(3) == 0 ? "{\"name\": \"f\", \"arguments\": {\"x\": 1}}" : "")));
            string whole = ParserCase.Show(ChatOutputParser.Parse(text, options));
            var parser = new ChatOutputParser(options);
            var output = new ChatOutput();
            for (int at = 0; at < text.Length;)
            {
                int count = Math.Min(random.Next(1, 9), text.Length - at);
                output.Add(parser.Feed(text.AsSpan(at, count)));
                at += count;
            }

            output.Add(parser.Finish());
            Assert.That(ParserCase.Show(output), Is.EqualTo(whole), $"seed {seed}, round {round}: {text}");
        }
    }

    [Test]
    public void ANameComesWholeBeforeItsArguments()
    {
        var parser = new ChatOutputParser(new ChatOutputOptions { ToolParser = "hermes" });
        List<ChatDelta> deltas = [];
        foreach (char c in "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}</tool_call>")
        {
            deltas.AddRange(parser.Feed([c]));
        }

        deltas.AddRange(parser.Finish());
        Assert.That(deltas[0], Is.EqualTo(new ChatDelta(ChatDeltaKind.ToolCall, "get_weather", 0)));
        Assert.That(deltas.Skip(1).All(delta => delta.Kind == ChatDeltaKind.Arguments && delta.ToolIndex == 0));
        Assert.That(deltas, Has.Count.GreaterThan(10), "arguments are streamed");
    }

    [Test]
    public void ContentIsNotHeldBackBeyondWhatMayBeAMarker()
    {
        var parser = new ChatOutputParser(new ChatOutputOptions { ToolParser = "hermes" });
        Assert.That(parser.Feed("Hello <too").Single().Text, Is.EqualTo("Hello "));
        Assert.That(parser.Feed("th>").Single().Text, Is.EqualTo("<tooth>"));
    }

    [Test]
    public void AnUnknownParserIsRefusedWithTheNames()
    {
        EngineException e = Assert.Throws<EngineException>(
            () => _ = new ChatOutputParser(new ChatOutputOptions { ToolParser = "herpes" }))!;
        Assert.That(e.Parameter, Is.EqualTo("tool_parser"));
        Assert.That(e.Message, Does.Contain("hermes"));
    }

    [TestCase("llama4_json", "llama3_json")]
    [TestCase("qwen3_xml", "qwen3_coder")]
    [TestCase("hermes", "hermes")]
    public void AnAliasIsAParser(string name, string expected) =>
        Assert.That(ChatParsers.ToolParser(name), Is.EqualTo(expected));

    [Test]
    public void AfterAClosedThoughtTheOutputIsTheAnswer()
    {
        var options = new ChatOutputOptions { ReasoningParser = "qwen3", ThoughtStart = ThoughtStart.Over };
        Assert.That(ChatOutputParser.Parse("Hi", options).Content, Is.EqualTo("Hi"));
    }

    [TestCase("Hi", "Hi", "")]
    [TestCase("<think>a</think>Hi", "Hi", "a")]
    public void AThoughtThatIsOnlyPossibleNeedsItsTag(string text, string content, string reasoning)
    {
        var options = new ChatOutputOptions { ReasoningParser = "qwen3", ThoughtStart = ThoughtStart.IfTagged };
        ChatOutput output = ChatOutputParser.Parse(text, options);
        Assert.That((output.Content, output.Reasoning), Is.EqualTo((content, reasoning)));
    }

    [Test]
    public void MistralsCallIdIsKept()
    {
        ChatOutput output = ChatOutputParser.Parse(
            "[TOOL_CALLS]ping[CALL_ID]abcdefghi[ARGS]{}", new ChatOutputOptions { ToolParser = "mistral" });
        Assert.That(output.ToolCalls.Single().Id, Is.EqualTo("abcdefghi"));
    }

    [Test]
    public void TheEndOfTheOutputIsTheEnd()
    {
        var parser = new ChatOutputParser(new ChatOutputOptions());
        parser.Finish();
        Assert.That(parser.Finish(), Is.Empty);
        Assert.Throws<InvalidOperationException>(() => parser.Feed("x"));
    }
}
