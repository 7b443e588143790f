using System.Text.Json;
using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Tests.Sampling;

/// <summary>Log probabilities of raw logits: the token, the best N, ranks, prompts.</summary>
[TestFixture]
public sealed class LogprobTests
{
    private const double Tolerance = 2e-6;

    [Test]
    public void EveryReferenceRowGivesItsLogprobs()
    {
        int rows = 0;
        var failures = new List<string>();
        foreach (JsonElement row in SamplingData.Rows("logprobs"))
        {
            rows++;
            string? difference = row.TryGetProperty("kind", out _) ? PromptDifference(row)
                : row.TryGetProperty("params", out _) ? ModeDifference(row)
                : TopDifference(row);
            if (difference is not null)
            {
                failures.Add($"{row.GetProperty("id")}: {difference}");
            }
        }

        Assert.That(rows, Is.GreaterThan(0));
        Assert.That(failures, Is.Empty, $"{failures.Count} of {rows} rows");
    }

    [Test]
    public void MinusOneReturnsTheWholeVocabularyBestFirst()
    {
        float[] logits = SamplingData.Logits("zipf32000");
        TokenLogprob[] all = Score(logits, 17, -1);
        Assert.That(all, Has.Length.EqualTo(32001));
        Assert.That(all[0].TokenId, Is.EqualTo(17));
        Assert.That(all.Skip(1).Select(item => item.Rank), Is.EqualTo(Enumerable.Range(1, 32000)));
        Assert.That(all.Skip(1).Select(item => item.TokenId).Distinct().Count(), Is.EqualTo(32000));
        Assert.That(all.Skip(1).Zip(all.Skip(2)).All(pair => pair.First.Logprob >= pair.Second.Logprob));
        Assert.That(all.Skip(1).Sum(item => Math.Exp(item.Logprob)), Is.EqualTo(1).Within(1e-5));
    }

    [Test]
    public void PaddingCountsInTheNormaliserButIsNeverAmongTheBest()
    {
        float[] logits = new float[70];
        logits[66] = 3;
        logits[5] = 1;
        var sampler = new Sampler(70);
        sampler.Score(logits, 5, 3, 65, out TokenLogprob[]? found);
        double total = Math.Log(68 + Math.Exp(3) + Math.E);
        Assert.That(found!.Select(item => item.TokenId), Is.EqualTo(new[] { 5, 5, 0, 1 }));
        Assert.That(found![0].Logprob, Is.EqualTo(1 - total).Within(1e-6));
        Assert.That(found![0].Rank, Is.EqualTo(1));
    }

    [Test]
    public void SampledTokensCarryTheRawLogprobsWhateverTheParameters()
    {
        float[] logits = SamplingData.Logits("random64");
        var p = new SamplingParams
        {
            Logprobs = 2,
            Temperature = 0.2f,
            TopK = 3,
            RepetitionPenalty = 1.7f,
            AllowedTokenIds = [1, 2, 3, 30],
        };
        SamplingProgram program = SamplingProgram.Compile(p, 64, [], [], []);
        new Sampler(64).Sample(
            (float[])logits.Clone(), new SamplerState(program, 1, 0, 16), [30, 2], 1, out int token,
            out TokenLogprob[]? found);
        Assert.That(found, Is.EqualTo(Score(logits, token, 2)));
    }

    private static string? TopDifference(JsonElement row)
    {
        float[] logits = SamplingData.Logits(row.GetProperty("logits").GetString()!);
        int sampled = row.GetProperty("sampled").GetInt32();
        TokenLogprob[] found = Score(logits, sampled, row.GetProperty("num_logprobs").GetInt32());
        if (found[0].TokenId != sampled || found[0].Rank != row.GetProperty("rank").GetInt32())
        {
            return $"{found[0]} first";
        }

        int strict = logits.Count(x => x > logits[sampled]) + 1;
        int entries = found.Select(item => item.TokenId).Distinct().Count();
        return !Near(found[0].Logprob, row.GetProperty("sampled_logprob")) ? $"{found[0]}"
            : strict != row.GetProperty("rank_strict").GetInt32() ? $"strict rank {strict}"
            : entries != row.GetProperty("entries_returned").GetInt32() ? $"{entries} entries"
            : ListDifference(row.GetProperty("top"), found);
    }

    private static string? ModeDifference(JsonElement row)
    {
        float[] logits = SamplingData.Logits(row.GetProperty("logits").GetString()!);
        SamplingProgram program = SamplingData.Program(row.GetProperty("params"), logits.Length);
        int[] prompt = SamplingData.Ints(row, "prompt_ids");
        int[] tokens = [.. prompt, .. SamplingData.Ints(row, "output_ids")];
        int sampled = row.GetProperty("sampled").GetInt32();
        float raw = Score(logits, sampled, 3)[0].Logprob;
        if (!Near(raw, row.GetProperty("mode_raw_logprobs")))
        {
            return $"raw {raw}";
        }

        JsonElement processed = row.GetProperty("mode_processed_logprobs");
        if (processed.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        new Sampler(logits.Length).Distribution(
            logits, new SamplerState(program, 1, 0, 64), tokens, prompt.Length, out Candidates found);
        double mine = Math.Log(found.Weights[found.Ids.IndexOf(sampled)] / found.Total);
        return Near(mine, processed) ? null : $"processed {mine}";
    }

    private static string? PromptDifference(JsonElement row)
    {
        int[] prompt = SamplingData.Ints(row, "prompt_ids");
        float[][] rows = [.. row.GetProperty("rows").EnumerateArray().Select(SamplingData.Floats)];
        JsonElement expect = row.GetProperty("expect");
        if (expect[0].ValueKind != JsonValueKind.Null)
        {
            return "entry 0 is not null";
        }

        for (int i = 1; i < prompt.Length; i++)
        {
            JsonElement entry = expect[i];
            TokenLogprob[] found = Score(
                rows[i - 1], prompt[i], row.GetProperty("num_logprobs").GetInt32());
            if (found[0].TokenId != entry.GetProperty("token").GetInt32()
                || found[0].Rank != entry.GetProperty("rank").GetInt32()
                || !Near(found[0].Logprob, entry.GetProperty("logprob")))
            {
                return $"entry {i}: {found[0]}";
            }

            if (ListDifference(entry.GetProperty("top"), found) is { } difference)
            {
                return $"entry {i}: {difference}";
            }
        }

        return null;
    }

    private static string? ListDifference(JsonElement top, TokenLogprob[] found)
    {
        if (found.Length - 1 != top.GetArrayLength())
        {
            return $"{found.Length - 1} best";
        }

        for (int i = 1; i < found.Length; i++)
        {
            JsonElement expected = top[i - 1];
            if (found[i].TokenId != expected[0].GetInt32() || !Near(found[i].Logprob, expected[1]))
            {
                return $"{found[i]} instead of {expected}";
            }
        }

        return null;
    }

    private static TokenLogprob[] Score(float[] logits, int token, int count)
    {
        EngineStatus status = new Sampler(logits.Length).Score(
            logits, token, count, logits.Length, out TokenLogprob[]? found);
        Assert.That(status, Is.EqualTo(EngineStatus.Ok));
        return found!;
    }

    private static bool Near(double mine, JsonElement expected)
    {
        double value = expected.ValueKind == JsonValueKind.String
            ? double.NegativeInfinity
            : expected.GetDouble();
        return mine == value || Math.Abs(mine - value) <= Tolerance * Math.Max(1, Math.Abs(value));
    }
}
