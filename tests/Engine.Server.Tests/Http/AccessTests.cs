using System.Net;
using Engine.Server.Http;
using Engine.Server.Http.Endpoints;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>Keys and addresses.</summary>
[TestFixture]
public sealed class AccessTests
{
    private static readonly string[] _openPaths = ["/livez", "/readyz", "/health", "/ping"];

    [Test]
    public async Task EveryRouteButTheProbesNeedsAKey()
    {
        await using TestServer server = await TestServer.StartAsync(options: Guarded("first", "second"));
        string[] paths = [.. AllPaths(server), "/", "/nothing", "/v1/nothing", "/V1/models", "/v1//models", "/metrics/"];
        using (Assert.EnterMultipleScope())
        {
            foreach (string path in paths.Except(_openPaths))
            {
                foreach (string host in new[] { "localhost", "evil.example", "127.0.0.1:1" })
                {
                    using var message = new HttpRequestMessage(HttpMethod.Get, path);
                    message.Headers.Host = host;
                    using HttpResponseMessage response = await server.Client.SendAsync(message);
                    Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized), $"{path} as {host}");
                }
            }
        }
    }

    [Test]
    public async Task ProbesNeedNoKey([ValueSource(nameof(_openPaths))] string path)
    {
        await using TestServer server = await TestServer.StartAsync(options: Guarded("k"));
        using HttpResponseMessage response = await server.Client.GetAsync(path);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task AnyOfSeveralKeysOpens([Values("first", "second")] string key)
    {
        await using TestServer server = await TestServer.StartAsync(options: Guarded("first", "second"));
        Assert.That(await GetAsync(server, "/v1/models", key), Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task ABeginningOfAKeyDoesNotOpen([Values("", "f", "firs", "first ", "firstt", "FIRST")] string key)
    {
        await using TestServer server = await TestServer.StartAsync(options: Guarded("first"));
        HttpStatusCode expected = key.Trim() == "first" ? HttpStatusCode.OK : HttpStatusCode.Unauthorized;
        Assert.That(await GetAsync(server, "/v1/models", key), Is.EqualTo(expected));
    }

    [Test]
    public async Task AManagementKeyOpensMetricsAndNothingElse()
    {
        await using TestServer server = await TestServer.StartAsync(
            options: new ServerOptions { Port = 0, ApiKeys = ["user"], ManagementKeys = ["ops"] });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await GetAsync(server, "/metrics", "ops"), Is.EqualTo(HttpStatusCode.OK));
            Assert.That(await GetAsync(server, "/metrics", "user"), Is.EqualTo(HttpStatusCode.Unauthorized));
            Assert.That(await GetAsync(server, "/v1/models", "ops"), Is.EqualTo(HttpStatusCode.Unauthorized));
        }
    }

    [Test]
    public async Task ABrowserMayBringTheKeyAsAPasswordForThePageAndForNothingElse()
    {
        await using TestServer server = await TestServer.StartAsync(options: Guarded("k"));
        string basic = "Basic " + Convert.ToBase64String("someone:k"u8);
        string wrong = "Basic " + Convert.ToBase64String("k:other"u8);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await SendAsync(server, "/", basic), Is.EqualTo(HttpStatusCode.OK));
            Assert.That(await SendAsync(server, "/", wrong), Is.EqualTo(HttpStatusCode.Unauthorized));
            Assert.That(await SendAsync(server, "/", "Basic ###"), Is.EqualTo(HttpStatusCode.Unauthorized));
            Assert.That(await SendAsync(server, "/v1/models", basic), Is.EqualTo(HttpStatusCode.Unauthorized));
        }
    }

    [Test]
    public async Task ThePageCanBeLeftOut()
    {
        await using TestServer server = await TestServer.StartAsync(
            options: new ServerOptions { Port = 0, ServesPage = false });
        Assert.That(await SendAsync(server, "/", ""), Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public void AnAddressBeyondThisMachineNeedsAKey()
    {
        EngineException? e = Assert.ThrowsAsync<EngineException>(
            () => TestServer.StartAsync(options: new ServerOptions { Host = "0.0.0.0", Port = 0 }));
        Assert.That(e!.Parameter, Is.EqualTo("host"));
    }

    [Test]
    public async Task AnAddressBeyondThisMachineCanBeForced()
    {
        await using TestServer server = await TestServer.StartAsync(
            options: new ServerOptions { Host = "0.0.0.0", Port = 0, AllowOpenBind = true });
        Assert.That(server.Address.Port, Is.GreaterThan(0));
    }

    [Test]
    public void AHostThatIsNoAddressIsRefused()
    {
        EngineException? e = Assert.ThrowsAsync<EngineException>(
            () => TestServer.StartAsync(options: new ServerOptions { Host = "example.com", Port = 0 }));
        Assert.That(e!.Message, Does.Contain("example.com"));
    }

    [Test]
    public async Task ATakenPortIsAnErrorThatNamesIt()
    {
        await using TestServer first = await TestServer.StartAsync();
        EngineException? e = Assert.ThrowsAsync<EngineException>(
            () => TestServer.StartAsync(options: new ServerOptions { Port = first.Address.Port }));
        Assert.That(e!.Message, Does.Contain(first.Address.Port.ToString()));
    }

    private static ServerOptions Guarded(params string[] keys) => new() { Port = 0, ApiKeys = keys };

    private static IEnumerable<string> AllPaths(TestServer server) => EndpointList
        .Create(new() { Engine = server.Engine, Names = ["m"], Root = "" }, new(), server.Server.State, new())
        .Select(route => route.Path.Replace("*", "m"));

    private static Task<HttpStatusCode> GetAsync(TestServer server, string path, string key) =>
        SendAsync(server, path, "Bearer " + key);

    private static async Task<HttpStatusCode> SendAsync(TestServer server, string path, string authorization)
    {
        using var message = new HttpRequestMessage(HttpMethod.Get, path);
        message.Headers.TryAddWithoutValidation("Authorization", authorization);
        using HttpResponseMessage response = await server.Client.SendAsync(message);
        return response.StatusCode;
    }
}
