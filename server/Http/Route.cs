namespace Engine.Server.Http;

/// <summary>Who may call a route.</summary>
internal enum RouteAccess
{
    /// <summary>Holders of an API key, if there are keys.</summary>
    Guarded,

    /// <summary>Holders of a management key if there are such, else of an API key.</summary>
    Management,

    /// <summary>As Guarded, for people: a browser asks for the key as a password.</summary>
    Page,

    /// <summary>Everyone: probes alone.</summary>
    Open,
}

/// <summary>One method and path, and what answers it.</summary>
/// <param name="Method">GET (which answers HEAD, too), POST or DELETE.</param>
/// <param name="Path">The whole path; one that ends in "/*" takes every path below.</param>
/// <param name="Access">Who may call.</param>
/// <param name="Handler">Answers; throws ApiException or EngineException for errors.</param>
internal sealed record Route(string Method, string Path, RouteAccess Access, Func<HttpContext, Task> Handler)
{
    /// <summary>Starts new work: refused while draining, and counted until it ends.</summary>
    public bool IsWork { get; init; }

    /// <summary>What a request's path has behind a folder of a route that takes every path below.</summary>
    /// <param name="context">The request.</param>
    /// <param name="folder">With slashes around it.</param>
    public static string PathBelow(HttpContext context, string folder)
    {
        string path = context.Request.Path.Value!;
        return path[(path.IndexOf(folder, StringComparison.Ordinal) + folder.Length)..];
    }
}

/// <summary>Finds the route of a request.</summary>
internal sealed class RouteTable
{
    private const string AnyBelow = "/*";

    private readonly Dictionary<string, Route[]> _exact;
    private readonly Route[] _below;

    public RouteTable(IEnumerable<Route> routes)
    {
        Route[] all = [.. routes];
        _below = [.. all.Where(route => route.Path.EndsWith(AnyBelow, StringComparison.Ordinal))];
        _exact = all.Except(_below).GroupBy(route => route.Path, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
    }

    /// <summary>The routes of a path, one per method; empty if the path is unknown.</summary>
    public IReadOnlyList<Route> Find(string path)
    {
        if (_exact.TryGetValue(path, out Route[]? routes))
        {
            return routes;
        }

        return [.. _below.Where(route => path.Length > route.Path.Length - 1
            && path.AsSpan().StartsWith(route.Path.AsSpan(0, route.Path.Length - 1), StringComparison.Ordinal))];
    }
}
