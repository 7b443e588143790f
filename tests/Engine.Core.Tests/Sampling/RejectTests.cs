using System.Text.Json;
using Engine.Sampling;

namespace Engine.Tests.Sampling;

/// <summary>Values that are errors, values on the border that are not, logits that end one request.</summary>
[TestFixture]
public sealed class RejectTests
{
    [TestCaseSource(nameof(ParameterRows))]
    public void ParameterIsJudgedAsTheReferenceSays(
        string parameter, string value, int vocabSize, bool isValid)
    {
        string field = parameter switch
        {
            "min_tokens>max_tokens" => "min_tokens",
            "n with temperature 0" => "n",
            _ => parameter,
        };
        TestDelegate check = () => Apply(parameter, value).Validate(
            vocabSize, new SamplingLimits { MaxLogprobs = isValid ? -1 : 20 });
        if (isValid)
        {
            Assert.That(check, Throws.Nothing);
        }
        else
        {
            Assert.That(check, Throws.InstanceOf<EngineException>()
                .With.Property(nameof(EngineException.Status)).EqualTo(EngineStatus.InvalidArgument)
                .And.Property(nameof(EngineException.Parameter)).EqualTo(field)
                .And.Message.Contains(field));
        }
    }

    [TestCaseSource(nameof(LogitRows))]
    public void BadLogitsEndTheirRequestOnly(string name, int[] ids, float value)
    {
        float[] logits = SamplingData.Logits(name);
        foreach (int id in ids)
        {
            logits[id] = value;
        }

        var sampler = new Sampler(logits.Length);
        SamplingProgram program = SamplingProgram.Compile(
            new SamplingParams { Temperature = 0.8f }, logits.Length, [], [], []);
        EngineStatus status = sampler.Sample(
            logits, new SamplerState(program, 1, 0, 16), [1], 1, out int token, out _);
        Assert.That(status.IsError(), Is.True);
        Assert.That(token, Is.EqualTo(-1));

        EngineStatus next = sampler.Sample(
            SamplingData.Logits(name), new SamplerState(program, 1, 0, 16), [1], 1, out token, out _);
        Assert.That(next, Is.EqualTo(EngineStatus.Ok));
        Assert.That(token, Is.InRange(0, logits.Length - 1));
    }

    [Test]
    public void ALogprobsLimitOfMinusOneStillEndsAtTheVocabulary()
    {
        var limits = new SamplingLimits { MaxLogprobs = -1 };
        Assert.That(() => new SamplingParams { Logprobs = 65 }.Validate(64, limits),
            Throws.InstanceOf<EngineException>());
        Assert.That(() => new SamplingParams { Logprobs = 64 }.Validate(64, limits), Throws.Nothing);
    }

    private static IEnumerable<TestCaseData> ParameterRows() =>
        from row in SamplingData.Rows("reject")
        where row.GetProperty("kind").GetString() == "param"
        select new TestCaseData(
            row.GetProperty("param").GetString(),
            row.GetProperty("value").GetRawText(),
            row.GetProperty("vocab_size").GetInt32(),
            row.GetProperty("expect").GetString() == "valid")
            .SetArgDisplayNames(
                row.GetProperty("id").GetString()!,
                row.GetProperty("param").GetString()!,
                row.GetProperty("value").GetRawText());

    private static IEnumerable<TestCaseData> LogitRows() =>
        from row in SamplingData.Rows("reject")
        where row.GetProperty("kind").GetString() == "logits"
        let put = row.GetProperty("put").EnumerateObject().ToArray()
        select new TestCaseData(
            row.GetProperty("base").GetString(),
            put.Select(item => int.Parse(item.Name)).ToArray(),
            SamplingData.Number(put[0].Value))
            .SetArgDisplayNames(row.GetProperty("id").GetString()!);

    private static SamplingParams Apply(string parameter, string json)
    {
        JsonElement value = JsonDocument.Parse(json).RootElement;
        SamplingParams p = new();
        switch (parameter)
        {
            case "min_tokens>max_tokens":
                return p with { MinTokens = value[0].GetInt32(), MaxTokens = value[1].GetInt32() };
            case "n with temperature 0":
                return p with { N = value.GetInt32(), Temperature = 0 };
            case "logit_bias" when value.EnumerateObject().Any(i => i.Value.ValueKind == JsonValueKind.String):
                return p with
                {
                    LogitBias = value.EnumerateObject().ToDictionary(
                        item => int.Parse(item.Name), item => SamplingData.Number(item.Value)),
                };
            default:
                ParamValue given = value.ValueKind == JsonValueKind.String
                    && value.GetString() is "nan" or "inf" or "-inf"
                    ? ParamValue.From((double)SamplingData.Number(value))
                    : ParamValue.From(value);
                p = SamplingSchema.Set(p, parameter, given);
                return parameter == "min_tokens" ? p with { MaxTokens = null } : p;
        }
    }
}
