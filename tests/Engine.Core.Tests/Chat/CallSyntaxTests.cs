using System.Text;
using System.Text.Json;
using Engine.Chat;
using Engine.Grammar;

namespace Engine.Tests.Chat;

/// <summary>Calls written under the grammar of a format, by whoever knows nothing, are read by its parser.</summary>
[TestFixture]
public sealed class CallSyntaxTests
{
    private const string Tools = """
        [{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{
        "city":{"type":"string"},"days":{"type":"integer"},"unit":{"type":"string","enum":["C","F"]}},
        "required":["city","days"],"additionalProperties":false}}},
        {"type":"function","function":{"name":"stop_all"}}]
        """;

    // Free text would hardly come upon them.
    private static string? EndOf(string parser) => parser switch
    {
        "glm45" => "</arg_value>\n",
        "qwen3_coder" => "\n</parameter>\n",
        "openai" => "<|end|><|start|>assistant",
        _ => null,
    };

    private static string[] Parsers() =>
        [.. ChatParsers.ToolParsers.Where(name => CallSyntax.StructuralTag(name, ToolList(), null, true) is not null)];

    [Test]
    public void AllFormatsButThoseOfPythonCallsHaveOne() =>
        Assert.That(ChatParsers.ToolParsers.Except(Parsers()), Is.EqualTo(new[] { "llama4_pythonic", "pythonic" }));

    [Test]
    public void RandomTextOfTheGrammarIsReadAsValidCalls(
        [ValueSource(nameof(Parsers))] string parser, [Values(null, "get_weather")] string? name)
    {
        TestContext.Out.WriteLine("seeds 0 to 19");
        string tag = CallSyntax.StructuralTag(parser, ToolList(), name, isParallel: true)!;
        for (int seed = 0; seed < 20; seed++)
        {
            string text = Write(parser, tag, new Random(seed));
            ChatOutput output = ChatOutputParser.Parse(
                text, new ChatOutputOptions { ToolParser = parser, Tools = ToolList() });
            Assert.That(output.ToolCalls, Is.Not.Empty, text);
            foreach (ChatToolCall call in output.ToolCalls)
            {
                Assert.That(call.Name, name is null ? Is.AnyOf("get_weather", "stop_all") : Is.EqualTo(name), text);
                Check(call, text);
            }
        }
    }

    [Test]
    public void OneCallAloneIsWrittenWhereMoreAreNotAllowed([ValueSource(nameof(Parsers))] string parser)
    {
        string tag = CallSyntax.StructuralTag(parser, ToolList(), null, isParallel: false)!;
        for (int seed = 0; seed < 10; seed++)
        {
            string text = Write(parser, tag, new Random(seed));
            ChatOutput output = ChatOutputParser.Parse(
                text, new ChatOutputOptions { ToolParser = parser, Tools = ToolList() });
            Assert.That(output.ToolCalls, Has.Count.EqualTo(1), text);
        }
    }

    private static void Check(ChatToolCall call, string text)
    {
        JsonElement arguments = default;
        Assert.That(() => arguments = JsonDocument.Parse(call.Arguments).RootElement, Throws.Nothing, text);
        Assert.That(arguments.ValueKind, Is.EqualTo(JsonValueKind.Object), text);
        if (call.Name != "get_weather")
        {
            return;
        }

        Assert.That(arguments.GetProperty("city").ValueKind, Is.EqualTo(JsonValueKind.String), text);
        Assert.That(arguments.GetProperty("days").ValueKind, Is.EqualTo(JsonValueKind.Number), text);
        Assert.That(
            !arguments.TryGetProperty("unit", out JsonElement unit) || unit.GetString() is "C" or "F", Is.True, text);
    }

    /// <summary>Follows the grammar byte by byte with random choices, in haste to come to an end.</summary>
    private static string Write(string parser, string tag, Random random)
    {
        byte[]? end = EndOf(parser) is { } mark ? Encoding.UTF8.GetBytes(mark) : null;
        Network network = GrammarCompiler.StructuralTag(tag);
        var text = new List<byte>();
        PositionSet at = network.Start;
        for (int step = 0; step < 5000; step++)
        {
            if (at.MayEnd && (step > 400 || random.Next(3) == 0))
            {
                break;
            }

            // No mark is a part of a string: where any text fits in its place, it is none.
            if (random.Next(6) == 0 && end is not null && network.Step(at, end) is { } past
                && !ReferenceEquals(past, network.Step(at, new string('a', end.Length).Select(c => (byte)c).ToArray())))
            {
                text.AddRange(end);
                at = past;
                continue;
            }

            byte[] fits = [.. Enumerable.Range(0x20, 0x60).Append('\n').Concat(Enumerable.Range(0x80, 0x80))
                .Select(value => (byte)value).Where(value => network.Step(at, value) is not null)];
            if (fits.Length == 0)
            {
                break;
            }

            // What ends a string or begins a marker comes soon enough.
            byte[] hasty = [.. fits.Where(value => value is (byte)'"' or (byte)'<' or (byte)'\n' or (byte)'}')];
            byte next = hasty.Length > 0 && random.Next(4) == 0
                ? hasty[random.Next(hasty.Length)]
                : fits[random.Next(fits.Length)];
            text.Add(next);
            at = network.Step(at, next)!;
        }

        Assert.That(at.MayEnd, Is.True, () => "did not come to an end: " + Encoding.UTF8.GetString([.. text]));
        return Encoding.UTF8.GetString([.. text]);
    }

    private static JsonElement ToolList() => JsonDocument.Parse(Tools).RootElement;
}
