using System.Reflection;

namespace Engine.Server.Http.Endpoints;

/// <summary>GET / and its two files: a chat page that talks to this server and to nothing else.</summary>
internal static class PageEndpoint
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static IEnumerable<Route> Routes =>
    [
        Of("/", "index.html", "text/html; charset=utf-8"),
        Of("/ui/page.css", "page.css", "text/css; charset=utf-8"),
        Of("/ui/page.js", "page.js", "text/javascript; charset=utf-8"),
    ];

    private static Route Of(string path, string file, string type)
    {
        byte[] content = Read(file);
        return new Route("GET", path, RouteAccess.Page, context =>
        {
            IHeaderDictionary headers = context.Response.Headers;
            headers.ContentSecurityPolicy = Policy;
            headers.XContentTypeOptions = "nosniff";
            headers.CacheControl = "no-cache";
            headers["Referrer-Policy"] = "no-referrer";
            context.Response.ContentType = type;
            context.Response.ContentLength = content.Length;
            return HttpMethods.IsHead(context.Request.Method)
                ? Task.CompletedTask
                : context.Response.Body.WriteAsync(content).AsTask();
        });
    }

    private static byte[] Read(string file)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("Web." + file)!;
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
