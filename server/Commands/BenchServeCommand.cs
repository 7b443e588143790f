using System.CommandLine;
using Engine.Hosting;
using Engine.Server.Bench.Load;
using Engine.Server.Sessions;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine bench serve: a load of streams on servers in turns, and on the library without HTTP.</summary>
internal sealed class BenchServeCommand : Command
{
    private readonly Option<string[]> _urls = new("--base-url")
    {
        Description = "Server under load; repeatable: they take turns.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _library = new("--library")
    {
        Description = "Model to put the same load on in this process, without HTTP.",
    };

    private readonly Option<string?> _served = new("--served-model-name")
    {
        Description = "Name of the model in the requests. Default: none.",
    };

    private readonly Option<string?> _apiKey = new("--api-key") { Description = "Key of the servers." };

    private readonly Option<int> _numRequests = Number("--num-prompts", 256, "Requests of a run.");

    private readonly Option<int> _concurrency = Number("--max-concurrency", 256, "Requests at once.");

    private readonly Option<int> _promptWords = Number("--random-input-len", 32, "Words of a prompt.");

    private readonly Option<int> _outputTokens = Number("--random-output-len", 64, "Tokens of an answer.");

    private readonly Option<int> _repetitions = Number("--repetitions", 3, "Measured runs, after one that is not.");

    private readonly Option<int> _maxRetries = Number(
        "--max-retries", 5, "How often a request is sent again that the server closed the connection on, unanswered.");

    private readonly Option<bool> _json = new("--json") { Description = "JSON in place of the table." };

    private readonly ModelArguments _model = new();
    private readonly EngineArguments _engine = new();

    public BenchServeCommand()
        : base("serve", "Measures a server under load: requests/s, TTFT, TPOT, ITL.")
    {
        Option[] own =
        [
            _urls, _library, _served, _apiKey, _numRequests, _concurrency, _promptWords, _outputTokens, _repetitions,
            _maxRetries, _json,
        ];
        Array.ForEach(own, Options.Add);
        _model.AddTo(this);
        _engine.AddTo(this);
        SetAction(RunAsync);
    }

    private static Option<int> Number(string name, int value, string description) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => value,
    };

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        using var interrupt = new Interrupt(cancellation);
        var shape = new LoadShape
        {
            NumRequests = AtLeastOne(result, _numRequests),
            MaxConcurrency = AtLeastOne(result, _concurrency),
            NumPromptWords = AtLeastOne(result, _promptWords),
            NumOutputTokens = AtLeastOne(result, _outputTokens),
            Seed = unchecked((int)result.GetValue(_engine.Seed)),
        };
        List<LoadTarget> targets = Targets(result, interrupt.Token);
        try
        {
            List<LoadRun>[] runs = [.. targets.Select(_ => new List<LoadRun>())];
            int repetitions = AtLeastOne(result, _repetitions);
            for (int run = 0; run <= repetitions; run++)
            {
                for (int i = 0; i < targets.Count; i++)
                {
                    LoadRun measured = await LoadRunner.RunAsync(targets[i], shape, run, interrupt.Token);
                    if (run > 0) runs[i].Add(measured);
                }
            }

            List<LoadReport> reports = [.. targets.Select((target, i) => new LoadReport(target.Name, runs[i]))];
            Console.WriteLine(result.GetValue(_json) ? Json(reports) : LoadReport.Table(reports));
            return reports.TrueForAll(report => report.NumFailed == 0) ? 0 : 1;
        }
        finally
        {
            targets.ForEach(target => target.Dispose());
        }
    }

    private List<LoadTarget> Targets(ParseResult result, CancellationToken cancellation)
    {
        var targets = new List<LoadTarget>();
        int maxRetries = result.GetValue(_maxRetries) is var retries and >= 0
            ? retries
            : throw EngineException.Invalid("max-retries", "must be at least 0");
        foreach (string text in result.GetValue(_urls) ?? [])
        {
            Uri url = Uri.TryCreate(text, UriKind.Absolute, out Uri? given) && given.Scheme is "http" or "https"
                ? given!
                : throw EngineException.Invalid("base-url", $"expected http://HOST:PORT, found \"{text}\"");
            targets.Add(new HttpLoadTarget(url, result.GetValue(_served), result.GetValue(_apiKey), maxRetries));
        }

        if (result.GetValue(_library) is { } library)
        {
            ModelLoadOptions load = _model.ToOptions(result, library, result.GetValue(_engine.Seed), null);
            targets.Add(new LibraryLoadTarget(
                EngineSession.Open(load, _engine.ToOptions(result, load.MaxModelLen), cancellation)));
        }

        return targets.Count > 0
            ? targets
            : throw EngineException.Invalid("base-url", "a server or --library is needed");
    }

    private static int AtLeastOne(ParseResult result, Option<int> option) =>
        result.GetValue(option) is var value and > 0
            ? value
            : throw EngineException.Invalid(option.Name.TrimStart('-'), "must be at least 1");

    private static string Json(List<LoadReport> reports) => JsonText.Write(
        json =>
        {
            json.WriteStartArray();
            reports.ForEach(report => report.WriteJson(json));
            json.WriteEndArray();
        },
        isIndented: true);
}
