using System.Net;

namespace Engine.Server.Http;

/// <summary>The address of --host.</summary>
/// <param name="Address">What to bind.</param>
internal readonly record struct ListenAddress(IPAddress Address)
{
    /// <summary>True if only this machine reaches it.</summary>
    public bool IsLoopback => IPAddress.IsLoopback(Address);

    /// <exception cref="EngineException">InvalidArgument: neither an address nor "localhost".</exception>
    public static ListenAddress Parse(string host)
    {
        if (host == "localhost")
        {
            return new ListenAddress(IPAddress.Loopback);
        }

        return IPAddress.TryParse(host, out IPAddress? address)
            ? new ListenAddress(address)
            : throw EngineException.Invalid("host", $"must be an IP address or localhost, found \"{host}\"");
    }
}
