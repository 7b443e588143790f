using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Engine.Hosting;
using Engine.Pooling;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Pooling;
using Engine.Server.Sessions;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine serve: the OpenAI-compatible HTTP server.</summary>
internal sealed class ServeCommand : Command
{
    private readonly Argument<string?> _modelArgument = new("model")
    {
        Description = "Folder, .gguf file or name on the hub. Default: the demo model.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly ModelArguments _model = new();
    private readonly EngineArguments _engine = new();
    private readonly ServeArguments _serve = new();

    public ServeCommand()
        : base("serve", "Serves a model over HTTP as OpenAI and vLLM do.")
    {
        Arguments.Add(_modelArgument);
        _serve.AddTo(this);
        _model.AddTo(this);
        _engine.AddTo(this);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        ServerOptions options = _serve.ToOptions(result);
        using var signals = new Interrupt(cancellation);
        using ProgressBar progress = ProgressBar.OnStandardError();
        string? positional = result.GetValue(_modelArgument);
        ModelLoadOptions load = _model.ToOptions(result, positional, result.GetValue(_engine.Seed), progress);
        EngineOptions engine = _engine.ToOptions(result, load.MaxModelLen);
        if (_serve.IsPooling(result, load, signals.Token))
        {
            using PoolingModel pooling = PoolingModel.Load(load, signals.Token);
            using var worker = new PoolingWorker(pooling, engine);
            progress.Dispose();
            ServedModel pooled = PoolingBackend.Serve(worker, engine, Names(result, load.Model), load.Model);
            return await ServeAsync(pooled, pooling.DeviceName, options, started, signals.Token);
        }

        using EngineSession session = EngineSession.Open(load, engine, signals.Token);
        progress.Dispose();
        string? template = result.GetValue(_serve.ChatTemplate);
        ChatTemplateRendering chat = session.ChatRendering(
            template, options.ChatTemplateContentFormat, options.AllowControlTokens);
        var served = new ServedModel
        {
            Engine = new WorkerBackend(session.Worker),
            Names = Names(result, load.Model),
            Root = load.Model,
            DefaultSampling = session.DefaultSampling,
            Chat = chat.Renderer,
            Formats = _serve.Formats(result, chat.Source),
        };
        return await ServeAsync(served, session.DeviceName, options, started, signals.Token);
    }

    private static async Task<int> ServeAsync(
        ServedModel served, string deviceName, ServerOptions options, long started, CancellationToken cancellation)
    {
        await using var server = new ApiServer(served, options, Console.Error);
        await server.StartAsync(cancellation);
        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"engine {ProductVersion.Text}: {served.Name} on {server.Address} ({deviceName}), "
            + $"up in {Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0} ms"));
        await WaitAsync(cancellation);
        // The line comes after the state: whoever reads it finds /readyz at 503.
        Task<bool> drain = server.DrainAsync();
        Console.Error.WriteLine(
            $"shutting down: up to {options.DrainTimeout.TotalSeconds:F0} s for {server.State.NumActive} requests");
        bool isClean = await drain;
        Console.Error.WriteLine(isClean ? "all requests ended" : "some requests were ended early");
        return 0;
    }

    private string[] Names(ParseResult result, string model) =>
        result.GetValue(_serve.ServedModelName) is { Length: > 0 } names ? names : [model];

    private static async Task WaitAsync(CancellationToken cancellation)
    {
        try
        {
            await Task.Delay(Timeout.Infinite, cancellation);
        }
        catch (OperationCanceledException)
        {
            // The first signal; what follows is the drain.
        }
    }
}
