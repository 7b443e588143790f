using System.Diagnostics;
using System.Net;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Security;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Engine.Server.Http;

/// <summary>The HTTP server over one engine. Signals are the command's business, not its.</summary>
internal sealed class ApiServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly RequestPipeline _pipeline;
    private readonly ServerOptions _options;
    private readonly ServedModel _model;
    private readonly TextWriter _log;

    public ApiServer(ServedModel model, ServerOptions options, TextWriter log)
    {
        _model = model;
        _options = options;
        _log = TextWriter.Synchronized(log);
        _pipeline = new RequestPipeline(model, options, _log);
        _app = Build();
        _app.Run(_pipeline.HandleAsync);
    }

    public ServerState State => _pipeline.State;

    public HttpMetrics Metrics => _pipeline.Metrics;

    /// <summary>Where it listens; known once started.</summary>
    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features
        .Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>Listens.</summary>
    /// <exception cref="EngineException">InvalidArgument for an address that is refused, Io if it is taken.</exception>
    public async Task StartAsync(CancellationToken cancellation = default)
    {
        try
        {
            await _app.StartAsync(cancellation);
        }
        catch (IOException e)
        {
            throw new EngineException(
                EngineStatus.Io, $"cannot listen on {_options.Host}:{_options.Port}: {e.Message}", "port", e);
        }
    }

    /// <summary>
    /// Takes nothing new, lets streams go on for the drain timeout, ends the rest with an error,
    /// and closes. True if all ended by themselves.
    /// </summary>
    public async Task<bool> DrainAsync()
    {
        State.BeginDrain();
        bool isClean = await Task.Run(() => _model.Engine.Shutdown(_options.DrainTimeout));

        // The last events are with the requests' own tasks now; they only have to be written.
        long started = Stopwatch.GetTimestamp();
        while (State.NumActive > 0 && Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(2))
        {
            await Task.Delay(10);
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await _app.StopAsync(limit.Token);
        return isClean;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private WebApplication Build()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();

        // Handlers await and never block: what a socket has to do is done where it was asked, not queued again.
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = _options.MaxBodyBytes;
            kestrel.Limits.MaxRequestHeadersTotalSize = _options.MaxHeaderBytes;
            kestrel.Limits.MaxRequestHeaderCount = _options.MaxHeaders;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
            Listen(kestrel);
        });
        return builder.Build();
    }

    private void Listen(KestrelServerOptions kestrel)
    {
        if (_options.UnixSocket is { } path)
        {
            // Who may open it is for the folder's permissions to say.
            File.Delete(path);
            kestrel.ListenUnixSocket(path, Configure);
            return;
        }

        ListenAddress address = ListenAddress.Parse(_options.Host);
        bool isLocked = _options.ApiKeys.Count > 0
            || _options.Tls?.ClientCertificates == ClientCertificates.Required;
        if (!address.IsLoopback && !isLocked && !_options.AllowOpenBind)
        {
            throw EngineException.Invalid(
                "host",
                $"{_options.Host} can be reached from other machines and no --api-key is set; "
                + "set one, or say --allow-open-bind");
        }

        // A free port can be asked for one address only, and "localhost" is two.
        kestrel.Listen(address.Address, _options.Port, Configure);
    }

    private void Configure(ListenOptions listen)
    {
        listen.Protocols = HttpProtocols.Http1;
        if (_options.Tls is { } tls)
        {
            var certificates = new TlsCertificates(tls, _log);
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = _ => ValueTask.FromResult(certificates.Current),
                HandshakeTimeout = TimeSpan.FromSeconds(15),
            });
        }
    }

    // The host's own lifetime would take the process's signals.
    private sealed class NoLifetime : IHostLifetime
    {
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
