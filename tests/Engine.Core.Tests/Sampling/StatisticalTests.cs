using System.Text.Json;
using Engine.Sampling;

namespace Engine.Tests.Sampling;

/// <summary>Draws against the exact distribution, and mirostat's course.</summary>
[TestFixture]
public sealed class StatisticalTests
{
    [TestCaseSource(nameof(StatisticalRows))]
    public void DrawsFollowTheDistribution(string json)
    {
        const ulong seed = 20260101;
        JsonElement row = JsonDocument.Parse(json).RootElement;
        float[] raw = SamplingData.Logits(row.GetProperty("logits").GetString()!);
        SamplingProgram program = SamplingData.Program(row.GetProperty("params"), raw.Length);
        int[] prompt = SamplingData.Ints(row, "prompt_ids");
        int[] tokens = [.. prompt, .. SamplingData.Ints(row, "output_ids")];
        int draws = row.GetProperty("draws").GetInt32();
        int[] counts = raw.Length > 1000
            ? DrawFromOneDistribution(raw, program, tokens, prompt.Length, seed, draws)
            : SampleEachTime(raw, program, tokens, prompt.Length, seed, draws);
        double chi2 = 0;
        int rest = draws;
        foreach (JsonElement bin in row.GetProperty("bins").EnumerateArray())
        {
            double expected = draws * bin[1].GetDouble();
            int count = counts[bin[0].GetInt32()];
            rest -= count;
            chi2 += (count - expected) * (count - expected) / expected;
        }

        double expectedRest = draws * row.GetProperty("rest").GetProperty("p").GetDouble();
        if (expectedRest >= 5)
        {
            chi2 += (rest - expectedRest) * (rest - expectedRest) / expectedRest;
        }

        Assert.That(chi2, Is.LessThan(row.GetProperty("chi2_max").GetDouble()), $"seed {seed}");
        if (row.GetProperty("rest").GetProperty("tokens").GetInt32() == 0)
        {
            Assert.That(rest, Is.Zero, "a token of probability 0 appeared");
        }
    }

    [Test]
    public void MirostatTakesTheCourseOfTheReference()
    {
        int rows = 0;
        foreach (JsonElement row in SamplingData.Rows("mirostat"))
        {
            rows++;
            var p = new SamplingParams
            {
                MirostatMode = 2,
                MirostatTau = row.GetProperty("tau").GetSingle(),
                MirostatEta = row.GetProperty("eta").GetSingle(),
            };
            FollowMirostat(row, p);
        }

        Assert.That(rows, Is.GreaterThan(0));
    }

    [Test]
    public void MirostatIsTheSameWhenAStepIsDoneAgain()
    {
        SamplingProgram program = SamplingProgram.Compile(
            new SamplingParams { MirostatMode = 2, MirostatTau = 2, MirostatEta = 0.3f }, 64, [], [], []);
        var sampler = new Sampler(64);
        var once = new SamplerState(program, 5, 0, 64);
        var twice = new SamplerState(program, 5, 0, 64);
        List<int> tokens = [1];
        for (int step = 0; step < 12; step++)
        {
            sampler.Sample(SamplingData.Logits("zipf64"), once, tokens.ToArray(), 1, out int a, out _);
            sampler.Sample(SamplingData.Logits("zipf64"), twice, tokens.ToArray(), 1, out _, out _);
            sampler.Sample(SamplingData.Logits("zipf64"), twice, tokens.ToArray(), 1, out int b, out _);
            Assert.That(b, Is.EqualTo(a), $"step {step}");
            tokens.Add(a);
        }
    }

    private static IEnumerable<TestCaseData> StatisticalRows() =>
        SamplingData.Rows("statistical").Select(row =>
            new TestCaseData(row.GetRawText()).SetArgDisplayNames(row.GetProperty("id").GetString()!));

    private static int[] SampleEachTime(
        float[] raw, SamplingProgram program, int[] tokens, int numPrompt, ulong seed, int draws)
    {
        var sampler = new Sampler(raw.Length);
        var logits = new float[raw.Length];
        var counts = new int[raw.Length];
        for (int i = 0; i < draws; i++)
        {
            raw.CopyTo(logits, 0);
            var state = new SamplerState(program, seed + (ulong)i, 0, 64);
            sampler.Sample(logits, state, tokens, numPrompt, out int token, out _);
            counts[token]++;
        }

        return counts;
    }

    // A large vocabulary is truncated once, to keep the test run short; the draws are the sampler's.
    private static int[] DrawFromOneDistribution(
        float[] raw, SamplingProgram program, int[] tokens, int numPrompt, ulong seed, int draws)
    {
        var counts = new int[raw.Length];
        new Sampler(raw.Length).Distribution(
            raw, new SamplerState(program, seed, 0, 64), tokens, numPrompt, out Candidates found);
        for (int i = 0; i < draws; i++)
        {
            double uniform = Philox.Uniforms(
                seed + (ulong)i, 0, tokens.Length - numPrompt).First;
            counts[found.Ids[found.Draw(uniform)]]++;
        }

        return counts;
    }

    private static void FollowMirostat(JsonElement row, SamplingParams p)
    {
        int position = 0;
        List<int> tokens = [];
        SamplerState? state = null;
        foreach (JsonElement step in row.GetProperty("steps").EnumerateArray())
        {
            string where = $"{row.GetProperty("id")} step {position}";
            float[] logits = SamplingData.Logits(step.GetProperty("logits").GetString()!);
            SamplingProgram program = SamplingProgram.Compile(p, logits.Length, [], [], []);
            state ??= new SamplerState(program, 1, 0, 64);
            Assert.That(state.MirostatMu(position),
                Is.EqualTo(step.GetProperty("mu_before").GetDouble()).Within(1e-5), where);
            new Sampler(logits.Length).Distribution(
                logits, state, tokens.ToArray(), 0, out Candidates found);
            Assert.That(found.Count, Is.EqualTo(step.GetProperty("survivors").GetInt32()), where);
            foreach (JsonElement pair in step.GetProperty("probs").EnumerateArray())
            {
                int index = found.Ids.IndexOf(pair[0].GetInt32());
                Assert.That(index, Is.GreaterThanOrEqualTo(0), where);
                Assert.That(found.Weights[index] / found.Total,
                    Is.EqualTo(pair[1].GetDouble()).Within(2e-6), where);
            }

            int token = step.GetProperty("token").GetInt32();
            int drawn = found.Ids.IndexOf(token);
            state.MirostatObserve(-Math.Log2(found.Weights[drawn] / found.Total));
            tokens.Add(token);
            position++;
            Assert.That(state.MirostatMu(position),
                Is.EqualTo(step.GetProperty("mu_after").GetDouble()).Within(1e-5), where);
        }
    }
}
