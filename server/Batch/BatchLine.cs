using System.Runtime.InteropServices;
using System.Text.Json;
using Engine.Server.Http;
using Engine.Server.Http.Json;

namespace Engine.Server.Batch;

/// <summary>One line of a batch file: which request, to which route, under which name.</summary>
/// <param name="CustomId">The caller's name for it, or null if the line does not have a usable one.</param>
/// <param name="Path">The route.</param>
/// <param name="Body">The request's body, byte for byte.</param>
/// <param name="Error">Why there is no request in the line, or null.</param>
internal sealed record BatchLine(string? CustomId, string Path, byte[] Body, ApiException? Error)
{
    // The body's own depth is the route's business.
    private const int MaxDepth = 2 * StrictJson.MaxDepth;

    private static readonly HashSet<string> _paths = new(StringComparer.Ordinal)
    {
        "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/v1/embeddings",
        "/v1/score", "/score", "/v1/rerank", "/v2/rerank", "/rerank", "/classify", "/pooling",
    };

    /// <summary>Reads a line; a bad one carries its error and as much of its name as can be read.</summary>
    public static BatchLine Parse(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? FromObject(document.RootElement)
                : Bad(null, "The line must be a JSON object.");
        }
        catch (JsonException e)
        {
            return Bad(null, $"The line is not valid JSON: {e.Message}");
        }
    }

    /// <summary>A line that holds no request.</summary>
    public static BatchLine Bad(string? customId, string message, string? param = null) =>
        new(customId, "", [], ApiException.BadRequest(message, param));

    private static BatchLine FromObject(JsonElement line)
    {
        string? customId = null;
        try
        {
            CheckNames(line);
            customId = Fields.GetString(line, "custom_id");
            string method = Needed(line, "method");
            string path = Needed(line, "url");
            if (customId is null)
            {
                return Bad(null, "custom_id: a string is needed.", "custom_id");
            }

            if (method != "POST")
            {
                return Bad(customId, "method: must be \"POST\".", "method");
            }

            if (!_paths.Contains(path))
            {
                return Bad(customId, $"url: must be one of {string.Join(", ", _paths)}.", "url");
            }

            if (!line.TryGetProperty("body", out JsonElement body))
            {
                return Bad(customId, "body: is needed.", "body");
            }

            return IsStream(body)
                ? Bad(customId, "stream: a batch has no streams.", "stream")
                : new BatchLine(customId, path, JsonMarshal.GetRawUtf8Value(body).ToArray(), null);
        }
        catch (ApiException e)
        {
            return new BatchLine(customId, "", [], e);
        }
        catch (InvalidOperationException)
        {
            return Bad(customId, "The line holds a string that is no text.");
        }
    }

    private static string Needed(JsonElement line, string name) => Fields.GetString(line, name)
        ?? throw ApiException.BadRequest($"{name}: a string is needed.", name);

    private static bool IsStream(JsonElement body) =>
        body.ValueKind == JsonValueKind.Object
        && body.TryGetProperty("stream", out JsonElement stream) && stream.ValueKind == JsonValueKind.True;

    // Two values of one name: whichever is taken, somebody meant the other.
    private static void CheckNames(JsonElement line)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonProperty member in line.EnumerateObject())
        {
            if (!names.Add(member.Name))
            {
                throw ApiException.BadRequest("A key occurs twice in the line.");
            }
        }
    }
}
