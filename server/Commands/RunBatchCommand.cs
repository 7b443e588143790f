using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Engine.Server.Batch;
using Engine.Server.Http;
using Engine.Server.Sessions;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine run-batch: a file of requests in OpenAI's batch form, answered into a file.</summary>
internal sealed class RunBatchCommand : Command
{
    // The reader sees to it that no more wait than can soon run; a batch has nobody to send away.
    private const int MaxQueueSize = 1 << 20;

    private readonly Option<string> _input = new("--input-file", "-i")
    {
        Description = "One request per line: {\"custom_id\", \"method\", \"url\", \"body\"}; - is standard input.",
        Required = true,
    };

    private readonly Option<string> _output = new("--output-file", "-o")
    {
        Description = "Gets one answer per line, in the same order; is there only when all of it is.",
        Required = true,
    };

    private readonly Option<bool> _resume = new("--resume")
    {
        Description = "Goes on where a run that was stopped has left off.",
    };

    private readonly Option[] _tolerated =
    [
        new Option<string>("--output-tmp-dir") { Hidden = true },
        new Option<string>("--response-role") { Hidden = true },
        new Option<string>("--max-log-len") { Hidden = true },
        new Option<bool>("--disable-log-requests") { Hidden = true },
        new Option<bool>("--disable-log-stats") { Hidden = true },
        new Option<bool>("--enable-prompt-tokens-details") { Hidden = true },
        new Option<bool>("--trust-remote-code") { Hidden = true },
    ];

    private readonly ServingArguments _serving = new();

    public RunBatchCommand()
        : base("run-batch", "Answers a file of requests as vLLM's run-batch and OpenAI's batches do.")
    {
        Options.Add(_input);
        Options.Add(_output);
        Options.Add(_resume);
        foreach (Option option in _tolerated)
        {
            Options.Add(option);
        }

        _serving.AddTo(this);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        ServerOptions options = _serving.ToOptions(result);
        string path = result.GetValue(_output)!;
        using var signals = new Interrupt(cancellation);
        await using Stream input = OpenInput(result.GetValue(_input)!, path);
        await using BatchOutput output = await BatchOutput.OpenAsync(path, result.GetValue(_resume), signals.Token);
        using ServingSession session = _serving.Open(
            result, options, engine => engine with { MaxQueueSize = MaxQueueSize }, signals.Token);
        long started = Stopwatch.GetTimestamp();
        try
        {
            BatchSummary summary = await RunAsync(session, options, input, output, signals.Token);
            await output.CompleteAsync();
            Print(summary, Stopwatch.GetElapsedTime(started), session, path);
            return 0;
        }
        catch (Exception)
        {
            Console.Error.WriteLine($"engine: what is answered is in {BatchOutput.PartialOf(path)}; --resume goes on");
            throw;
        }
    }

    private static async Task<BatchSummary> RunAsync(
        ServingSession session, ServerOptions options, Stream input, BatchOutput output, CancellationToken cancellation)
    {
        using ProgressBar progress = ProgressBar.OnStandardError();
        var answerer = new BatchAnswerer(session.Model, options, Console.Error);

        // As many again wait as run, so that no place in a step stays empty.
        int maxInFlight = 2 * session.Model.Engine.Options.MaxNumSeqs;
        var runner = new BatchRunner(answerer.AnswerAsync, maxInFlight, (int)options.MaxBodyBytes + (1 << 16));
        return await runner.RunAsync(
            input, input.CanSeek ? input.Length : 0, output, progress, cancellation);
    }

    private static Stream OpenInput(string input, string output)
    {
        if (input == "-")
        {
            return Console.OpenStandardInput();
        }

        if (input.Contains("://", StringComparison.Ordinal) || output.Contains("://", StringComparison.Ordinal))
        {
            throw new EngineException(EngineStatus.Unsupported, "run-batch takes files, not URLs", "input-file");
        }

        return Path.GetFullPath(input) == Path.GetFullPath(output)
            ? throw EngineException.Invalid("output-file", "must not be the input")
            : File.OpenRead(input);
    }

    private static void Print(BatchSummary summary, TimeSpan elapsed, ServingSession session, string path)
    {
        double numTokens = session.Model.Engine.Metrics.GenerationTokens;
        double seconds = Math.Max(1e-3, elapsed.TotalSeconds);
        string resumed = summary.NumResumed > 0 ? $", {summary.NumResumed} of them before" : "";
        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{summary.NumLines} lines answered into {path}{resumed}, {summary.NumErrors} with an error; {seconds:F1} s, "
            + $"{(summary.NumLines - summary.NumResumed) / seconds:F1} lines/s, {numTokens / seconds:F0} tokens/s"));
    }
}
