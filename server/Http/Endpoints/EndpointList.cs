using Engine.Server.Http.Hosting;
using Engine.Server.Http.Pooling;
using Engine.Server.Http.Responses;

namespace Engine.Server.Http.Endpoints;

/// <summary>Every route of the server, one line each.</summary>
internal static class EndpointList
{
    private const string Version = "/v1";

    public static IEnumerable<Route> Create(
        ServedModel model, ServerOptions options, ServerState state, HttpMetrics metrics)
    {
        var health = new HealthEndpoint(state);
        var models = new ModelsEndpoint(model, state);
        StoredResponses? responses = options.StoresResponses
            ? new StoredResponses(options.MaxStoredResponseBytes, options.StoredResponseLifetime, TimeProvider.System)
            : null;
        var background = new BackgroundResponses(state, options.PingInterval, options.MaxStoredResponseBytes / 8);
        Func<HttpContext, Task> score = new ScoreEndpoint(model).HandleAsync;
        Func<HttpContext, Task> rerank = new RerankEndpoint(model).HandleAsync;
        Route[] routes =
        [
            Work("/v1/completions", new CompletionsEndpoint(model, options).HandleAsync),
            Work("/v1/chat/completions", new ChatCompletionsEndpoint(model, options).HandleAsync),
            Work("/v1/embeddings", new EmbeddingsEndpoint(model).HandleAsync),
            Work("/v1/score", score),
            Work("/score", score),
            Work("/v1/rerank", rerank),
            Work("/v2/rerank", rerank),
            Work("/rerank", rerank),
            Work("/pooling", new PoolingEndpoint(model).HandleAsync),
            Work("/classify", new ClassifyEndpoint(model).HandleAsync),
            Work("/v1/responses", new ResponsesEndpoint(model, options, responses, background).HandleAsync),
            .. responses is not null ? StoreRoutes(new StoredResponseEndpoints(responses, background)) : [],
            Post("/v1/load_lora_adapter", AdapterEndpoint.HandleAsync, RouteAccess.Management),
            Post("/v1/unload_lora_adapter", AdapterEndpoint.HandleAsync, RouteAccess.Management),
            Work("/v1/messages", new MessagesEndpoint(model, options).HandleAsync),
            Post("/v1/messages/count_tokens", new CountTokensEndpoint(model, options).HandleAsync),
            Post("/tokenize", new TokenizeEndpoint(model, options).HandleAsync),
            Post("/detokenize", new DetokenizeEndpoint(model).HandleAsync),
            Get("/v1/models", models.HandleListAsync),
            Get("/v1/models/*", models.HandleOneAsync),
            Get("/version", VersionEndpoint.HandleAsync),
            Post("/reset_prefix_cache", new ResetPrefixCacheEndpoint(model).HandleAsync, RouteAccess.Management),
            Get("/load", new LoadEndpoint(state).HandleAsync, RouteAccess.Management),
            Get("/metrics", new MetricsEndpoint(model, metrics).HandleAsync, RouteAccess.Management),
            Get("/livez", HealthEndpoint.HandleLiveAsync, RouteAccess.Open),
            Get("/readyz", health.HandleReadyAsync, RouteAccess.Open),
            Get("/health", health.HandleReadyAsync, RouteAccess.Open),
            Get("/ping", health.HandleReadyAsync, RouteAccess.Open),
            Post("/ping", health.HandleReadyAsync, RouteAccess.Open),
            .. options.ServesPage ? PageEndpoint.Routes : [],
            .. options.AllowsSleep ? SleepRoutes(new SleepEndpoints(model)) : [],
        ];
        return [.. routes, .. Unversioned(routes)];
    }

    /// <summary>The same without /v1, for clients whose base address ends before it.</summary>
    private static IEnumerable<Route> Unversioned(Route[] routes) => routes
        .Where(route => route.Path.StartsWith(Version + "/", StringComparison.Ordinal))
        .Select(route => route with { Path = route.Path[Version.Length..] })
        .Where(route => !routes.Any(other => other.Path == route.Path && other.Method == route.Method));

    private static Route[] StoreRoutes(StoredResponseEndpoints stored) =>
    [
        Get("/v1/responses/*", stored.HandleGetAsync),
        Post("/v1/responses/*", stored.HandlePostAsync),
        new("DELETE", "/v1/responses/*", RouteAccess.Guarded, stored.HandleDeleteAsync),
    ];

    private static Route[] SleepRoutes(SleepEndpoints sleep) =>
    [
        Post("/sleep", sleep.HandleSleepAsync, RouteAccess.Management),
        Post("/wake_up", sleep.HandleWakeUpAsync, RouteAccess.Management),
        Get("/is_sleeping", sleep.HandleStateAsync, RouteAccess.Management),
    ];

    private static Route Work(string path, Func<HttpContext, Task> handler) =>
        new("POST", path, RouteAccess.Guarded, handler) { IsWork = true };

    private static Route Post(
        string path, Func<HttpContext, Task> handler, RouteAccess access = RouteAccess.Guarded) =>
        new("POST", path, access, handler);

    private static Route Get(
        string path, Func<HttpContext, Task> handler, RouteAccess access = RouteAccess.Guarded) =>
        new("GET", path, access, handler);
}
