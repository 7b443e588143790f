using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Engine.Server.Bench;

/// <summary>Runs llama.cpp's own benchmark programs on the same case, right after ours.</summary>
internal sealed class LlamaComparison
{
    private readonly string _bench;
    private readonly string _batchedBench;
    private readonly string _gguf;
    private readonly int _numThreads;

    /// <param name="folder">Holds llama-bench and, for batches, llama-batched-bench.</param>
    /// <param name="gguf">The model in llama.cpp's format.</param>
    /// <param name="numThreads">As many as our own engine has.</param>
    public LlamaComparison(string folder, string gguf, int numThreads)
    {
        _bench = Path.Combine(folder, "llama-bench");
        _batchedBench = Path.Combine(folder, "llama-batched-bench");
        _gguf = gguf;
        _numThreads = numThreads;
        foreach (string file in new[] { _bench, gguf })
        {
            if (!File.Exists(file))
            {
                throw new EngineException(EngineStatus.NotFound, $"{file}: no such file", "compare-llama");
            }
        }
    }

    /// <summary>The most memory that one of its programs had resident, in bytes.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>The command of a case, for the report.</summary>
    public string CommandOf(BenchCase bench) => string.Join(' ', [ProgramOf(bench), .. ArgumentsOf(bench)]);

    /// <summary>Tokens per second of one run.</summary>
    public async Task<double> RunAsync(BenchCase bench, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(ProgramOf(bench), ArgumentsOf(bench))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)
            ?? throw new EngineException(EngineStatus.Io, $"cannot start {start.FileName}");
        Task<string> error = process.StandardError.ReadToEndAsync(cancellation);
        Task<long> peak = PeakMemory.WatchAsync(process, cancellation);
        string output = await process.StandardOutput.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        PeakBytes = Math.Max(PeakBytes, await peak);
        if (process.ExitCode != 0)
        {
            throw new EngineException(
                EngineStatus.Io, $"{CommandOf(bench)} ended with {process.ExitCode}: {await error}");
        }

        return bench.Batch == 1 ? ParseBench(output) : ParseBatched(output, bench);
    }

    /// <summary>avg_ts of llama-bench -o json.</summary>
    public static double ParseBench(string output)
    {
        int begin = output.IndexOf('[', StringComparison.Ordinal);
        try
        {
            using JsonDocument document = JsonDocument.Parse(begin < 0 ? output : output[begin..]);
            return document.RootElement[0].GetProperty("avg_ts").GetDouble();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException
            or IndexOutOfRangeException)
        {
            throw new EngineException(EngineStatus.CorruptData, "llama-bench gave no avg_ts", innerException: e);
        }
    }

    /// <summary>speed_pp or speed_tg of llama-batched-bench --output-format jsonl.</summary>
    public static double ParseBatched(string output, BenchCase bench)
    {
        string? line = output.Split('\n').LastOrDefault(text => text.StartsWith('{'));
        try
        {
            using JsonDocument document = JsonDocument.Parse(line ?? "");
            return document.RootElement
                .GetProperty(bench.Kind == BenchCase.Prefill ? "speed_pp" : "speed_tg").GetDouble();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new EngineException(EngineStatus.CorruptData, "llama-batched-bench gave no speed", innerException: e);
        }
    }

    private string ProgramOf(BenchCase bench) => bench.Batch == 1 ? _bench : _batchedBench;

    private string[] ArgumentsOf(BenchCase bench)
    {
        bool isPrefill = bench.Kind == BenchCase.Prefill;
        int numPrompt = isPrefill ? bench.NumTokens : Math.Max(1, bench.Depth);
        int numNew = isPrefill ? 1 : bench.NumTokens;
        return bench.Batch == 1
            ?
            [
                "-m", _gguf, "-t", Text(_numThreads), "-r", "1", "-o", "json", "-d", Text(bench.Depth),
                "-p", Text(isPrefill ? bench.NumTokens : 0), "-n", Text(isPrefill ? 0 : bench.NumTokens),
            ]
            :
            [
                "-m", _gguf, "-t", Text(_numThreads), "--output-format", "jsonl",
                "-c", Text(bench.Batch * (numPrompt + numNew)), "-b", "2048", "-ub", "512",
                "-npp", Text(numPrompt), "-ntg", Text(numNew), "-npl", Text(bench.Batch),
            ];
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
