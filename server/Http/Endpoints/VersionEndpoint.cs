using Engine.Server.Http.Json;

namespace Engine.Server.Http.Endpoints;

/// <summary>GET /version.</summary>
internal static class VersionEndpoint
{
    public static Task HandleAsync(HttpContext context) => JsonResponse.WriteAsync(context, json =>
    {
        json.WriteStartObject();
        json.WriteString("version", ProductVersion.Text);
        json.WriteEndObject();
    });
}
