using System.Text;
using System.Text.Json;
using Engine.Chat;
using Engine.Grammar;

namespace Engine.Tests.Chat;

/// <summary>Calls that need not be made, of tools that are strict, and of others beside them.</summary>
[TestFixture]
public sealed class StrictCallsTests
{
    private const string Tools = """
        [{"type":"function","function":{"name":"strict_one","strict":true,"parameters":{"type":"object","properties":{
        "days":{"type":"integer"}},"required":["days"],"additionalProperties":false}}},
        {"type":"function","function":{"name":"free_one","parameters":{"type":"object","properties":{
        "days":{"type":"integer"}},"required":["days"],"additionalProperties":false}}}]
        """;

    // Text before a call, and a call of NAME with arguments §.
    private static readonly (string Parser, string Before, string Call)[] Samples =
    [
        ("hermes", "Let me see. ", "<tool_call>\n{\"name\": \"NAME\", \"arguments\": §}\n</tool_call>"),
        ("granite4", "Let me see. ", "<tool_call>\n{\"name\": \"NAME\", \"arguments\": §}\n</tool_call>"),
        ("granite", "Let me see. ", "<|tool_call|>[{\"name\": \"NAME\", \"arguments\": §}]"),
        ("jamba", "Let me see. ", "<tool_calls>[{\"name\": \"NAME\", \"arguments\": §}]</tool_calls>"),
        ("phi4_mini_json", "Let me see. ", "functools[{\"name\": \"NAME\", \"arguments\": §}]"),
        ("llama3_json", "", "{\"name\": \"NAME\", \"parameters\": §}"),
        ("llama3_json", "Let me see. ", "<|python_tag|>{\"name\": \"NAME\", \"parameters\": §}"),
        ("mistral", "Let me see. ", "[TOOL_CALLS]NAME[ARGS]§"),
        ("mistral_pre_v11", "Let me see. ", "[TOOL_CALLS] [{\"name\": \"NAME\", \"arguments\": §}]"),
        ("internlm", "Let me see. ",
            "<|action_start|><|plugin|>{\"name\": \"NAME\", \"parameters\": §}<|action_end|>"),
        ("deepseek_v3", "Let me see. ", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME\n```json\n"
            + "§\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"),
        ("deepseek_v31", "Let me see. ", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>NAME<｜tool▁sep｜>§"
            + "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"),
        ("kimi_k2", "Let me see. ", "<|tool_calls_section_begin|><|tool_call_begin|>functions.NAME:0"
            + "<|tool_call_argument_begin|>§<|tool_call_end|><|tool_calls_section_end|>"),
        ("openai", "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant",
            "<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>§"),
        ("openai", "<|channel|>analysis<|message|>Hm.<|end|>",
            "<|start|>assistant to=functions.NAME<|channel|>commentary json<|message|>§"),
        ("openai", "", " to=functions.NAME<|channel|>commentary <|constrain|>json<|message|>§"),
    ];

    public static IEnumerable<TestCaseData> Calls() => Samples.Select((sample, i) =>
        new TestCaseData(sample.Parser, sample.Before, sample.Call).SetArgDisplayNames($"{sample.Parser} {i}"));

    [TestCaseSource(nameof(Calls))]
    public void AStrictToolsArgumentsFollowItsSchema(string parser, string before, string call)
    {
        string Whole(string name, string arguments) => before + call.Replace("NAME", name).Replace("§", arguments);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Fits(parser, Whole("strict_one", "{\"days\": 3}")), Is.True);
            Assert.That(Fits(parser, Whole("strict_one", "{\"days\": \"3\"}")), Is.False);
            Assert.That(Fits(parser, Whole("strict_one", "{}")), Is.False);
            Assert.That(Fits(parser, Whole("free_one", "{\"days\": \"3\"}")), Is.True);
            Assert.That(Fits(parser, Whole("unknown_one", "{\"days\": 3}")), Is.False);
        }

        ChatOutput output = ChatOutputParser.Parse(
            Whole("strict_one", "{\"days\": 3}"), new ChatOutputOptions { ToolParser = parser, Tools = List() });
        Assert.That(output.ToolCalls.Select(c => (c.Name, c.Arguments)), Is.EqualTo(new[] { ("strict_one", "{\"days\": 3}") }));
    }

    [TestCase("qwen3_coder", "<tool_call>\n<function=NAME>\n<parameter=days>\n§\n</parameter>\n</function>\n</tool_call>")]
    [TestCase("glm45", "<tool_call>NAME\n<arg_key>days</arg_key>\n<arg_value>§</arg_value>\n</tool_call>")]
    public void TypedFormatsAreHeldToTheirTypes(string parser, string call)
    {
        string Whole(string name, string value) => "Well. " + call.Replace("NAME", name).Replace("§", value);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Fits(parser, Whole("strict_one", "3")), Is.True);
            Assert.That(Fits(parser, Whole("strict_one", "three")), Is.False);
            Assert.That(Fits(parser, Whole("free_one", "three")), Is.True);
            Assert.That(Fits(parser, Whole("unknown_one", "3")), Is.False);
        }
    }

    [Test]
    public void PlainTextStaysFree([ValueSource(nameof(Parsers))] string parser)
    {
        string[] texts = ["", "No call.", "\n- a [list], {a brace}, <b>bold</b> & \"quotes\"\n"];
        Assert.That(texts.Where(text => !Fits(parser, text)), Is.Empty);
    }

    [Test]
    public void AToolThatIsNotAllowedIsNotCalled()
    {
        const string call = "<tool_call>\n{\"name\": \"NAME\", \"arguments\": {\"days\": 3}}\n</tool_call>";
        Assert.That(Fits("hermes", call.Replace("NAME", "free_one"), ["strict_one"]), Is.False);
        Assert.That(Fits("hermes", call.Replace("NAME", "strict_one"), ["strict_one"]), Is.True);
    }

    [Test]
    public void SeveralCallsAreMadeUnlessOneAloneIsAllowed([Values("hermes", "deepseek_v31", "mistral")] string parser)
    {
        string call = Samples.First(sample => sample.Parser == parser).Call.Replace("NAME", "strict_one")
            .Replace("§", "{\"days\": 1}");
        Assert.That(Fits(parser, call + call), Is.True);
        Assert.That(Fits(parser, call + call, isParallel: false), Is.False);
        Assert.That(Fits(parser, call, isParallel: false), Is.True);
    }

    [TestCase("pythonic")]
    [TestCase("llama4_pythonic")]
    public void FormatsOfPythonCallsAreHeldToNothing(string parser) =>
        Assert.That(StrictCalls.StructuralTag(parser, List(), null, true), Is.Null);

    private static string[] Parsers() =>
        [.. ChatParsers.ToolParsers.Where(parser => StrictCalls.StructuralTag(parser, List(), null, true) is not null)];

    private static bool Fits(string parser, string text, string[]? allowed = null, bool isParallel = true)
    {
        Network network = GrammarCompiler.StructuralTag(
            StrictCalls.StructuralTag(parser, List(), allowed, isParallel)!);
        return network.Step(network.Start, Encoding.UTF8.GetBytes(text)) is { MayEnd: true };
    }

    private static JsonElement List() => JsonDocument.Parse(Tools).RootElement;
}
