using System.Text;
using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>uniqueItems over values that are too many to be listed: what there has been does not come again.</summary>
[TestFixture]
public sealed class UniqueItemsTests
{
    private const string Any = """{"uniqueItems":true,"type":"array"}""";
    private const string Objects = """
        {"type":"array","uniqueItems":true,"items":{"type":"object","properties":{"k":{"enum":["a","b"]},
        "v":{"type":"string","maxLength":1}},"required":["k","v"],"additionalProperties":false}}
        """;

    [TestCase("[1,2]", true)]
    [TestCase("[1,1]", false)]
    [TestCase("[1,1.0]", false)]
    [TestCase("[1,1.0e0]", false)]
    [TestCase("[100,1e2]", false)]
    [TestCase("[100,1000e-1]", false)]
    [TestCase("[0.1,100e-3]", false)]
    [TestCase("[0,-0]", false)]
    [TestCase("[0,0.0e5]", false)]
    [TestCase("[1,10,100,11,1.5,0.15,0.105,-1]", true)]
    [TestCase("[1,true,null,false,\"true\",\"1\",0]", true)]
    [TestCase("[true, false , true]", false)]
    [TestCase("[\"a\",\"\\u0061\"]", false)]
    [TestCase("[\"é\",\"\\u00e9\"]", false)]
    [TestCase("[\"😀\",\"\\ud83d\\ude00\"]", false)]
    [TestCase("[\"\\ud83d\",\"\\ude00\",\"\\ud83d\\ude00\"]", true)]
    [TestCase("[\"/\",\"\\/\"]", false)]
    [TestCase("[\"a\",\"ab\",\"\",\"b\"]", true)]
    [TestCase("[\"a\",\"ab\",\"\",\"b\",\"\"]", false)]
    [TestCase("[{\"a\":1,\"b\":2},{\"b\":2.0,\"a\":1}]", false)]
    [TestCase("[{\"a\":1,\"b\":2},{\"b\":1,\"a\":2}]", true)]
    [TestCase("[{\"a\":1,\"a\":2},{\"a\":2}]", false)]
    [TestCase("[{},[],{\"a\":[]},{\"a\":{}}]", true)]
    [TestCase("[[1,2],[2,1],[[1,2]],[1,2,[]]]", true)]
    [TestCase("[[1, 2],[1,2]]", false)]
    [TestCase("[[1,1],[1]]", true)]
    [TestCase("[\"0123456789012345678901234567890123456789a\",\"0123456789012345678901234567890123456789b\"]", true)]
    [TestCase("[\"0123456789012345678901234567890123456789a\",\"0123456789012345678901234567890123456789a\"]", false)]
    public void ItemsDifferByValueNotBySpelling(string text, bool fits) =>
        Assert.That(GrammarData.Matches(GrammarCompiler.JsonSchema(Any), text), Is.EqualTo(fits));

    [TestCase("""{"type":"array","items":{"type":"array","uniqueItems":true,"items":{"type":"string"}}}""",
        "[[\"a\"],[\"a\"]]", "[[\"a\",\"a\"]]")]
    [TestCase("""{"uniqueItems":true,"items":{"type":"array","uniqueItems":true},"type":"array"}""",
        "[[1,[1]],[1],[[1],1]]", "[[1,[1]],[1],[1,[1]]]")]
    [TestCase("""{"type":"object","properties":{"a":{"type":"array","uniqueItems":true},"b":{"type":"array"}}}""",
        "{\"a\":[1,2],\"b\":[1,1]}", "{\"a\":[1,1],\"b\":[]}")]
    [TestCase("""{"anyOf":[{"type":"array","uniqueItems":true},{"type":"array","maxItems":2}]}""",
        "[1,1]", "[1,1,2]")]
    [TestCase("""{"type":"array","uniqueItems":true,"contains":{"type":"integer"},"minContains":2}""",
        "[1,\"a\",2]", "[1,\"a\",1]")]
    [TestCase("""{"type":"array","uniqueItems":true,"items":{"enum":["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o"]}}""",
        "[\"o\",\"n\",\"a\"]", "[\"o\",\"n\",\"o\"]")]
    public void OnlyTheArraysThatSayItAreHeldToIt(string schema, string fits, string repeats)
    {
        Network network = GrammarCompiler.JsonSchema(schema);
        Assert.That(GrammarData.Matches(network, fits), Is.True);
        Assert.That(GrammarData.Matches(network, repeats), Is.False);
    }

