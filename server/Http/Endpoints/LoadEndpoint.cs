using Engine.Server.Http.Json;

namespace Engine.Server.Http.Endpoints;

/// <summary>GET /load: requests under way.</summary>
internal sealed class LoadEndpoint(ServerState state)
{
    public Task HandleAsync(HttpContext context) => JsonResponse.WriteAsync(context, json =>
    {
        json.WriteStartObject();
        json.WriteNumber("server_load", state.NumActive);
        json.WriteEndObject();
    });
}
