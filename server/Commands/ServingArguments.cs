using System.CommandLine;
using Engine.Hosting;
using Engine.Server.Http;
using Engine.Server.Sessions;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>All that says which model answers and how: what serve and run-batch share.</summary>
internal sealed class ServingArguments
{
    private readonly Argument<string?> _positional = new("model")
    {
        Description = "Folder, .gguf file or name on the hub. Default: the demo model.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly ModelArguments _model = new();
    private readonly EngineArguments _engine = new();
    private readonly ServedModelArguments _served = new();
    private readonly DefaultsArguments _defaults = new();

    public void AddTo(Command command)
    {
        command.Arguments.Add(_positional);
        _served.AddTo(command);
        _defaults.AddTo(command);
        _model.AddTo(command);
        _engine.AddTo(command);
    }

    /// <summary>Server options that these arguments set; the rest is the default.</summary>
    public ServerOptions ToOptions(ParseResult result) => _defaults.ToOptions(result, _served.ToOptions(result));

    /// <summary>Loads the model, with a bar on standard error, and starts its engine.</summary>
    /// <param name="result">The command line.</param>
    /// <param name="options">The server's.</param>
    /// <param name="adapt">Changes the engine's limits.</param>
    /// <param name="cancellation">Stops loading.</param>
    public ServingSession Open(
        ParseResult result,
        ServerOptions options,
        Func<EngineOptions, EngineOptions> adapt,
        CancellationToken cancellation)
    {
        using ProgressBar progress = ProgressBar.OnStandardError();
        ModelLoadOptions load = _model.ToOptions(
            result, result.GetValue(_positional), result.GetValue(_engine.Seed), progress,
            runner: _served.Runner(result) is var runner and not "auto" ? runner : _defaults.Runner(result) ?? "auto");
        EngineOptions engine = adapt(_engine.ToOptions(result, load.MaxModelLen));
        return ServingSession.Open(
            load, engine, _served.Names(result, load.Model), options, _served.ChatTemplate(result),
            template => _served.Formats(result, template),
            (ofModel, vocabSize) => _defaults.Sampling(result, ofModel, vocabSize), cancellation);
    }
}
