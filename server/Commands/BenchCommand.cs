using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Engine.Devices.Cpu;
using Engine.Hosting;
using Engine.Server.Bench;
using Engine.Server.Sessions;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine bench: prefill and decode rates beside what the machine can do.</summary>
internal sealed class BenchCommand : Command
{
    private readonly Argument<string?> _modelArgument = new("model")
    {
        Description = "Folder, .gguf file or name on the hub; config.json is enough with --load-format dummy.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string> _prompts = new("--prompt-tokens", "-p")
    {
        Description = "Prompt lengths to prefill, comma-separated; 0 is none.",
        DefaultValueFactory = _ => "512",
    };

    private readonly Option<string> _generates = new("--gen-tokens", "-n")
    {
        Description = "Numbers of tokens to generate, comma-separated; 0 is none.",
        DefaultValueFactory = _ => "128",
    };

    private readonly Option<string> _batches = new("--batch", "-b")
    {
        Description = "Requests at once, comma-separated.",
        DefaultValueFactory = _ => "1",
    };

    private readonly Option<int> _depth = new("--depth", "-d") { Description = "Context before generation." };

    private readonly Option<int> _repetitions = new("--repetitions", "-r")
    {
        Description = "Measured runs of each test, after one that is not.",
        DefaultValueFactory = _ => 3,
    };

    private readonly Option<bool> _json = new("--json") { Description = "JSON in place of the table." };

    private readonly Option<string?> _output = new("--output-json", "-o") { Description = "Writes the JSON to a file, too." };

    private readonly Option<string?> _plot = new("--plot") { Description = "Writes an SVG picture." };

    private readonly Option<string?> _llama = new("--compare-llama")
    {
        Description = "Folder with llama-bench and llama-batched-bench: runs them in turns with ours.",
    };

    private readonly Option<string?> _gguf = new("--gguf") { Description = "The same model for llama.cpp." };

    private readonly ModelArguments _model = new();
    private readonly EngineArguments _engine = new();

    public BenchCommand()
        : base("bench", "Measures prefill and decode.")
    {
        Arguments.Add(_modelArgument);
        Option[] own =
        [
            _prompts, _generates, _batches, _depth, _repetitions, _json, _output, _plot, _llama, _gguf,
        ];
        Array.ForEach(own, Options.Add);
        _model.AddTo(this);
        _engine.AddTo(this);
        Subcommands.Add(new BenchServeCommand());
        Subcommands.Add(new BenchSpeculationCommand());
        Subcommands.Add(new BenchStructuredCommand());
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        List<BenchCase> cases = Cases(result);
        using var interrupt = new Interrupt(cancellation);
        using ProgressBar? progress = result.GetValue(_json) ? null : ProgressBar.OnStandardError();
        long seed = result.GetValue(_engine.Seed);
        ModelLoadOptions load = _model.ToOptions(result, result.GetValue(_modelArgument), seed, progress);
        long started = Stopwatch.GetTimestamp();
        using EngineSession session = EngineSession.Open(load, Limits(result, cases, load), interrupt.Token);
        double loadS = Stopwatch.GetElapsedTime(started).TotalSeconds;
        progress?.Dispose();
        long loadPeakBytes = PeakMemory.OfThisProcess();
        CpuPeak peak = CpuPeak.Measure(load.NumThreads);
        PeakMemory.Reset();
        LlamaComparison? llama = Comparison(result, session);
        List<BenchResult> results = await MeasureAsync(result, session, cases, llama, interrupt.Token);
        var report = new BenchReport
        {
            Command = "engine " + string.Join(' ', Environment.GetCommandLineArgs().Skip(1)),
            Model = Path.GetFileName(load.Model.TrimEnd('/')),
            Device = session.DeviceName,
            Dtype = session.Dtype,
            WeightBytes = session.WeightBytes,
            LoadS = loadS,
            LoadPeakBytes = loadPeakBytes,
            RunPeakBytes = PeakMemory.OfThisProcess(),
            OtherPeakBytes = llama?.PeakBytes ?? 0,
            Peak = peak,
            Results = results,
            OtherCommands = llama is null ? [] : [.. cases.Select(llama.CommandOf)],
        };
        Print(result, report);
        return 0;
    }

    private async Task<List<BenchResult>> MeasureAsync(
        ParseResult result,
        EngineSession session,
        List<BenchCase> cases,
        LlamaComparison? llama,
        CancellationToken cancellation)
    {
        var runner = new BenchRunner(session.Worker, result.GetValue(_engine.Seed));
        var results = new List<BenchResult>();
        foreach (BenchCase bench in cases)
        {
            await runner.RunAsync(bench, cancellation);
            (double steps, double kernels) = runner.Seconds;
            var samples = new List<BenchSample>();
            var others = new List<double>();
            for (int i = 0; i < Math.Max(1, result.GetValue(_repetitions)); i++)
            {
                samples.Add(await runner.RunAsync(bench, cancellation));
                if (llama is not null)
                {
                    others.Add(await llama.RunAsync(bench, cancellation));
                }
            }

            (double stepsNow, double kernelsNow) = runner.Seconds;
            results.Add(new BenchResult
            {
                Case = bench,
                OverheadShare = stepsNow > steps
                    ? Math.Max(0, 1 - ((kernelsNow - kernels) / (stepsNow - steps)))
                    : 0,
                Samples = [.. samples.Select(sample => sample.TokensPerS)],
                LatenciesMs = [.. samples.SelectMany(sample => sample.LatenciesMs).Order()],
                BytesPerStep = session.BytesPerStep(bench.Batch, Math.Max(1, bench.Depth) + (bench.NumTokens / 2)),
                FlopsPerToken = session.FlopsPerPromptToken,
                OtherSamples = others,
            });
        }

        return results;
    }

    private void Print(ParseResult result, BenchReport report)
    {
        string json = JsonText.Write(report.WriteJson, isIndented: true);
        Console.WriteLine(result.GetValue(_json) ? json : report.ToTable());
        if (result.GetValue(_output) is { } file)
        {
            File.WriteAllText(file, json + "\n");
        }

        if (result.GetValue(_plot) is { } plot)
        {
            File.WriteAllText(plot, SvgPlot.Draw(report));
        }
    }

    private LlamaComparison? Comparison(ParseResult result, EngineSession session)
    {
        if (result.GetValue(_llama) is not { } folder)
        {
            return null;
        }

        string gguf = result.GetValue(_gguf)
            ?? throw EngineException.Invalid("gguf", "is needed with --compare-llama");
        int threads = result.GetValue(_model.Threads);
        return new LlamaComparison(folder, gguf, threads > 0 ? threads : CpuDevice.CpuCount);
    }

    // Nothing may be cached, nothing may wait: the rates are the engine's, not the scheduler's luck.
    private EngineOptions Limits(ParseResult result, List<BenchCase> cases, ModelLoadOptions load)
    {
        int maxBatch = cases.Max(bench => bench.Batch);
        int maxLen = cases.Max(bench =>
            bench.Kind == BenchCase.Prefill ? bench.NumTokens + 1 : Math.Max(1, bench.Depth) + bench.NumTokens + 1);
        EngineOptions given = _engine.ToOptions(result, load.MaxModelLen);
        return new EngineOptions
        {
            BlockSize = given.BlockSize,
            NumBlocks = given.NumBlocks ?? maxBatch * (((maxLen + given.BlockSize - 1) / given.BlockSize) + 1),
            KvCacheMemoryBytes = given.KvCacheMemoryBytes,
            KvCacheDtype = given.KvCacheDtype,
            MaxNumSeqs = Math.Max(maxBatch, 1),
            MaxNumBatchedTokens = Math.Max(given.MaxNumBatchedTokens, maxBatch),
            MaxModelLen = Math.Max(maxLen, given.MaxModelLen ?? 0),
            EnablePrefixCaching = false,
            EnableChunkedPrefill = given.EnableChunkedPrefill,
            Seed = given.Seed,
            Speculative = given.Speculative,
        };
    }

    private List<BenchCase> Cases(ParseResult result)
    {
        int depth = result.GetValue(_depth);
        List<int> batches = Numbers(result.GetValue(_batches)!, "batch");
        var cases = new List<BenchCase>();
        foreach (int batch in batches)
        {
            cases.AddRange(Numbers(result.GetValue(_prompts)!, "prompt-tokens")
                .Select(count => new BenchCase(BenchCase.Prefill, count, batch, 0)));
            cases.AddRange(Numbers(result.GetValue(_generates)!, "gen-tokens")
                .Select(count => new BenchCase(BenchCase.Decode, count, batch, depth)));
        }

        return cases.Count > 0 ? cases : throw EngineException.Invalid("prompt-tokens", "nothing is left to measure");
    }

    private static List<int> Numbers(string text, string name)
    {
        var numbers = new List<int>();
        foreach (string part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                throw EngineException.Invalid(name, $"'{part}' is no number");
            }

            if (number > 0)
            {
                numbers.Add(number);
            }
        }

        return numbers;
    }
}
