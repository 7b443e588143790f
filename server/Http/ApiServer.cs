using System.Diagnostics;
using System.Net;
using Engine.Server.Http.Endpoints;
using Engine.Server.Http.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Engine.Server.Http;

/// <summary>The HTTP server over one engine. Signals are the command's business, not its.</summary>
internal sealed class ApiServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly RouteTable _routes;
    private readonly ApiKeys _apiKeys;
    private readonly ApiKeys _managementKeys;
    private readonly ServerOptions _options;
    private readonly ServedModel _model;
    private readonly AccessLog _log;

    public ApiServer(ServedModel model, ServerOptions options, TextWriter log)
    {
        _model = model;
        _options = options;
        _log = new AccessLog(log, options.LogRequests);
        _apiKeys = new ApiKeys(options.ApiKeys);
        _managementKeys = new ApiKeys(options.ManagementKeys);
        State = new ServerState(model.Engine);
        _routes = new RouteTable(EndpointList.Create(model, options, State, Metrics));
        _app = Build();
        _app.Run(HandleAsync);
    }

    public ServerState State { get; }

    public HttpMetrics Metrics { get; } = new();

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
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
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
        ListenAddress address = ListenAddress.Parse(_options.Host);
        if (!address.IsLoopback && _apiKeys.IsEmpty && !_options.AllowOpenBind)
        {
            throw EngineException.Invalid(
                "host",
                $"{_options.Host} can be reached from other machines and no --api-key is set; "
                + "set one, or say --allow-open-bind");
        }

        // A free port can be asked for one address only, and "localhost" is two.
        kestrel.Listen(address.Address, _options.Port, listen => listen.Protocols = HttpProtocols.Http1);
    }

    private async Task HandleAsync(HttpContext context)
    {
        long started = Stopwatch.GetTimestamp();
        string id = RequestId.Of(context);
        context.TraceIdentifier = id;
        context.Response.Headers[RequestId.Header] = id;
        string path = context.Request.Path.Value ?? "/";
        IReadOnlyList<Route> candidates = _routes.Find(path);
        try
        {
            await DispatchAsync(context, candidates);
        }
        catch (ApiException e)
        {
            await ErrorWriter.WriteAsync(context, e);
        }
        catch (EngineException e)
        {
            await ErrorWriter.WriteAsync(context, ApiException.From(e));
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
        }
        catch (Microsoft.AspNetCore.Http.BadHttpRequestException e)
        {
            await ErrorWriter.WriteAsync(context, new ApiException(e.StatusCode, e.Message));
        }
        catch (Exception e)
        {
            // One request's failure is its own: the client learns that, the log learns why.
            _log.WriteError(id, e);
            await ErrorWriter.WriteAsync(context, new ApiException(500, "An unexpected error; see the server's log."));
        }

        string handler = candidates.Count > 0 ? candidates[0].Path : "none";
        Metrics.Observe(handler, MethodName(context.Request.Method), context.Response.StatusCode, started);
        _log.Write(context, started);
    }

    private async Task DispatchAsync(HttpContext context, IReadOnlyList<Route> candidates)
    {
        Authorize(context, candidates.Count > 0 ? candidates[0].Access : RouteAccess.Guarded);
        if (candidates.Count == 0)
        {
            throw new ApiException(StatusCodes.Status404NotFound, "There is no such path.", type: "Not Found");
        }

        string method = HttpMethods.IsHead(context.Request.Method) ? HttpMethods.Get : context.Request.Method;
        Route? route = candidates.FirstOrDefault(candidate => HttpMethods.Equals(candidate.Method, method));
        if (route is null)
        {
            context.Response.Headers.Allow = string.Join(", ", candidates.Select(candidate => candidate.Method));
            throw new ApiException(
                StatusCodes.Status405MethodNotAllowed, "The path does not take this method.");
        }

        if (!route.IsWork)
        {
            await route.Handler(context);
            return;
        }

        State.Enter();
        try
        {
            await route.Handler(context);
        }
        finally
        {
            State.Leave();
        }
    }

    private void Authorize(HttpContext context, RouteAccess access)
    {
        if (access == RouteAccess.Open)
        {
            return;
        }

        ApiKeys keys = access == RouteAccess.Management && !_managementKeys.IsEmpty ? _managementKeys : _apiKeys;
        string? authorization = context.Request.Headers.Authorization;
        bool isPage = access == RouteAccess.Page;
        if (!keys.IsEmpty && !(isPage ? keys.AcceptsFromBrowser(authorization) : keys.Accepts(context.Request.Headers)))
        {
            // Of the page alone: a password that a browser keeps must not open what other sites can make it call.
            if (isPage) context.Response.Headers.WWWAuthenticate = "Basic realm=\"API key as password\"";
            throw new ApiException(StatusCodes.Status401Unauthorized, "A valid API key is needed.");
        }
    }

    // A client may invent methods; a label may not grow with them.
    private static string MethodName(string method) =>
        method is "GET" or "HEAD" or "POST" or "PUT" or "PATCH" or "DELETE" or "OPTIONS" ? method : "other";

    // The host's own lifetime would take the process's signals.
    private sealed class NoLifetime : IHostLifetime
    {
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
