namespace Engine.Server.Http;

/// <summary>The name of a request: the client's X-Request-Id if it is usable, else a new one.</summary>
internal static class RequestId
{
    public const string Header = "X-Request-Id";

    private const int MaxLength = 128;

    public static string Of(HttpContext context)
    {
        string? given = context.Request.Headers[Header];
        if (given is { Length: > 0 and <= MaxLength } && IsPlain(given))
        {
            return given;
        }

        return Guid.NewGuid().ToString("N");
    }

    // It goes into a header, an id and the log: nothing there may need quoting.
    private static bool IsPlain(string text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.' or ':'))
            {
                return false;
            }
        }

        return true;
    }
}
