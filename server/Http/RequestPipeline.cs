using System.Diagnostics;
using Engine.Server.Http.Endpoints;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Security;

namespace Engine.Server.Http;

/// <summary>From a request to its answer, wherever it came from: a socket, or a line of a batch file.</summary>
internal sealed class RequestPipeline
{
    private readonly RouteTable _routes;
    private readonly ApiKeys _apiKeys;
    private readonly ApiKeys _managementKeys;
    private readonly AccessLog _log;
    private readonly Cors _cors;
    private readonly PathString _rootPath;

    /// <param name="model">What is served.</param>
    /// <param name="options">Limits and keys.</param>
    /// <param name="log">A line per request, and what went wrong inside.</param>
    public RequestPipeline(ServedModel model, ServerOptions options, TextWriter log)
    {
        _log = new AccessLog(log, options.LogRequests, options.QuietPaths);
        _apiKeys = new ApiKeys(options.ApiKeys);
        _managementKeys = new ApiKeys(options.ManagementKeys);
        _cors = new Cors(options.Cors);
        _rootPath = options.RootPath;
        State = new ServerState(model.Engine);
        _routes = new RouteTable(EndpointList.Create(model, options, State, Metrics));
    }

    public ServerState State { get; }

    public HttpMetrics Metrics { get; } = new();

    /// <summary>Answers; never throws but for a client that is gone.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        long started = Stopwatch.GetTimestamp();
        string id = RequestId.Of(context);
        context.TraceIdentifier = id;
        context.Response.Headers[RequestId.Header] = id;
        if (_rootPath.HasValue && context.Request.Path.StartsWithSegments(_rootPath, out PathString below))
        {
            context.Request.Path = below.HasValue ? below : "/";
        }

        string path = context.Request.Path.Value ?? "/";
        IReadOnlyList<Route> candidates = _routes.Find(path);
        try
        {
            if (!_cors.Handle(context))
            {
                await DispatchAsync(context, candidates);
            }
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
}
