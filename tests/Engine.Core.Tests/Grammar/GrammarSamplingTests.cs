using System.Text;
using System.Text.Json;
using Engine.Grammar;
using Engine.Sampling;
using Engine.Tokenization;

namespace Engine.Tests.Grammar;

/// <summary>Grammars in the sampler: whatever the logits say, the output fits.</summary>
[TestFixture]
public sealed class GrammarSamplingTests
{
    private const int Eos = 0;

    [Test]
    public void RandomLogitsGiveJsonThatFitsTheSchema()
    {
        const string schema = """
            {"type":"object","properties":{"name":{"type":"string","maxLength":5},"age":{"type":"integer",
            "minimum":0,"maximum":130},"tags":{"type":"array","items":{"enum":["a","b"]},"maxItems":3}},
            "required":["name","age","tags"],"additionalProperties":false}
            """;
        for (int seed = 0; seed < 20; seed++)
        {
            string text = Generate(new SamplingParams
            {
                StructuredOutputs = new StructuredOutputs { Json = schema },
                MaxTokens = null,
                LogitBias = new Dictionary<int, float> { [' '] = -100, ['\n'] = -100, ['\t'] = -100, ['\r'] = -100 },
            }, seed, 2000, out bool ended);
            Assert.That(ended, Is.True, $"seed {seed}: {text}");
            JsonElement value = JsonDocument.Parse(text).RootElement;
            Assert.That(value.GetProperty("name").GetString()!.EnumerateRunes().Count(), Is.LessThanOrEqualTo(5));
            Assert.That(value.GetProperty("age").GetInt32(), Is.InRange(0, 130));
            Assert.That(value.GetProperty("tags").GetArrayLength(), Is.LessThanOrEqualTo(3));
        }
    }

    [Test]
    public void GreedyTakesTheBestTokenThatFits()
    {
        string text = Generate(new SamplingParams
        {
            Temperature = 0,
            StructuredOutputs = new StructuredOutputs { Choice = ["yes", "no"] },
            LogitBias = new Dictionary<int, float> { ['n'] = 50, ['z'] = 90 },
        }, 1, 16, out bool ended);
        Assert.That((text, ended), Is.EqualTo(("no", true)));
    }

    [Test]
    public void MinTokensHoldsTheEndBackOnlyWhereTheTextMayGoOn()
    {
        var bias = new Dictionary<int, float> { [Eos] = 90 };
        var p = new SamplingParams { Temperature = 0, MinTokens = 5, LogitBias = bias };
        StructuredOutputs free = new() { Regex = "a+" };
        StructuredOutputs fixedText = new() { Choice = ["ab"] };
        Assert.That(Generate(p with { StructuredOutputs = free }, 1, 16, out _), Is.EqualTo("aaaaa"));
        Assert.That(Generate(p with { StructuredOutputs = fixedText }, 1, 16, out bool ended), Is.EqualTo("ab"));
        Assert.That(ended, Is.True);
    }

    [Test]
    public void TokensThatDoNotFitEndTheRequest()
    {
        var p = new SamplingParams { StructuredOutputs = new StructuredOutputs { Regex = "a+" } };
        SamplingProgram program = SamplingProgram.Compile(p, new Bytes(), 256, [Eos]);
        EngineStatus status = new Sampler(256).Sample(
            new float[256], new SamplerState(program, 1, 0, 16), ['x', 'b'], 1, out _, out _);
        Assert.That(status, Is.EqualTo(EngineStatus.InvalidArgument));
    }

    [TestCase("{\"json\":{},\"regex\":\"a\"}")]
    [TestCase("{}")]
    [TestCase("{\"choice\":[]}")]
    [TestCase("{\"regex\":\"(\"}")]
    [TestCase("{\"grammar\":\"\"}")]
    [TestCase("{\"json\":\"\"}")]
    [TestCase("{\"json\":\"{oops\"}")]
    [TestCase("{\"jsn\":{}}")]
    [TestCase("{\"structural_tag\":{}}")]
    [TestCase("{\"json\":{\"type\":\"string\",\"format\":\"idn-hostname\"}}")]
    public void BadStructuredOutputsAreRefusedByName(string json)
    {
        byte[] body = Encoding.UTF8.GetBytes("{\"structured_outputs\":" + json + "}");
        Assert.That(() => SamplingJson.Read(body).Validate(64),
            Throws.InstanceOf<EngineException>()
                .With.Property(nameof(EngineException.Parameter)).EqualTo("structured_outputs"));
    }

    private static string Generate(SamplingParams p, int seed, int maxTokens, out bool ended)
    {
        p.Validate(256);
        SamplingProgram program = SamplingProgram.Compile(p, new Bytes(), 256, [Eos]);
        var state = new SamplerState(program, (ulong)seed, 0, maxTokens + 1);
        var sampler = new Sampler(256);
        var random = new Random(seed);
        List<int> tokens = ['x'];
        ended = false;
        while (!ended && tokens.Count <= maxTokens)
        {
            float[] logits = [.. Enumerable.Range(0, 256).Select(_ => 4 * random.NextSingle())];
            EngineStatus status = sampler.Sample(
                logits, state, tokens.ToArray(), 1, out int token, out _);
            Assert.That(status, Is.EqualTo(EngineStatus.Ok), $"seed {seed}");
            tokens.Add(token);
            ended = token == Eos;
        }

        return Encoding.UTF8.GetString([.. tokens.Skip(1).Where(t => t != Eos).Select(t => (byte)t)]);
    }

    /// <summary>One token per byte; 0 ends the output.</summary>
    private sealed class Bytes : ITokenizer
    {
        public int VocabSize => 256;

        public int[] Encode(string text, bool addSpecialTokens = true) =>
            [.. Encoding.UTF8.GetBytes(text).Select(b => (int)b)];

        public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true) =>
            Encoding.UTF8.GetString([.. ids.ToArray().Where(id => id != Eos).Select(id => (byte)id)]);

        public int TokenToId(string token) => -1;

        public string? IdToToken(int id) => $"<0x{id:X2}>";

        public bool IsSpecial(int id) => id == Eos;

        public IIncrementalDetokenizer CreateDetokenizer(bool skipSpecialTokens) =>
            throw new NotSupportedException();
    }
}