    /// <summary>What could only be completed as a repetition is not begun.</summary>
    [TestCase("""{"type":"array","uniqueItems":true,"items":{"type":"string","maxLength":2}}""", "[\"ab\",\"a", "b")]
    [TestCase(Objects, "[{\"k\":\"a\",\"v\":\"x\"},{\"k\":\"a\",\"v\":\"", "x")]
    [TestCase(Objects, "[{\"k\":\"a\",\"v\":\"\"},{\"k\":\"a\",\"v\":\"", "\"")]
    [TestCase("""{"type":"array","uniqueItems":true,"items":{"type":"integer","minimum":0,"maximum":100}}""", "[10,100,1", "0")]
    public void NoWayIsOpenThatEndsInARepetition(string schema, string prefix, string next)
    {
        Network network = GrammarCompiler.JsonSchema(schema);
        PositionSet at = network.Step(network.Start, Encoding.UTF8.GetBytes(prefix))!;
        Assert.That(at, Is.Not.Null);
        Assert.That(network.Step(at, Encoding.UTF8.GetBytes(next)), Is.Null);
    }

    /// <summary>Behind the point of a number that there has been zeros could follow for ever.</summary>
    [TestCase("""{"type":"array","uniqueItems":true,"items":{"type":"number","multipleOf":0.5}}""", "[1.5,1.5", "0")]
    [TestCase("""{"type":"array","uniqueItems":true,"items":{"type":"number","minimum":0,"maximum":4}}""", "[4,4", ".")]
    public void NoNumberIsBegunThatOnlyZerosCouldFollow(string schema, string prefix, string next)
    {
        Network network = GrammarCompiler.JsonSchema(schema);
        byte[] text = Encoding.UTF8.GetBytes(prefix + next);
        PositionSet at = network.Step(network.Start, text.AsSpan(0, 2))!;
        Assert.That(network.Step(at, text.AsSpan(2)), Is.Null);
        Assert.That(network.Step(at, ",1"u8), Is.Not.Null);
    }

    [Test]
    public void AListOfAllValuesEnds()
    {
        string all = string.Join(',', Enumerable.Range(0, 100));
        Network network = GrammarCompiler.JsonSchema(
            """{"type":"array","uniqueItems":true,"items":{"type":"integer","minimum":0,"maximum":99}}""");
        PositionSet at = network.Step(network.Start, Encoding.UTF8.GetBytes("[" + all))!;
        Assert.That(network.Step(at, ","u8), Is.Null);
        Assert.That(network.Step(at, "]"u8)!.MayEnd, Is.True);
    }

    [Test]
    public void OutputsThatPartRememberTheirOwnItems()
    {
        Network network = GrammarCompiler.JsonSchema(Any);
        PositionSet common = network.Step(network.Start, "[1,"u8)!;
        PositionSet one = network.Step(common, "2,"u8)!;
        PositionSet other = network.Step(common, "3,"u8)!;
        Assert.That(network.Step(one, "3]"u8), Is.Not.Null);
        Assert.That(network.Step(one, "2]"u8), Is.Null);
        Assert.That(network.Step(other, "2]"u8), Is.Not.Null);
        Assert.That(network.Step(other, "3]"u8), Is.Null);
        Assert.That(network.Step(other, "1]"u8), Is.Null);
    }

