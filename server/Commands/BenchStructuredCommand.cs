using System.CommandLine;
using Engine.Grammar;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Server.Bench;
using Engine.Server.Sessions;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine bench structured: what jump-ahead gains on outputs that have a shape.</summary>
internal sealed class BenchStructuredCommand : TurnsBenchCommand
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

    private readonly Option<string[]> _schemas = new("--schema")
    {
        Description = "File with a JSON Schema; repeatable. Default: three shapes that give more or less away.",
    };

    private readonly Option<string> _prompt = new("--prompt")
    {
        Description = "Text to go on from.",
        DefaultValueFactory = _ => "Once upon a time",
    };

    public BenchStructuredCommand()
        : base("structured", "Measures structured outputs at batch 1, with jump-ahead and without.")
    {
        Options.Add(_schemas);
        Options.Add(_prompt);
    }

    protected override async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        using var interrupt = new Interrupt(cancellation);
        (ModelLoadOptions load, EngineOptions limits) = Loading(result);
        using EngineSession session = EngineSession.Open(load, limits, interrupt.Token);
        var bench = new StructuredBench(session.Worker);
        var results = new List<StructuredResult>();
        foreach ((string name, StructuredOutputs shape) in Shapes(result))
        {
            SamplingParams sampling = Sampling(result) with { StructuredOutputs = shape };
            results.Add(await bench.RunAsync(
                name, result.GetValue(_prompt)!, sampling, Repetitions(result), interrupt.Token));
        }

        Console.WriteLine(Title(load, session.DeviceName, results[0].TokensPerS.Count));
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
