using System.Net;
using Engine.Server.Http;
using Engine.Server.Http.Security;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>Pages of other origins: none unless the operator says so.</summary>
[TestFixture]
public sealed class CorsTests
{
    private const string Page = "https://page.example";

    [Test]
    public async Task ByDefaultNoPageIsToldAnything()
    {
        await using TestServer server = await TestServer.StartAsync();
        using HttpResponseMessage asked = await AskAsync(server, Page);
        using HttpResponseMessage got = await GetAsync(server, Page);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(asked.Headers.Contains("Access-Control-Allow-Origin"), Is.False);
            Assert.That(asked.IsSuccessStatusCode, Is.False);
            Assert.That(got.Headers.Contains("Access-Control-Allow-Origin"), Is.False);
        }
    }

    [Test]
    public async Task ANamedOriginIsAnsweredAndOthersAreNot()
    {
        await using TestServer server = await StartAsync(new CorsOptions { Origins = [Page] });
        using HttpResponseMessage good = await GetAsync(server, Page);
        using HttpResponseMessage bad = await GetAsync(server, Page + ".evil.example");
        using HttpResponseMessage preflight = await AskAsync(server, "https://evil.example");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(good.Headers.GetValues("Access-Control-Allow-Origin"), Is.EqualTo(new[] { Page }));
            Assert.That(good.Headers.Vary, Does.Contain("Origin"));
            Assert.That(bad.Headers.Contains("Access-Control-Allow-Origin"), Is.False);
            Assert.That(preflight.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        }
    }

    [Test]
    public async Task APreflightNeedsNoKeyAndTheRequestBehindItDoes()
    {
        await using TestServer server = await StartAsync(new CorsOptions { Origins = ["*"] }, "k");
        using HttpResponseMessage preflight = await AskAsync(server, Page);
        using HttpResponseMessage request = await GetAsync(server, Page);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(preflight.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
            Assert.That(preflight.Headers.GetValues("Access-Control-Allow-Origin"), Is.EqualTo(new[] { "*" }));
            Assert.That(preflight.Headers.GetValues("Access-Control-Allow-Methods").Single(), Does.Contain("POST"));
            Assert.That(preflight.Headers.GetValues("Access-Control-Allow-Headers").Single(),
                Is.EqualTo("authorization,content-type"));
            Assert.That(request.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
            Assert.That(request.Headers.GetValues("Access-Control-Allow-Origin"), Is.EqualTo(new[] { "*" }));
        }
    }

    [Test]
    public void CredentialsForEveryPageAreRefused([Values("*", null)] string? origin) => Assert.Throws<EngineException>(
        () => new CorsOptions { Origins = origin is null ? [] : [origin], AllowCredentials = true }.Validate());

    [Test]
    public async Task ARequestMayComeWithAndWithoutTheRootPath([Values("", "/llm")] string prefix)
    {
        await using TestServer server = await TestServer.StartAsync(
            options: new ServerOptions { Port = 0, RootPath = "/llm" });
        using HttpResponseMessage response = await server.Client.GetAsync(prefix + "/v1/models");
        using HttpResponseMessage other = await server.Client.GetAsync("/llmx/v1/models");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        }
    }

    private static Task<TestServer> StartAsync(CorsOptions cors, params string[] keys) => TestServer.StartAsync(
        options: new ServerOptions { Port = 0, Cors = cors, ApiKeys = keys });

    private static Task<HttpResponseMessage> GetAsync(TestServer server, string origin)
    {
        var message = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        message.Headers.Add("Origin", origin);
        return server.Client.SendAsync(message);
    }

    private static Task<HttpResponseMessage> AskAsync(TestServer server, string origin)
    {
        var message = new HttpRequestMessage(HttpMethod.Options, "/v1/chat/completions");
        message.Headers.Add("Origin", origin);
        message.Headers.Add("Access-Control-Request-Method", "POST");
        message.Headers.Add("Access-Control-Request-Headers", "authorization,content-type");
        return server.Client.SendAsync(message);
    }
}
