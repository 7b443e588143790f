namespace Engine.Server.Http;

/// <summary>An answer other than success, in OpenAI's form.</summary>
internal sealed class ApiException : Exception
{
    public ApiException(int statusCode, string message, string? param = null, string? type = null)
        : base(message)
    {
        StatusCode = statusCode;
        Param = param;
        Type = type ?? DefaultType(statusCode);
    }

    /// <summary>The HTTP status.</summary>
    public int StatusCode { get; }

    /// <summary>The plain name of the field, as OpenAI gives it, or null.</summary>
    public string? Param { get; }

    /// <summary>vLLM's word for the status.</summary>
    public string Type { get; }

    /// <summary>Seconds after which trying again makes sense; 0 sends no Retry-After.</summary>
    public int RetryAfterS { get; init; }

    public static ApiException BadRequest(string message, string? param = null) =>
        new(StatusCodes.Status400BadRequest, message, param);

    public static ApiException From(EngineException e)
    {
        EngineStatusRow row = EngineStatusTable.Of(e.Status);
        return new ApiException(row.HttpStatus, e.Message, PlainName(e.Parameter), row.HttpType)
        {
            RetryAfterS = e.Status == EngineStatus.WouldBlock ? 1 : 0,
        };
    }

    private static string DefaultType(int statusCode) => statusCode switch
    {
        400 => "BadRequestError",
        401 => "AuthenticationError",
        404 => "NotFoundError",
        405 => "Method Not Allowed",
        408 => "RequestTimeoutError",
        413 => "RequestTooLargeError",
        429 => "RateLimitError",
        431 => "RequestHeadersTooLargeError",
        503 => "ServiceUnavailableError",
        504 => "TimeoutError",
        _ => "InternalServerError",
    };

    // "sampling.top_p" of the core is "top_p" on the wire: the doors nest differently.
    private static string? PlainName(string? parameter)
    {
        const string prefix = "sampling.";
        return parameter is not null && parameter.StartsWith(prefix, StringComparison.Ordinal)
            ? parameter[prefix.Length..]
            : parameter;
    }
}
