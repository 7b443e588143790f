using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Engine.Server.Bench.Load;

/// <summary>All runs of one target, as the field counts them.</summary>
internal sealed class LoadReport(string name, IReadOnlyList<LoadRun> runs)
{
    private readonly double[] _ttftMs = Ascending(runs, record => [record.TtftMs]);
    private readonly double[] _tpotMs = Ascending(runs, record => [record.TpotMs]);
    private readonly double[] _itlMs = Ascending(runs, record => record.ItlsMs);

    /// <summary>Median over runs.</summary>
    public double RequestsPerS => Statistics.Median([.. runs.Select(run => run.Good.Count() / run.Seconds)]);

    /// <summary>Median over runs.</summary>
    public double TokensPerS =>
        Statistics.Median([.. runs.Select(run => run.Good.Sum(record => record.NumTokens) / run.Seconds)]);

    /// <summary>CPU time of the answerer per thousand tokens, median over runs; null where it does not tell.</summary>
    public double? CpuMsPerThousandTokens => runs.Any(run => run.CpuSeconds is null)
        ? null
        : Statistics.Median(
            [.. runs.Select(run => 1e6 * run.CpuSeconds!.Value / run.Good.Sum(record => record.NumTokens))]);

    public int NumFailed => runs.Sum(run => run.NumFailed);

    public int NumRetries => runs.Sum(run => run.Records.Sum(record => record.NumRetries));

    public string? FirstFailure =>
        runs.SelectMany(run => run.Records).FirstOrDefault(record => record.Failure is not null)?.Failure;

    public static string Table(IReadOnlyList<LoadReport> reports)
    {
        var text = new StringBuilder();
        text.AppendLine(
            "| target | requests/s | tokens/s | failed | sent again | TTFT p50 ms | p99 | TPOT p50 ms | p99 | ITL p50 ms | p99 "
            + "| CPU ms per 1000 tokens | first's tokens/s to it |");
        text.AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (LoadReport report in reports)
        {
            double ratio = reports[0].TokensPerS / report.TokensPerS;
            text.AppendLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {report.Name} | {report.RequestsPerS:F2} | {report.TokensPerS:F1} | {report.NumFailed} | {report.NumRetries} "
                + $"| {Row(report._ttftMs)} | {Row(report._tpotMs)} | {Row(report._itlMs)} | {report.CpuMsPerThousandTokens:F1} "
                + $"| {ratio:F2} |"));
        }

        foreach (LoadReport report in reports.Where(report => report.NumFailed > 0))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{report.Name}: first failure: {report.FirstFailure}");
        }

        return text.ToString();
    }

    private string Name => name;

    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("target", name);
        json.WriteNumber("request_throughput", RequestsPerS);
        json.WriteNumber("output_throughput", TokensPerS);
        json.WriteNumber("failed", NumFailed);
        json.WriteNumber("sent_again", NumRetries);
        if (CpuMsPerThousandTokens is { } cpu)
        {
            json.WriteNumber("cpu_ms_per_1000_tokens", cpu);
        }

        Write(json, "ttft", _ttftMs);
        Write(json, "tpot", _tpotMs);
        Write(json, "itl", _itlMs);
        json.WriteEndObject();
    }

    private static double[] Ascending(IReadOnlyList<LoadRun> runs, Func<LoadRecord, IEnumerable<double>> values) =>
        [.. runs.SelectMany(run => run.Good).SelectMany(values).Order()];

    private static void Write(Utf8JsonWriter json, string name, double[] ascending)
    {
        json.WriteNumber($"mean_{name}_ms", ascending.Length == 0 ? 0 : ascending.Average());
        foreach (int percent in new[] { 50, 90, 95, 99 })
        {
            json.WriteNumber($"p{percent}_{name}_ms", Statistics.Percentile(ascending, percent / 100.0));
        }
    }

    private static string Row(double[] ascending) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Statistics.Percentile(ascending, 0.5):F1} | {Statistics.Percentile(ascending, 0.99):F1}");
}
