using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Sessions;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine serve: the OpenAI-compatible HTTP server.</summary>
internal sealed class ServeCommand : Command
{
    private readonly ServingArguments _serving = new();
    private readonly ServeArguments _serve = new();

    public ServeCommand()
        : base("serve", "Serves a model over HTTP as OpenAI and vLLM do.")
    {
        _serve.AddTo(this);
        _serving.AddTo(this);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        ServerOptions options = _serve.ToOptions(result, _serving.ToOptions(result));
        using IDisposable? traces = _serve.StartTraces(result);
        using var signals = new Interrupt(cancellation);
        using ServingSession session = _serving.Open(result, options, engine => engine, signals.Token);
        return await ServeAsync(session.Model, session.DeviceName, options, started, signals.Token);
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
