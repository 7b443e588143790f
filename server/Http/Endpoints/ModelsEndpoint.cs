using System.Text.Json;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Endpoints;

/// <summary>GET /v1/models and /v1/models/{id}.</summary>
internal sealed class ModelsEndpoint(ServedModel model, ServerState state)
{
    public Task HandleListAsync(HttpContext context)
    {
        state.CheckHealthy();
        return JsonResponse.WriteAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("object", "list");
            json.WriteStartArray("data");
            foreach (string name in model.Names)
            {
                WriteModel(json, name);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    public Task HandleOneAsync(HttpContext context)
    {
        string name = Route.PathBelow(context, "/models/");
        model.CheckName(name);
        return JsonResponse.WriteAsync(context, json => WriteModel(json, name));
    }

    private void WriteModel(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject();
        json.WriteString("id", name);
        json.WriteString("object", "model");
        json.WriteNumber("created", model.CreatedS);
        json.WriteString("owned_by", "engine");
        json.WriteString("root", model.Root);
        json.WriteNull("parent");
        json.WriteNumber("max_model_len", model.MaxModelLen);
        json.WriteStartArray("permission");
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
