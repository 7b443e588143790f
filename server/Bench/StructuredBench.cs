using System.Globalization;
using System.Text;
using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Server.Bench;

/// <summary>What one shape of output took without and with jump-ahead, in turns.</summary>
/// <param name="Name">Of the shape.</param>
/// <param name="PlainTokensPerS">Each run's rate without.</param>
/// <param name="TokensPerS">Each run's rate with.</param>
/// <param name="NumTokens">Of one output.</param>
/// <param name="NumSteps">Steps of all measured runs with jump-ahead.</param>
/// <param name="NumForeseen">Tokens foreseen in them.</param>
/// <param name="NumAccepted">Of those, what was sampled.</param>
/// <param name="IsSame">Both gave the same tokens, always.</param>
internal sealed record StructuredResult(
    string Name, IReadOnlyList<double> PlainTokensPerS, IReadOnlyList<double> TokensPerS, int NumTokens, long NumSteps,
    long NumForeseen, long NumAccepted, bool IsSame);

/// <summary>Runs requests with a grammar one at a time, with jump-ahead and without.</summary>
internal sealed class StructuredBench(EngineWorker worker)
{
    /// <summary>One request, once unmeasured and then some times, without and with in turns.</summary>
    public async Task<StructuredResult> RunAsync(
        string name, string prompt, SamplingParams sampling, int repetitions, CancellationToken cancellation)
    {
        var request = new GenerationRequest { Prompt = prompt, Sampling = sampling };
        var plain = new GenerationRequest { Prompt = prompt, Sampling = sampling with { Speculative = false } };
        List<double> without = [], with = [];
        bool isSame = true;
        long steps = 0, foreseen = 0, accepted = 0;
        int numTokens = 0;
        for (int run = 0; run <= repetitions; run++)
        {
            (double plainRate, List<int> expected) = await SpeculationBench.RunAsync(worker, plain, cancellation);
            EngineMetricsSnapshot before = worker.Metrics;
            (double rate, List<int> found) = await SpeculationBench.RunAsync(worker, request, cancellation);
            EngineMetricsSnapshot after = worker.Metrics;
            isSame &= found.SequenceEqual(expected);
            numTokens = found.Count;
            if (run == 0)
            {
                continue;
            }

            without.Add(plainRate);
            with.Add(rate);
            steps += after.NumSteps - before.NumSteps;
            foreseen += after.JumpAheadNumTokens - before.JumpAheadNumTokens;
            accepted += after.JumpAheadNumAcceptedTokens - before.JumpAheadNumAcceptedTokens;
        }

        return new StructuredResult(name, without, with, numTokens, steps, foreseen, accepted, isSame);
    }

    /// <summary>For a terminal and for Markdown alike.</summary>
    public static string Table(IReadOnlyList<StructuredResult> results)
    {
        var text = new StringBuilder();
        text.AppendLine("| output | tokens | tokens/s | with jump-ahead | ratio | steps a run | accepted | same output |");
        text.AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
        foreach (StructuredResult r in results)
        {
            double plain = Statistics.Median(r.PlainTokensPerS), with = Statistics.Median(r.TokensPerS);
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {r.Name} | {r.NumTokens} | {plain:F1} | {with:F1} | {with / plain:F2} "
                + $"| {(double)r.NumSteps / r.TokensPerS.Count:F1} "
                + $"| {(double)r.NumAccepted / Math.Max(1, r.NumForeseen):P0} of {r.NumForeseen} "
                + $"| {(r.IsSame ? "yes" : "NO")} |");
        }

        return text.ToString();
    }
}
