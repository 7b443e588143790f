using System.Globalization;
using System.Text;
using System.Text.Json;
using Engine.Devices.Cpu;
using Engine.Server.Terminal;

namespace Engine.Server.Bench;

/// <summary>Everything one benchmark run says about itself.</summary>
internal sealed record BenchReport
{
    public required string Command { get; init; }

    public required string Model { get; init; }

    public required string Device { get; init; }

    public required string Dtype { get; init; }

    public required long WeightBytes { get; init; }

    public required double LoadS { get; init; }

    /// <summary>Most memory resident while loading.</summary>
    public required long LoadPeakBytes { get; init; }

    /// <summary>Most memory resident while measuring.</summary>
    public required long RunPeakBytes { get; init; }

    /// <summary>llama.cpp's; 0 without comparison.</summary>
    public long OtherPeakBytes { get; init; }

    public required CpuPeak Peak { get; init; }

    public required IReadOnlyList<BenchResult> Results { get; init; }

    /// <summary>llama.cpp's command per result; empty without comparison.</summary>
    public IReadOnlyList<string> OtherCommands { get; init; } = [];

    /// <summary>What the processor multiplies at most in this model's type.</summary>
    public double PeakFlopsPerS => Dtype == "bfloat16" && Peak.DotFlopsPerS > 0 ? Peak.DotFlopsPerS : Peak.FmaFlopsPerS;

    /// <summary>For a terminal and for Markdown alike.</summary>
    public string ToTable()
    {
        var text = new StringBuilder();
        Line(text, $"{Model}, {Dtype}, {ByteText.Of(WeightBytes)} of weights, {Device}, loaded in {LoadS:F2} s");
        Line(text, $"peak, measured: read {Peak.ReadBytesPerS / 1e9:F1} GB/s, multiply-add {Peak.FmaFlopsPerS / 1e9:F0} GFLOP/s, bf16 dot {Peak.DotFlopsPerS / 1e9:F0} GFLOP/s");
        string other = OtherPeakBytes > 0 ? $"; llama.cpp {ByteText.Of(OtherPeakBytes)}" : "";
        Line(text, $"most memory resident: loading {ByteText.Of(LoadPeakBytes)}, running {ByteText.Of(RunPeakBytes)}{other}");
        Line(text, $"");
        bool isCompared = OtherCommands.Count > 0;
        Line(text, $"| test | batch | tokens/s | +- | p50 ms | p90 ms | p99 ms | GB/s | GFLOP/s | of peak | not kernels |{(isCompared ? " llama.cpp | ratio |" : "")}");
        Line(text, $"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |{(isCompared ? " ---: | ---: |" : "")}");
        foreach (BenchResult result in Results)
        {
            string row = string.Create(
                CultureInfo.InvariantCulture,
                $"| {result.Case.Name} | {result.Case.Batch} | {result.TokensPerS:F1} | {Statistics.Deviation(result.Samples):F1} | {Latency(result, 0.5):F2} | {Latency(result, 0.9):F2} | {Latency(result, 0.99):F2} | {result.BytesPerS / 1e9:F1} | {result.FlopsPerS / 1e9:F0} | {ShareOfPeak(result):P0} | {result.OverheadShare:P1} |");
            string ratio = isCompared
                ? string.Create(CultureInfo.InvariantCulture, $" {result.OtherTokensPerS:F1} | {Ratio(result):F2} |")
                : "";
            text.Append(row).Append(ratio).Append('\n');
        }

        if (isCompared)
        {
            Line(text, $"");
            Line(text, $"engine:    {Command}");
            foreach (string command in OtherCommands)
            {
                Line(text, $"llama.cpp: {command}");
            }
        }

        return text.ToString();
    }

    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("command", Command);
        json.WriteString("version", ProductVersion.Text);
        json.WriteString("model", Model);
        json.WriteString("device", Device);
        json.WriteString("dtype", Dtype);
        json.WriteNumber("weight_bytes", WeightBytes);
        json.WriteNumber("load_s", LoadS);
        json.WriteNumber("load_peak_bytes", LoadPeakBytes);
        json.WriteNumber("run_peak_bytes", RunPeakBytes);
        if (OtherPeakBytes > 0)
        {
            json.WriteNumber("llama_peak_bytes", OtherPeakBytes);
        }

        json.WriteStartObject("peak");
        json.WriteNumber("read_bytes_per_s", Peak.ReadBytesPerS);
        json.WriteNumber("fma_flops_per_s", Peak.FmaFlopsPerS);
        json.WriteNumber("bf16_dot_flops_per_s", Peak.DotFlopsPerS);
        json.WriteEndObject();
        json.WriteStartArray("results");
        for (int i = 0; i < Results.Count; i++)
        {
            WriteResult(json, Results[i], i < OtherCommands.Count ? OtherCommands[i] : null);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteResult(Utf8JsonWriter json, BenchResult result, string? otherCommand)
    {
        json.WriteStartObject();
        json.WriteString("test", result.Case.Name);
        json.WriteString("kind", result.Case.Kind);
        json.WriteNumber("tokens", result.Case.NumTokens);
        json.WriteNumber("batch", result.Case.Batch);
        json.WriteNumber("depth", result.Case.Depth);
        json.WriteNumber("tokens_per_s", result.TokensPerS);
        json.WriteNumber("tokens_per_s_deviation", Statistics.Deviation(result.Samples));
        WriteNumbers(json, "samples_tokens_per_s", result.Samples);
        foreach (int percent in new[] { 50, 90, 95, 99 })
        {
            json.WriteNumber($"latency_p{percent}_ms", Latency(result, percent / 100.0));
        }

        json.WriteNumber("bytes_per_s", result.BytesPerS);
        json.WriteNumber("flops_per_s", result.FlopsPerS);
        json.WriteNumber("share_of_peak", ShareOfPeak(result));
        json.WriteNumber("share_outside_kernels", result.OverheadShare);
        if (otherCommand is not null)
        {
            json.WriteNumber("llama_tokens_per_s", result.OtherTokensPerS);
            WriteNumbers(json, "llama_samples_tokens_per_s", result.OtherSamples);
            json.WriteNumber("ratio", Ratio(result));
            json.WriteString("llama_command", otherCommand);
        }

        json.WriteEndObject();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IReadOnlyList<double> values)
    {
        json.WriteStartArray(name);
        foreach (double value in values)
        {
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
    }

    private static double Latency(BenchResult result, double share) =>
        Statistics.Percentile(result.LatenciesMs, share);

    private static double Ratio(BenchResult result) =>
        result.OtherTokensPerS > 0 ? result.TokensPerS / result.OtherTokensPerS : 0;

    private double ShareOfPeak(BenchResult result)
    {
        double peak = result.Case.Kind == BenchCase.Decode ? Peak.ReadBytesPerS : PeakFlopsPerS;
        return peak > 0 ? (result.BytesPerS + result.FlopsPerS) / peak : 0;
    }

    private static void Line(StringBuilder text, FormattableString line) =>
        text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
