using System.Security.Cryptography;
using System.Text;

namespace Engine.Server.Http;

/// <summary>
/// Tells whether a request brings one of the keys. Compares digests of equal length, every one
/// of them: the time says nothing about how much of a key was right.
/// </summary>
internal sealed class ApiKeys
{
    private const string Scheme = "Bearer ";
    private const string BasicScheme = "Basic ";

    private readonly byte[][] _digests;

    public ApiKeys(IEnumerable<string> keys) =>
        _digests = [.. keys.Select(key => SHA256.HashData(Encoding.UTF8.GetBytes(key)))];

    public bool IsEmpty => _digests.Length == 0;

    /// <summary>True if the Authorization header is "Bearer KEY" with a known key.</summary>
    public bool Accepts(string? authorization) =>
        authorization?.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) == true
        && IsKnown(authorization[Scheme.Length..].Trim());

    /// <summary>The same, or a known key in the header that Anthropic's clients send.</summary>
    public bool Accepts(IHeaderDictionary headers) =>
        Accepts(headers.Authorization) || (headers["x-api-key"] is [{ Length: > 0 } key] && IsKnown(key));

    /// <summary>The same, or HTTP Basic with a known key as the password, as browsers ask people for one.</summary>
    public bool AcceptsFromBrowser(string? authorization)
    {
        if (authorization?.StartsWith(BasicScheme, StringComparison.OrdinalIgnoreCase) != true)
        {
            return Accepts(authorization);
        }

        byte[] pair = new byte[authorization.Length];
        if (!Convert.TryFromBase64String(authorization[BasicScheme.Length..].Trim(), pair, out int length))
        {
            return false;
        }

        int colon = pair.AsSpan(0, length).IndexOf((byte)':');
        return colon >= 0 && IsKnown(Encoding.UTF8.GetString(pair.AsSpan(colon + 1, length - colon - 1)));
    }

    private bool IsKnown(string key)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(key), digest);
        bool isKnown = false;
        foreach (byte[] known in _digests)
        {
            isKnown |= CryptographicOperations.FixedTimeEquals(known, digest);
        }

        return isKnown;
    }
}
