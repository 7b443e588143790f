using System.Text.Json;
using Engine.Sampling;

namespace Engine.Tests.Sampling;

/// <summary>Drafts: what is accepted, and that outputs keep the target's distribution.</summary>
[TestFixture]
public sealed class SpeculativeTests
{
    [TestCaseSource(nameof(ChainRows))]
    public void OutputsHaveTheExactDistribution(string json)
    {
        const ulong seed = 4242;
        const int draws = 40000;
        JsonElement row = JsonDocument.Parse(json).RootElement;
        int vocabSize = row.GetProperty("vocab").GetInt32();
        int numDrafts = row.GetProperty("draft_tokens").GetInt32();
        float[][] target = Table(row.GetProperty("target"));
        float[][] draft = Table(row.GetProperty("draft"));
        var counts = new Dictionary<string, int>();
        long accepted = 0;
        for (int i = 0; i < draws; i++)
        {
            int[] output = RunChain(target, draft, vocabSize, numDrafts, seed + (ulong)i);
            accepted += output.Length - 1;
            string key = string.Join(',', output);
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }

        double chi2 = 0;
        int bins = 0;
        int rest = draws;
        double restProbability = 1;
        foreach (JsonElement item in row.GetProperty("output_distribution").EnumerateArray())
        {
            string key = string.Join(',', SamplingData.Ints(item[0]));
            double expected = item[1].GetDouble() * draws;
            counts.Remove(key, out int count);
            if (expected >= 5)
            {
                bins++;
                rest -= count;
                restProbability -= item[1].GetDouble();
                chi2 += (count - expected) * (count - expected) / expected;
            }
        }

        if (restProbability * draws >= 5)
        {
            bins++;
            double expected = restProbability * draws;
            chi2 += (rest - expected) * (rest - expected) / expected;
        }

        Assert.That(counts, Is.Empty, "an output of probability 0 appeared");
        Assert.That(chi2, Is.LessThan(ChiSquareBound(bins - 1)), $"seed {seed}");
        double expectedAccepted = row.GetProperty("expected_accepted").GetDouble();
        Assert.That(accepted / (double)draws, Is.EqualTo(expectedAccepted).Within(0.03), $"seed {seed}");
    }

    [Test]
    public void EveryReferenceDecisionIsTaken()
    {
        int rows = 0;
        foreach (JsonElement row in SamplingData.Rows("spec_decisions"))
        {
            rows++;
            CheckDecision(row);
        }

        Assert.That(rows, Is.GreaterThan(0));
    }

    [Test]
    public void GreedyDraftsAreAcceptedWhileTheyAreTheBest()
    {
        int rows = 0;
        foreach (JsonElement row in SamplingData.Rows("spec_greedy"))
        {
            rows++;
            int[] drafts = SamplingData.Ints(row, "draft_tokens");
            var output = new int[drafts.Length + 1];
            int count = SpeculativeSampler.VerifyGreedy(
                drafts, SamplingData.Ints(row, "target_argmax"), output);
            Assert.That(output[..count], Is.EqualTo(SamplingData.Ints(row, "output")), $"{row.GetProperty("id")}");
        }

        Assert.That(rows, Is.GreaterThan(0));
    }

    [TestCase(new[] { 1, 2, 3, 4, 9, 1, 2, 3 }, 3, new[] { 4, 9, 1 })]
    [TestCase(new[] { 1, 2, 3, 4, 9, 1, 2, 3 }, 8, new[] { 4, 9, 1, 2, 3, 4, 9, 1 })]
    [TestCase(new[] { 5, 1, 2, 7, 6, 1, 2, 8, 6, 1, 2 }, 2, new[] { 8, 6 })]
    [TestCase(new[] { 1, 2, 7, 4, 1, 2, 8, 9, 1, 2 }, 2, new[] { 7, 4 })]
    [TestCase(new[] { 7, 7, 7, 7 }, 2, new[] { 7, 7 })]
    [TestCase(new[] { 1, 2, 3 }, 2, new int[0])]
    [TestCase(new[] { 1 }, 2, new int[0])]
    public void NgramsProposeWhatFollowedTheLongestEarlierMatch(int[] tokens, int wanted, int[] expected)
    {
        var draft = new int[wanted];
        new NgramProposer(1, 3, 64).Find(tokens, out int back);
        int count = NgramProposer.Copy(tokens, back, draft);
        Assert.That(draft[..count], Is.EqualTo(expected));
    }

