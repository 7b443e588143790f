using System.Text.Json;
using Engine.Server.Http.Json;
using Engine.Server.Terminal;

namespace Engine.Server.Http.Responses;

/// <summary>Puts the items of earlier responses before those of a request, and keeps what comes of it.</summary>
internal sealed class ResponseChain
{
    private readonly StoredResponses _responses;
    private readonly string _owner;

    private ResponseChain(StoredResponses responses, string owner, JsonElement input)
    {
        _responses = responses;
        _owner = owner;
        Input = input;
    }

    /// <summary>Whose response it is.</summary>
    public string Owner => _owner;

    /// <summary>All items, a list.</summary>
    public JsonElement Input { get; }

    /// <param name="body">A body of /v1/responses.</param>
    /// <param name="responses">Those that are kept.</param>
    /// <param name="owner">Whose request it is.</param>
    /// <exception cref="ApiException">404: the response before is not there; 400.</exception>
    public static ResponseChain Create(JsonElement body, StoredResponses responses, string owner)
    {
        const string name = "previous_response_id";
        StoredResponse? before = Fields.GetString(body, name) is { } id
            ? responses.Find(id, owner) ?? throw StoredResponseEndpoints.NotFound(id, name)
            : null;
        if (!Fields.TryGet(body, "input", out JsonElement input)
            || input.ValueKind is not (JsonValueKind.String or JsonValueKind.Array))
        {
            throw ApiException.BadRequest("input: must be a string or a list of items.", "input");
        }

        JsonElement items = JsonText.Element(json =>
        {
            json.WriteStartArray();
            foreach (JsonElement list in before is null
                ? (JsonElement[])[] : [before.Input, before.Response.GetProperty("output")])
            {
                foreach (JsonElement item in list.EnumerateArray())
                {
                    item.WriteTo(json);
                }
            }

            WriteItems(json, input);
            json.WriteEndArray();
        });
        return new ResponseChain(responses, owner, items);
    }

    /// <summary>Keeps the response.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="write">Writes it as it was answered.</param>
    /// <param name="background">Of what was made in the background.</param>
    public void Keep(string id, Action<Utf8JsonWriter> write, BackgroundResponse? background = null) =>
        _responses.Keep(id, new StoredResponse(_owner, JsonText.Element(write), Input)
        {
            IsBackground = background is not null,
            Events = background?.Events,
        });

    private static void WriteItems(Utf8JsonWriter json, JsonElement input)
    {
        if (input.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in input.EnumerateArray())
            {
                WriteItem(json, item);
            }

            return;
        }

        json.WriteStartObject();
        json.WriteString("id", NewId());
        json.WriteString("type", "message");
        json.WriteString("role", "user");
        json.WriteStartArray("content");
        json.WriteStartObject();
        json.WriteString("type", "input_text");
        json.WriteString("text", input.GetString());
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    // input_items shows an id and a type for each.
    private static void WriteItem(Utf8JsonWriter json, JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            item.WriteTo(json);
            return;
        }

        json.WriteStartObject();
        if (!item.TryGetProperty("id", out _))
        {
            json.WriteString("id", NewId());
        }

        if (!item.TryGetProperty("type", out _))
        {
            json.WriteString("type", "message");
        }

        foreach (JsonProperty member in item.EnumerateObject())
        {
            member.WriteTo(json);
        }

        json.WriteEndObject();
    }

    private static string NewId() => "msg_" + Guid.NewGuid().ToString("N");
}