    /// <summary>Sets of strings are what clients' types (Python's set[str]) turn into.</summary>
    [Test]
    public void MasksOfManyItemsStayQuick()
    {
        string[] texts = [.. Enumerable.Range(0, 128).Select(i => ((char)i).ToString()),
            .. Enumerable.Range(0, 5000).Select(i => $"w{i}"), .. Enumerable.Range(0, 500).Select(i => $"\"v{i}"), "\",", "\"]"];
        var program = new GrammarProgram(
            GrammarCompiler.JsonSchema("""{"type":"array","uniqueItems":true,"items":{"type":"string"}}"""),
            new TokenTrie([.. texts.Select(Encoding.UTF8.GetBytes)]));
        PositionSet at = program.Advance(program.Start, '[')!;
        long begun = Environment.TickCount64;
        for (int i = 0; i < 500; i++)
        {
            foreach (string token in new[] { $"\"v{i}", $"w{i % 7}", "\",", })
            {
                int id = Array.IndexOf(texts, token);
                Assert.That(program.Mask(at).Contains(id), Is.True);
                at = program.Advance(at, id)!;
            }

            int first = Array.IndexOf(texts, "\"v0");
            Assert.That(program.Mask(program.Advance(at, first)!).Contains(Array.IndexOf(texts, "\",")), Is.True);
            PositionSet again = program.Advance(program.Advance(at, first)!, Array.IndexOf(texts, "w0"))!;
            Assert.That(program.Mask(again).Contains(Array.IndexOf(texts, "\",")), Is.False);
        }

        TestContext.Out.WriteLine($"{(Environment.TickCount64 - begun) / 2500.0} ms a mask");
        Assert.That(Environment.TickCount64 - begun, Is.LessThan(20_000));
    }

    [Test]
    public void NoWayIsOpenThatEndsInARepetitionBehindALongBeginning()
    {
        Network network = GrammarCompiler.JsonSchema("""
            {"type":"array","uniqueItems":true,"items":{"type":"string",
            "pattern":"^https://example.org/a/path/that/is/longer/than/forty/bytes/[ab]{1,2}$"}}
            """);
        const string Begin = "\"https://example.org/a/path/that/is/longer/than/forty/bytes/";
        PositionSet at = network.Step(
            network.Start, Encoding.UTF8.GetBytes($"[{Begin}aa\",{Begin}ab\",{Begin}a\",{Begin}"))!;
        Assert.That(network.Step(at, "a"u8), Is.Null);
        Assert.That(network.Step(at, "b"u8), Is.Not.Null);
    }

