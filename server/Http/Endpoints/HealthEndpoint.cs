namespace Engine.Server.Http.Endpoints;

/// <summary>Probes: answered from counters, never by generating.</summary>
internal sealed class HealthEndpoint(ServerState state)
{
    /// <summary>GET /livez: the process answers.</summary>
    public static Task HandleLiveAsync(HttpContext context) => Task.CompletedTask;

    /// <summary>GET /health, /readyz, /ping: the engine moves, or has nothing to do, and takes new work.</summary>
    public Task HandleReadyAsync(HttpContext context)
    {
        state.CheckHealthy();
        return Task.CompletedTask;
    }
}
