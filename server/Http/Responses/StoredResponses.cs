using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Engine.Server.Http.Responses;

/// <summary>One response that was kept.</summary>
/// <param name="Owner">Digest of the key that it was made with: no other key sees it.</param>
/// <param name="Response">The response as it was answered.</param>
/// <param name="Input">Its input items, a JSON list, those of the responses before it included.</param>
internal sealed record StoredResponse(string Owner, JsonElement Response, JsonElement Input)
{
    private readonly long _textBytes = 256 + (2L * (Response.GetRawText().Length + Input.GetRawText().Length));

    /// <summary>It was made in the background.</summary>
    public bool IsBackground { get; init; }

    /// <summary>Its events, if it was to be a stream too; they have ended.</summary>
    public KeptEvents? Events { get; init; }

    /// <summary>What it costs to keep.</summary>
    public long SizeBytes => _textBytes + (Events?.SizeBytes ?? 0);

    /// <summary>When it was kept.</summary>
    public long KeptAtMs { get; init; }
}

/// <summary>
/// Responses of /v1/responses that later requests go on from: in memory, for a while, up to so many bytes. The oldest
/// goes first; nothing outlives the process.
/// </summary>
/// <param name="maxBytes">Bytes in all.</param>
/// <param name="lifetime">How long one is kept.</param>
/// <param name="time">Tells the time.</param>
internal sealed class StoredResponses(long maxBytes, TimeSpan lifetime, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<(string Id, StoredResponse Response)>> _byId = [];
    private readonly LinkedList<(string Id, StoredResponse Response)> _byAge = [];
    private long _sizeBytes;

    /// <summary>How many are kept.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _byId.Count;
            }
        }
    }

    /// <summary>Whose a request's responses are.</summary>
    public static string OwnerOf(HttpRequest request)
    {
        string key = $"{request.Headers.Authorization}\n{request.Headers["x-api-key"]}";
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
    }

    /// <summary>Keeps one, if it is not larger than all may be together.</summary>
    public void Keep(string id, StoredResponse response)
    {
        response = response with { KeptAtMs = NowMs() };
        lock (_lock)
        {
            Forget(id);
            _byId[id] = _byAge.AddLast((id, response));
            _sizeBytes += response.SizeBytes;
            while (_byAge.First is { } oldest
                && (_sizeBytes > maxBytes || NowMs() - oldest.Value.Response.KeptAtMs > lifetime.TotalMilliseconds))
            {
                Forget(oldest.Value.Id);
            }
        }
    }

    /// <summary>One of the owner's, or null.</summary>
    public StoredResponse? Find(string id, string owner)
    {
        lock (_lock)
        {
            return _byId.TryGetValue(id, out var node) && node.Value.Response is { } found && found.Owner == owner
                && NowMs() - found.KeptAtMs <= lifetime.TotalMilliseconds
                ? found
                : null;
        }
    }

    /// <summary>Forgets one of the owner's; false if there is none.</summary>
    public bool Delete(string id, string owner)
    {
        lock (_lock)
        {
            return Find(id, owner) is not null && Forget(id);
        }
    }

    private bool Forget(string id)
    {
        if (!_byId.Remove(id, out var node))
        {
            return false;
        }

        _byAge.Remove(node);
        _sizeBytes -= node.Value.Response.SizeBytes;
        return true;
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
