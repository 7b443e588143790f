using Engine.Server.Http.Hosting;

namespace Engine.Server.Http.Endpoints;

/// <summary>POST /reset_prefix_cache: what is cached is computed again when it is next asked for.</summary>
internal sealed class ResetPrefixCacheEndpoint(ServedModel model)
{
    private const string RestartKey = "reset_running_requests";

    public Task HandleAsync(HttpContext context)
    {
        string? restarts = context.Request.Query[RestartKey];
        model.Engine.ResetPrefixCache(restarts switch
        {
            null or "" or "false" or "0" => false,
            "true" or "1" => true,
            _ => throw ApiException.BadRequest($"{RestartKey}: must be true or false.", RestartKey),
        });
        return Task.CompletedTask;
    }
}
