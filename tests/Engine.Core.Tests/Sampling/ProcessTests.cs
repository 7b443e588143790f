using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Engine.Sampling;

namespace Engine.Tests.Sampling;

/// <summary>Logits, parameters and history against the reference's argmax or final distribution.</summary>
[TestFixture]
public sealed class ProcessTests
{
    [Test]
    public void EveryReferenceRowGivesItsDistribution()
    {
        int rows = 0;
        var failures = new List<string>();
        foreach (JsonElement row in SamplingData.Rows("process"))
        {
            rows++;
            if (Difference(row) is { } difference)
            {
                failures.Add(
                    $"{row.GetProperty("id")} {row.GetProperty("name")} {row.GetProperty("logits")} "
                    + $"{row.GetProperty("params")}: {difference}");
            }
        }

        Assert.That(rows, Is.GreaterThan(0));
        Assert.That(failures, Is.Empty, $"{failures.Count} of {rows} rows");
    }

    private static string? Difference(JsonElement row)
    {
        string name = row.GetProperty("logits").GetString()!;
        float[] raw = SamplingData.Logits(name);
        JsonElement parameters = row.GetProperty("params");
        JsonElement expect = row.GetProperty("expect");
        SamplingProgram program = SamplingData.Program(parameters, raw.Length);
        int[] prompt = SamplingData.Ints(row, "prompt_ids");
        int[] tokens = [.. prompt, .. SamplingData.Ints(row, "output_ids")];
        var sampler = new Sampler(raw.Length);
        bool? fires = parameters.TryGetProperty("xtc_fires", out JsonElement xtc)
            ? xtc.GetBoolean()
            : parameters.TryGetProperty("xtc_probability", out _) ? true : null;
        float[] logits = (float[])raw.Clone();
        EngineStatus status = sampler.Distribution(
            logits, NewState(program), tokens, prompt.Length, out Candidates found, fires);
        if (expect.TryGetProperty("error", out _))
        {
            return status == EngineStatus.InvalidArgument ? null : $"expected an error, got {status}";
        }

        if (status != EngineStatus.Ok)
        {
            return $"failed with {status}";
        }

        if (expect.TryGetProperty("greedy", out _))
        {
            logits = (float[])raw.Clone();
            sampler.Sample(logits, NewState(program), tokens, prompt.Length, out int token, out _);
            int best = expect.GetProperty("argmax").GetInt32();
            return token == best && found.Ids.SequenceEqual([best]) ? null : $"{token} instead of {best}";
        }

        return DistributionDifference(expect, found, raw, program.Params);
    }

    private static string? DistributionDifference(
        JsonElement expect, Candidates found, float[] raw, SamplingParams p)
    {
        if (found.Count != expect.GetProperty("survivors").GetInt32())
        {
            return $"{found.Count} survivors instead of {expect.GetProperty("survivors")}";
        }

        var mine = new Dictionary<int, double>();
        for (int i = 0; i < found.Count; i++)
        {
            mine[found.Ids[i]] = found.Weights[i] / found.Total;
        }

        double largest = raw.Where(float.IsFinite).Max(Math.Abs);
        double temperature = Math.Max(p.Temperature, 0.01);
        double relative = 1e-5 + 2.4e-7 * largest / temperature;
        foreach (JsonElement pair in expect.GetProperty("probs").EnumerateArray())
        {
            double expected = pair[1].GetDouble();
            if (!mine.TryGetValue(pair[0].GetInt32(), out double probability))
            {
                return $"token {pair[0]} is missing";
            }

            if (!(Math.Abs(probability - expected) <= 1e-6 + expected * relative))
            {
                return $"token {pair[0]} has {probability} instead of {expected}";
            }
        }

        string joined = string.Join(',', found.Ids.ToArray());
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(joined)));
        return hash == expect.GetProperty("survivors_sha256").GetString() ? null : "other survivors";
    }

    private static SamplerState NewState(SamplingProgram program) => new(program, 1, 0, 4096);
}
