using System.Net;
using System.Net.Sockets;
using System.Text;
using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Server.Http;
using Engine.Server.Http.Generation;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>Health, clients that leave or do not read, and shutdown.</summary>
[TestFixture]
public sealed class LifecycleTests
{
    private const string LongStream = """{"prompt":"Hi","max_tokens":40,"stream":true}""";

    [TestCase("/livez", HttpStatusCode.OK)]
    [TestCase("/readyz", HttpStatusCode.ServiceUnavailable)]
    [TestCase("/health", HttpStatusCode.ServiceUnavailable)]
    [TestCase("/ping", HttpStatusCode.ServiceUnavailable)]
    [TestCase("/v1/models", HttpStatusCode.ServiceUnavailable)]
    public async Task AStalledEngineIsNotHealthyButAlive(string path, HttpStatusCode expected)
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Engine.Health = new EngineHealth(EngineHealthState.Stalled, "no step has ended for 30 s");
        using HttpResponseMessage response = await server.Client.GetAsync(path);
        Assert.That(response.StatusCode, Is.EqualTo(expected));
    }

    [Test]
    public async Task ProbesNeverGenerate()
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach (string path in new[] { "/livez", "/readyz", "/health", "/ping" })
        {
            using HttpResponseMessage response = await server.Client.GetAsync(path);
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), path);
        }

        Assert.That(server.Engine.NumSubmitted, Is.Zero);
    }

    [Test]
    public async Task AClientThatLeavesEndsItsRequestAndNoOther([Values] bool isStream)
    {
        var engine = new FakeEngine { TokenDelay = TimeSpan.FromMilliseconds(20) };
        await using TestServer server = await TestServer.StartAsync(engine);
        Task<List<string>> survivor = server.StreamAsync("/v1/completions", LongStream);
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Address.Port);
        string body = isStream ? LongStream : LongStream.Replace(",\"stream\":true", "");
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
        await Until(() => engine.NumRunning == 2);
        client.Close();
        await Until(() => engine.NumCancelled == 1);
        List<string> events = await survivor;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(events, Has.Count.EqualTo(42), "40 tokens, the end, [DONE]");
            Assert.That(engine.NumRunning, Is.Zero);
        }
    }

    [Test]
    public async Task ADrainLetsStreamsEnd()
    {
        var engine = new FakeEngine { TokenDelay = TimeSpan.FromMilliseconds(5) };
        await using TestServer server = await TestServer.StartAsync(engine);
        Task<List<string>> stream = server.StreamAsync("/v1/completions", LongStream);
        await Until(() => engine.NumRunning == 1);
        bool isClean = await server.Server.DrainAsync();
        List<string> events = await stream;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(isClean, Is.True);
            Assert.That(events[^1], Is.EqualTo("[DONE]"));
            Assert.That(events[^2], Does.Contain("\"finish_reason\":\"length\""));
        }
    }

    [Test]
    public async Task ADrainThatRunsOutEndsStreamsWithAnError()
    {
        var engine = new FakeEngine { TokenDelay = TimeSpan.FromMilliseconds(50) };
        await using TestServer server = await TestServer.StartAsync(
            engine, new ServerOptions { Port = 0, DrainTimeout = TimeSpan.FromMilliseconds(200) });
        Task<List<string>> stream = server.StreamAsync("/v1/completions", LongStream);
        await Until(() => engine.NumRunning == 1);
        bool isClean = await server.Server.DrainAsync();
        List<string> events = await stream;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(isClean, Is.False);
            Assert.That(events[^1], Is.EqualTo("[DONE]"));
            Assert.That(events[^2], Does.Contain("\"code\":503"));
        }
    }

    [Test]
    public async Task NewWorkIsRefusedWhileDraining()
    {
        await using TestServer server = await TestServer.StartAsync();
        server.Server.State.BeginDrain();
        using HttpResponseMessage response = await server.PostAsync("/v1/completions", """{"prompt":"Hi"}""");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
            Assert.That(response.Headers.ConnectionClose, Is.True);
        }
    }

    [Test]
    public void AClientThatDoesNotReadIsGivenUp()
    {
        using var given = new ManualResetEventSlim();
        var events = new EventQueue(maxBacklog: 4) { OnOverflow = given.Set, IsReaderBlocked = true };
        for (int i = 0; i < 5; i++)
        {
            events.OnEvent(new RequestEvent { Id = 1, UserTag = 0, Kind = RequestEventKind.Token });
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(given.Wait(TimeSpan.FromSeconds(10)), Is.True);
            Assert.That(events.HasOverflowed, Is.True);
        }
    }

    [Test]
    public void AServerThatIsBehindGivesNobodyUp()
    {
        var events = new EventQueue(maxBacklog: 4);
        for (int i = 0; i < 50; i++)
        {
            events.OnEvent(new RequestEvent { Id = 1, UserTag = 0, Kind = RequestEventKind.Token });
        }

        Assert.That(events.HasOverflowed, Is.False);
    }

    [Test]
    public async Task TokensAreHandedOverTogetherButForTheFirstAndTheEnd()
    {
        var events = new EventQueue(maxBacklog: 64, interval: 4);
        Add(events, 1);
        Assert.That(await events.WaitAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10)), Is.True);
        Assert.That(Read(events), Is.EqualTo(new[] { 1 }));
        Add(events, 2, 3, 4);
        Task<bool> wait = events.WaitAsync().AsTask();
        Assert.That(wait.Wait(100), Is.False, "three tokens wait for a fourth");
        Add(events, 5);
        Assert.That(await wait.WaitAsync(TimeSpan.FromSeconds(10)), Is.True);
        Assert.That(Read(events), Is.EqualTo(new[] { 2, 3, 4, 5 }));
        Add(events, 6);
        events.OnEvent(new RequestEvent { Id = 1, UserTag = 0, Kind = RequestEventKind.OutputFinished, TokenId = 7 });
        Assert.That(await events.WaitAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10)), Is.True);
        Assert.That(Read(events), Is.EqualTo(new[] { 6, 7 }));

        static void Add(EventQueue events, params int[] tokens) => Array.ForEach(tokens, token => events.OnEvent(
            new RequestEvent { Id = 1, UserTag = 0, Kind = RequestEventKind.Token, TokenId = token }));

        static List<int> Read(EventQueue events)
        {
            List<int> found = [];
            while (events.TryRead(out RequestEvent e))
            {
                found.Add(e.TokenId);
            }

            return found;
        }
    }

    [Test]
    public async Task AnIdleStreamIsKeptOpenByComments()
    {
        var engine = new FakeEngine { TokenDelay = TimeSpan.FromMilliseconds(300) };
        await using TestServer server = await TestServer.StartAsync(
            engine, new ServerOptions { Port = 0, PingInterval = TimeSpan.FromMilliseconds(50) });
        using HttpResponseMessage response = await server.PostAsync(
            "/v1/completions", """{"prompt":"Hi","max_tokens":1,"stream":true}""");
        Assert.That(await response.Content.ReadAsStringAsync(), Does.StartWith(": ping\n\n"));
    }

    [Test]
    public async Task LoadCountsRequestsUnderWay()
    {
        var engine = new FakeEngine { TokenDelay = TimeSpan.FromMilliseconds(10) };
        await using TestServer server = await TestServer.StartAsync(engine);
        Task<List<string>> stream = server.StreamAsync("/v1/completions", LongStream);
        await Until(() => engine.NumRunning == 1);
        string load = await server.Client.GetStringAsync("/load");
        await stream;
        Assert.That(load, Is.EqualTo("""{"server_load":1}"""));
    }

    [Test]
    public async Task TheLogHoldsNoPromptAndNoKey()
    {
        await using TestServer server = await TestServer.StartAsync(
            options: new ServerOptions { Port = 0, ApiKeys = ["secret-key"] });
        using var message = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = new StringContent("""{"prompt":"my private words"}""", null, "application/json"),
        };
        message.Headers.Add("Authorization", "Bearer secret-key");
        using HttpResponseMessage response = await server.Client.SendAsync(message);
        await Until(() => server.Log.ToString().Contains("/v1/completions 200"));
        Assert.That(server.Log.ToString(), Does.Not.Contain("private").And.Not.Contain("secret-key"));
    }

    private static async Task Until(Func<bool> condition)
    {
        for (int i = 0; i < 1000 && !condition(); i++)
        {
            await Task.Delay(10);
        }

        Assert.That(condition(), Is.True, "waited 10 s");
    }
}
