using System.CommandLine;
using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Server.Commands;

/// <summary>A benchmark of one request at a time, with something and without it in turns.</summary>
internal abstract class TurnsBenchCommand : Command
{
    private readonly Argument<string?> _modelArgument = new("model")
    {
        Description = "Folder, .gguf file or name on the hub. Default: the demo model.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<int> _tokens = new("--gen-tokens", "-n")
    {
        Description = "Tokens to generate, at most.",
        DefaultValueFactory = _ => 128,
    };

    private readonly Option<double> _temperature = new("--temperature") { Description = "0 is greedy (the default)." };

    private readonly Option<int> _repetitions = new("--repetitions", "-r")
    {
        Description = "Measured runs of each row, after one that is not.",
        DefaultValueFactory = _ => 5,
    };

    private readonly ModelArguments _model = new();
    private readonly EngineArguments _engine = new();

    protected TurnsBenchCommand(string name, string description)
        : base(name, description)
    {
        Arguments.Add(_modelArgument);
        Options.Add(_tokens);
        Options.Add(_temperature);
        Options.Add(_repetitions);
        _model.AddTo(this);
        _engine.AddTo(this);
        SetAction(RunAsync);
    }

    protected abstract Task<int> RunAsync(ParseResult result, CancellationToken cancellation);

    protected int Repetitions(ParseResult result) => Math.Max(1, result.GetValue(_repetitions));

    protected SamplingParams Sampling(ParseResult result) => new()
    {
        Temperature = (float)result.GetValue(_temperature),
        MaxTokens = result.GetValue(_tokens),
        Seed = 1,
    };

    /// <summary>The model, and limits for one request that computes in each run what it did in the first.</summary>
    protected (ModelLoadOptions Load, EngineOptions Limits) Loading(ParseResult result)
    {
        ModelLoadOptions load = _model.ToOptions(
            result, result.GetValue(_modelArgument) ?? DemoModel.Find(), result.GetValue(_engine.Seed), null);
        EngineOptions given = _engine.ToOptions(result, load.MaxModelLen);
        return (load, given with
        {
            EnablePrefixCaching = false,
            MaxNumSeqs = 1,
            NumBlocks = given.NumBlocks ?? 512,
        });
    }

    /// <summary>What the figures are of.</summary>
    protected static string Title(ModelLoadOptions load, string device, int numRuns) =>
        $"{Path.GetFileName(load.Model.TrimEnd('/'))}, {device}, batch 1, medians of {numRuns} runs in turns";
}
