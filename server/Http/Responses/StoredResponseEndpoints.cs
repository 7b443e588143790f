using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Responses;

/// <summary>GET and DELETE /v1/responses/{id}, GET its input_items, POST its cancel.</summary>
internal sealed class StoredResponseEndpoints(StoredResponses responses)
{
    private const string Folder = "/responses/";
    private const string ItemsOf = "/input_items";
    private const string CancelOf = "/cancel";

    public Task HandleGetAsync(HttpContext context)
    {
        string path = PathOf(context);
        if (path.EndsWith(ItemsOf, StringComparison.Ordinal))
        {
            return WriteItemsAsync(context, Find(context, path[..^ItemsOf.Length]).Input);
        }

        JsonElement response = Find(context, path).Response;
        return JsonResponse.WriteAsync(context, response.WriteTo);
    }

    public Task HandleDeleteAsync(HttpContext context)
    {
        string id = PathOf(context);
        if (!responses.Delete(id, StoredResponses.OwnerOf(context.Request)))
        {
            throw NotFound(id, "response_id");
        }

        return JsonResponse.WriteAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("id", id);
            json.WriteString("object", "response.deleted");
            json.WriteBoolean("deleted", true);
            json.WriteEndObject();
        });
    }

    /// <summary>Only what runs in the background can be cancelled, and nothing does.</summary>
    public Task HandlePostAsync(HttpContext context)
    {
        string path = PathOf(context);
        if (!path.EndsWith(CancelOf, StringComparison.Ordinal))
        {
            throw new ApiException(StatusCodes.Status404NotFound, "There is no such path.", type: "Not Found");
        }

        _ = Find(context, path[..^CancelOf.Length]);
        throw ApiException.BadRequest("Only responses made in the background can be cancelled.", "response_id");
    }

    public static ApiException NotFound(string id, string parameter) => new(
        StatusCodes.Status404NotFound, $"Response with id '{(id.Length <= 100 ? id : id[..100])}' not found.", parameter);

    private static Task WriteItemsAsync(HttpContext context, JsonElement items) =>
        JsonResponse.WriteAsync(context, json =>
        {
            bool isAscending = context.Request.Query["order"] == "asc";
            JsonElement[] all = [.. items.EnumerateArray()];
            json.WriteStartObject();
            json.WriteString("object", "list");
            json.WriteStartArray("data");
            foreach (JsonElement item in isAscending ? all : Enumerable.Reverse(all))
            {
                item.WriteTo(json);
            }

            json.WriteEndArray();
            json.WriteBoolean("has_more", false);
            json.WriteEndObject();
        });

    private static string PathOf(HttpContext context) => Route.PathBelow(context, Folder);

    private StoredResponse Find(HttpContext context, string id) =>
        responses.Find(id, StoredResponses.OwnerOf(context.Request)) ?? throw NotFound(id, "response_id");
}