    [Test]
    public void NgramsShorterThanTheLeastDoNotCount()
    {
        Assert.That(new NgramProposer(2, 3, 64).Find([1, 5, 2, 5], out _), Is.Zero);
    }

    private static IEnumerable<TestCaseData> ChainRows() =>
        SamplingData.Rows("spec_chains").Select(row =>
            new TestCaseData(row.GetRawText()).SetArgDisplayNames(row.GetProperty("id").GetString()!));

    private static int[] RunChain(
        float[][] target, float[][] draft, int vocabSize, int numDrafts, ulong seed)
    {
        var drafts = new int[numDrafts];
        var p = new float[(numDrafts + 1) * vocabSize];
        var q = new float[numDrafts * vocabSize];
        int context = 0;
        for (int i = 0; i < numDrafts; i++)
        {
            target[context].CopyTo(p, i * vocabSize);
            draft[context].CopyTo(q, i * vocabSize);
            double uniform = Philox.Uniforms(seed, 0, i, DrawPurpose.Token).First;
            int token = 0;
            for (double sum = draft[context][0]; token < vocabSize - 1 && sum <= uniform;)
            {
                sum += draft[context][++token];
            }

            drafts[i] = token;
            context = 1 + token;
        }

        target[context].CopyTo(p, numDrafts * vocabSize);
        var output = new int[numDrafts + 1];
        int count = SpeculativeSampler.Verify(
            drafts, p, q, seed, 0, 0, new float[vocabSize], output);
        return output[..count];
    }

    private static void CheckDecision(JsonElement row)
    {
        string id = row.GetProperty("id").GetString()!;
        float[][] target = Table(row.GetProperty("target"));
        JsonElement draftRows = row.GetProperty("draft");
        float[][]? draft = draftRows.ValueKind == JsonValueKind.Null ? null : Table(draftRows);
        int[] drafts = SamplingData.Ints(row, "draft_tokens");
        double[] uniforms = [.. row.GetProperty("uniforms").EnumerateArray().Select(u => u.GetDouble())];
        int accepted = 0;
        while (accepted < drafts.Length && SpeculativeSampler.Accepts(
            drafts[accepted], target[accepted], draft?[accepted], uniforms[accepted]))
        {
            accepted++;
        }

        Assert.That(drafts[..accepted], Is.EqualTo(SamplingData.Ints(row, "accepted")), id);
        Assert.That(accepted == drafts.Length, Is.EqualTo(row.GetProperty("all_accepted").GetBoolean()), id);
        float[] next = [.. target[accepted]];
        if (accepted < drafts.Length)
        {
            SpeculativeSampler.Residual(drafts[accepted], target[accepted], draft?[accepted], next);
        }

        float total = next.Sum();
        Assert.That(
            next.Select(w => w / total),
            Is.EqualTo(SamplingData.Floats(row.GetProperty("next_token_distribution"))).Within(2e-6f), id);
    }

    private static float[][] Table(JsonElement rows) =>
        [.. rows.EnumerateArray().Select(SamplingData.Floats)];

    /// <summary>Wilson and Hilferty's approximation of the quantile that is passed once in a million.</summary>
    private static double ChiSquareBound(int freedom)
    {
        double k = Math.Max(freedom, 1);
        return k * Math.Pow(1 - 2 / (9 * k) + 4.9 * Math.Sqrt(2 / (9 * k)), 3);
    }
}
