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

    private readonly byte[][] _digests;

    public ApiKeys(IEnumerable<string> keys) =>
        _digests = [.. keys.Select(key => SHA256.HashData(Encoding.UTF8.GetBytes(key)))];

    public bool IsEmpty => _digests.Length == 0;

    /// <summary>True if the Authorization header is "Bearer KEY" with a known key.</summary>
    public bool Accepts(string? authorization)
    {
        if (authorization is null || !authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(authorization[Scheme.Length..].Trim()), digest);
        bool isKnown = false;
        foreach (byte[] known in _digests)
        {
            isKnown |= CryptographicOperations.FixedTimeEquals(known, digest);
        }

        return isKnown;
    }
}
