using System.Globalization;
using System.Text.Json;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Responses;

/// <summary>GET and DELETE /v1/responses/{id}, GET its input_items, POST its cancel.</summary>
internal sealed class StoredResponseEndpoints(StoredResponses responses, BackgroundResponses background)
{
    private const string Folder = "/responses/";
    private const string ItemsOf = "/input_items";
    private const string CancelOf = "/cancel";

    public Task HandleGetAsync(HttpContext context)
    {
        string path = PathOf(context);
        bool asksForItems = path.EndsWith(ItemsOf, StringComparison.Ordinal);
        string id = asksForItems ? path[..^ItemsOf.Length] : path;
        BackgroundResponse? underWay = background.Find(id, StoredResponses.OwnerOf(context.Request));
        StoredResponse? ended = underWay is null ? Find(context, id) : null;
        if (asksForItems)
        {
            return WriteItemsAsync(context, ended?.Input ?? underWay!.Input);
        }

        if (context.Request.Query["stream"] == "true")
        {
            KeptEvents events = underWay?.Events ?? ended?.Events ?? throw ApiException.BadRequest(
                "stream: only a response made with background and stream has events to be read again.", "stream");
            return events.StreamAsync(context, StartingAfter(context), background.PingInterval);
        }

        return JsonResponse.WriteAsync(context, underWay is null ? ended!.Response.WriteTo : underWay.Write);
    }

    public async Task HandleDeleteAsync(HttpContext context)
    {
        string id = PathOf(context);
        string owner = StoredResponses.OwnerOf(context.Request);
        BackgroundResponse? underWay = background.Find(id, owner);
        if (underWay is not null)
        {
            await underWay.CancelAsync(isDeleted: true);
        }

        if (!responses.Delete(id, owner) && underWay is null)
        {
            throw NotFound(id, "response_id");
        }

        await JsonResponse.WriteAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("id", id);
            json.WriteString("object", "response.deleted");
            json.WriteBoolean("deleted", true);
            json.WriteEndObject();
        });
    }

    /// <summary>Ends what runs in the background; what has ended already is answered as it is.</summary>
    public async Task HandlePostAsync(HttpContext context)
    {
        string path = PathOf(context);
        if (!path.EndsWith(CancelOf, StringComparison.Ordinal))
        {
            throw new ApiException(StatusCodes.Status404NotFound, "There is no such path.", type: "Not Found");
        }

        string id = path[..^CancelOf.Length];
        if (background.Find(id, StoredResponses.OwnerOf(context.Request)) is { } underWay)
        {
            await underWay.CancelAsync();
        }

        StoredResponse ended = Find(context, id);
        if (!ended.IsBackground)
        {
            throw ApiException.BadRequest("Only responses made in the background can be cancelled.", "response_id");
        }

        await JsonResponse.WriteAsync(context, ended.Response.WriteTo);
    }

    public static ApiException NotFound(string id, string parameter) => new(
        StatusCodes.Status404NotFound, $"Response with id '{(id.Length <= 100 ? id : id[..100])}' not found.", parameter);

    private static int StartingAfter(HttpContext context)
    {
        const string name = "starting_after";
        string? text = context.Request.Query[name];
        return text is null ? -1
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
            : throw ApiException.BadRequest($"{name}: must be the sequence_number of an event.", name);
    }

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