    /// <summary>Addresses of one site, say: each token used to be looked at as far ahead as allowed.</summary>
    [Test]
    public void AMaskInAnItemThatBeginsLikeManyIsMadeWithinAStep()
    {
        string[] texts = [.. Enumerable.Range(0, 128).Select(i => ((char)i).ToString()),
            .. Enumerable.Range(0, 5000).Select(i => $"w{i}"), "\",", "\"]", "\",\n", "\", \""];
        var program = new GrammarProgram(
            GrammarCompiler.JsonSchema("""{"type":"array","uniqueItems":true}"""),
            new TokenTrie([.. texts.Select(Encoding.UTF8.GetBytes)]));
        PositionSet at = program.Start;
        string begin = new('w', 150);
        foreach (char value in $"[{string.Join(',', Enumerable.Range(0, 60).Select(i => $"\"{begin}{i}\""))},\"{begin}")
        {
            at = program.Advance(at, value)!;
        }

        program.Mask(program.Advance(program.Start, '[')!);
        program.Mask(program.Advance(program.Advance(program.Start, '[')!, '"')!);
        WorkBudget.Begin(GrammarState.MaskWork);
        TokenMask? mask = program.TryMask(at);
        WorkBudget.End();
        Assert.That(mask, Is.Not.Null);
        Assert.That(mask!.Contains(Array.IndexOf(texts, "w7")), Is.True);
        Assert.That(mask.Contains(Array.IndexOf(texts, "\",")), Is.True);
        Assert.That(program.TryMask(program.Advance(at, '7')!)!.Contains(Array.IndexOf(texts, "\",")), Is.False);
    }

    [TestCase("""
        {"uniqueItems":true,"type":"array",
        "items":{"type":"integer","minimum":1,"maximum":100},"minItems":101}
        """)]
    [TestCase("""
        {"uniqueItems":true,"type":"array",
        "items":{"type":"string","pattern":"^[a-z]{1,2}$"},"minItems":703}
        """)]
    [TestCase("""
        {"uniqueItems":true,"type":"array",
        "items":{"multipleOf":0.01,"type":"number","minimum":0,"exclusiveMaximum":1},"minItems":101}
        """)]
    [TestCase("""
        {"uniqueItems":true,"type":"array",
        "items":{"type":"object","properties":{"a":{"type":"boolean"},"b":{"enum":[1,2,3]}},
        "required":["a"],"additionalProperties":false},"minItems":9}
        """)]
    [TestCase("""
        {"uniqueItems":true,"type":"array",
        "items":{"type":"array","items":{"type":"boolean"},"maxItems":5},"minItems":64}
        """)]
    [TestCase("""
        {"uniqueItems":true,"type":"array",
        "prefixItems":[{"const":1},{"const":1}],"minItems":2}
        """)]
    public void MoreItemsThanThereAreValuesIsAnError(string schema)
    {
        var error = Assert.Throws<EngineException>(() => GrammarCompiler.JsonSchema(schema));
        Assert.That(error!.Status, Is.EqualTo(EngineStatus.InvalidArgument));
    }

    [TestCase("""
        {"uniqueItems":true,"type":"array",
        "items":{"type":"integer","minimum":1,"maximum":100},"minItems":100}
        """)]
    [TestCase("""
        {"uniqueItems":true,"type":"array",
        "items":{"type":"string","pattern":"^[a-z]{1,2}$"},"minItems":702}
        """)]
    [TestCase("""
        {"uniqueItems":true,"type":"array",
        "items":{"type":"array","items":{"type":"boolean"},"maxItems":5},"minItems":63}
        """)]
    [TestCase("""
        {"uniqueItems":true,"type":"array",
        "items":{"type":"string","pattern":"a"},"minItems":500}
        """)]
    public void AsManyItemsAsThereAreValuesIsNone(string schema) =>
        Assert.That(() => GrammarCompiler.JsonSchema(schema), Throws.Nothing);

    /// <summary>Tokens of several bytes, at places come to again: what was remembered must not mislead.</summary>
    [TestCase("""{"uniqueItems":true,"type":"array"}""")]
    [TestCase("""{"uniqueItems":true,"type":"array","items":{"type":"integer","minimum":0,"maximum":100}}""")]
    [TestCase("""{"uniqueItems":true,"type":"array","items":{"type":"number","multipleOf":0.5,"maximum":40}}""")]
    [TestCase("""{"uniqueItems":true,"type":"array","items":{"type":"string","pattern":"^[ab]{1,3}$"}}""")]
    [TestCase("""{"anyOf":[{"type":"array","uniqueItems":true},{"type":"array","maxItems":3}]}""")]
    [TestCase("""{"uniqueItems":true,"type":"array","items":{"type":"array","uniqueItems":true,"maxItems":2}}""")]
    [TestCase(Objects)]
    public void MasksAreWhatFollowingEachTokenSays(string schema)
    {
        string[] texts = [.. Enumerable.Range(9, 118).Select(i => ((char)i).ToString()), "\",", "\"]", "\",\"", "},",
            "},{", "]}", "],", "true", "null", "ab", "a\"", "11", "1,", "10,", "1]", ", ", "  ", "[[", "[1", "[1,", "\\u00",
            "0.", "5,", "{\"k", "\":\"", "b\",\"v"];
        var program = new GrammarProgram(
            GrammarCompiler.JsonSchema(schema), new TokenTrie([.. texts.Select(Encoding.UTF8.GetBytes)]));
        var random = new Random(5);
        for (int round = 0; round < 12; round++)
        {
            PositionSet at = program.Start;
            string text = "";
            for (int i = 0; i < 60; i++)
            {
                TokenMask mask = program.Mask(at);
                int[] fit = [.. Enumerable.Range(0, texts.Length).Where(id => program.Advance(at, id) is not null)];
                Assert.That(Enumerable.Range(0, texts.Length).Where(mask.Contains), Is.EqualTo(fit), text);
                if (fit.Length == 0)
                {
                    Assert.That(at.MayEnd, Is.True, text);
                    break;
                }

                int next = fit[random.Next(fit.Length)];
                text += texts[next];
                at = program.Advance(at, next)!;
            }
        }
    }
}
