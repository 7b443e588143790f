namespace Engine.Server.Http.Security;

/// <summary>Which pages of other origins may call, as vLLM's flags say it; none by default.</summary>
internal sealed record CorsOptions
{
    /// <summary>"https://a.example", or "*" for every page; empty is none.</summary>
    public IReadOnlyList<string> Origins { get; init; } = [];

    /// <summary>Methods beyond the simple ones, or "*".</summary>
    public IReadOnlyList<string> Methods { get; init; } = ["*"];

    /// <summary>Headers beyond the simple ones, or "*".</summary>
    public IReadOnlyList<string> Headers { get; init; } = ["*"];

    /// <summary>Pages may send cookies and browsers' passwords along.</summary>
    public bool AllowCredentials { get; init; }

    /// <exception cref="EngineException">InvalidArgument: a combination that opens more than it says.</exception>
    public void Validate()
    {
        if (AllowCredentials && (Origins.Count == 0 || Origins.Contains("*")))
        {
            throw EngineException.Invalid(
                "allow-credentials", "needs --allowed-origins that names origins: with * every page could act as the user");
        }
    }
}

/// <summary>Answers browsers that ask whether a page may call, and marks answers that it may read.</summary>
internal sealed class Cors(CorsOptions options)
{
    private const string MaxAgeS = "600";
    private const string AllMethods = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";

    private readonly bool _takesAll = options.Origins.Contains("*");

    /// <summary>Sets the headers of an answer; true if it is complete with them: a preflight.</summary>
    public bool Handle(HttpContext context)
    {
        string? origin = context.Request.Headers.Origin;
        if (options.Origins.Count == 0 || string.IsNullOrEmpty(origin))
        {
            return false;
        }

        IHeaderDictionary headers = context.Response.Headers;
        if (!_takesAll)
        {
            headers.Vary = "Origin"; // a cache must not hand one origin's answer to another
        }

        bool isAllowed = _takesAll || options.Origins.Contains(origin, StringComparer.Ordinal);
        if (isAllowed)
        {
            headers.AccessControlAllowOrigin = _takesAll ? "*" : origin;
            headers.AccessControlExposeHeaders = RequestId.Header;
            if (options.AllowCredentials)
            {
                headers.AccessControlAllowCredentials = "true";
            }
        }

        if (!HttpMethods.IsOptions(context.Request.Method)
            || context.Request.Headers.AccessControlRequestMethod.Count == 0)
        {
            return false;
        }

        // Without the headers a browser gives up; the status is for people who look.
        context.Response.StatusCode = isAllowed
            ? StatusCodes.Status204NoContent : StatusCodes.Status403Forbidden;
        if (isAllowed)
        {
            headers.AccessControlAllowMethods =
                options.Methods.Contains("*") ? AllMethods : string.Join(", ", options.Methods);
            headers.AccessControlAllowHeaders = options.Headers.Contains("*")
                ? context.Request.Headers.AccessControlRequestHeaders
                : string.Join(", ", options.Headers);
            headers.AccessControlMaxAge = MaxAgeS;
        }

        return true;
    }
}
