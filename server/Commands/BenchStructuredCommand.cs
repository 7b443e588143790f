using System.CommandLine;
using Engine.Grammar;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Server.Bench;
using Engine.Server.Sessions;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine bench structured: what jump-ahead gains on outputs that have a shape.</summary>
internal sealed class BenchStructuredCommand : Command
{
    private const string Person = """
        {"type":"object","properties":{"firstName":{"type":"string","maxLength":12},"familyName":{"type":"string",
        "maxLength":12},"isGrownUp":{"type":"boolean"},"favouriteColours":{"type":"array","maxItems":2,"items":
        {"enum":["ultramarine","vermilion"]}}},"required":["firstName","familyName","isGrownUp","favouriteColours"],
        "additionalProperties":false}
        """;

    private const string Call = """
        root ::= "{\"name\":\"get_weather\",\"arguments\":{\"city\":\"" [A-Za-z]{1,12} "\",\"unit\":\"" unit "\"}}"
        unit ::= "celsius" | "fahrenheit"
        """;

    private readonly Argument<string?> _modelArgument = new("model")
    {
        Description = "Folder, .gguf file or name on the hub. Default: the demo model.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string[]> _schemas = new("--schema")
    {
        Description = "File with a JSON Schema; repeatable. Default: three shapes that give more or less away.",
    };

    private readonly Option<string> _prompt = new("--prompt")
    {
        Description = "Text to go on from.",
        DefaultValueFactory = _ => "Once upon a time",
    };

    private readonly Option<int> _tokens = new("--gen-tokens", "-n")
    {
        Description = "Tokens to generate, at most.",
        DefaultValueFactory = _ => 128,
    };

    private readonly Option<double> _temperature = new("--temperature") { Description = "0 is greedy (the default)." };

    private readonly Option<int> _repetitions = new("--repetitions", "-r")
    {
        Description = "Measured runs of each shape, after one that is not.",
        DefaultValueFactory = _ => 5,
    };

    private readonly ModelArguments _model = new();
    private readonly EngineArguments _engine = new();

    public BenchStructuredCommand()
        : base("structured", "Measures structured outputs at batch 1, with jump-ahead and without.")
    {
        Arguments.Add(_modelArgument);
        Option[] own = [_schemas, _prompt, _tokens, _temperature, _repetitions];
        Array.ForEach(own, Options.Add);
        _model.AddTo(this);
        _engine.AddTo(this);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        using var interrupt = new Interrupt(cancellation);
        ModelLoadOptions load = _model.ToOptions(
            result, result.GetValue(_modelArgument) ?? DemoModel.Find(), result.GetValue(_engine.Seed), null);

        // A repeated run must compute what the first one did.
        EngineOptions given = _engine.ToOptions(result, load.MaxModelLen) with { EnablePrefixCaching = false };
        using EngineSession session = EngineSession.Open(
            load, given with { MaxNumSeqs = 1, NumBlocks = given.NumBlocks ?? 512 }, interrupt.Token);
        var bench = new StructuredBench(session.Worker);
        var results = new List<StructuredResult>();
        foreach ((string name, StructuredOutputs shape) in Shapes(result))
        {
            var sampling = new SamplingParams
            {
                Temperature = (float)result.GetValue(_temperature),
                MaxTokens = result.GetValue(_tokens),
                Seed = 1,
                StructuredOutputs = shape,
            };
            results.Add(await bench.RunAsync(
                name, result.GetValue(_prompt)!, sampling, Math.Max(1, result.GetValue(_repetitions)),
                interrupt.Token));
        }

        Console.WriteLine(
            $"{Path.GetFileName(load.Model.TrimEnd('/'))}, {session.DeviceName}, batch 1, medians of "
            + $"{results[0].TokensPerS.Count} runs in turns");
        Console.WriteLine();
        Console.WriteLine(StructuredBench.Table(results));
        return results.TrueForAll(r => r.IsSame) ? 0 : 1;
    }

    private List<(string Name, StructuredOutputs Shape)> Shapes(ParseResult result) =>
        result.GetValue(_schemas) is { Length: > 0 } files
            ?
            [
                .. files.Select(
                    file => (Path.GetFileName(file), new StructuredOutputs { Json = File.ReadAllText(file) })),
            ]
            :
            [
                ("built in: a person as JSON, white space free", new StructuredOutputs { Json = Person }),
                ("built in: a tool call, compact", new StructuredOutputs { Grammar = Call }),
                ("built in: free words", new StructuredOutputs { Regex = "[a-z ]{200,400}" }),
            ];
}
