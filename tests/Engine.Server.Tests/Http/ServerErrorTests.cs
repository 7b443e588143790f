using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Engine.Diagnostics;
using Engine.Server.Http;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>The errors of server_errors.json, which depend on the server's state or limits.</summary>
[TestFixture]
public sealed class ServerErrorTests
{
    private const string GoodCompletion = """{"model":"m","prompt":"Hi"}""";

    public static IEnumerable<TestCaseData> Rows() =>
        TestData.Json(TestData.OpenAi("server_errors.json")).EnumerateArray()
            .Where(row => !row.TryGetProperty("stream_ends_with", out _))
            .Select(row => new TestCaseData(row).SetName($"ServerError {row.GetProperty("why").GetString()}"));

    [TestCaseSource(nameof(Rows))]
    public async Task AStateOrLimitIsAnsweredAsTheReferenceSays(JsonElement row)
    {
        await using TestServer server = await StartAsync(row);
        JsonElement request = row.GetProperty("request");
        using var message = new HttpRequestMessage(
            new HttpMethod(request.GetProperty("method").GetString()!), request.GetProperty("path").GetString());
        Fill(message, request);
        using HttpResponseMessage response = await server.Client.SendAsync(message);
        string text = await response.Content.ReadAsStringAsync();
        int status = row.GetProperty("status").GetInt32();
        Assert.That((int)response.StatusCode, Is.EqualTo(status), text);
        if (row.TryGetProperty("headers", out JsonElement headers))
        {
            Assert.That(headers.EnumerateArray().All(name => response.Headers.Contains(name.GetString()!)), Is.True);
        }

        // 431 comes from below the server's own code, without a body.
        if (status >= 400 && status != 431)
        {
            JsonElement body = JsonDocument.Parse(text).RootElement;
            Assert.That(SchemaCheck.Find(TestData.Schema("error"), body), Is.Null);
            if (row.TryGetProperty("type", out JsonElement type))
            {
                Assert.That(body.GetProperty("error").GetProperty("type").GetString(), Is.EqualTo(type.GetString()));
            }
        }
    }

    [Test]
    public async Task AnErrorWhileStreamingIsAnEventAndThenDone()
    {
        await using TestServer server = await TestServer.StartAsync(new FakeEngine { FailAfterTokens = 1 });
        List<string> events = await server.StreamAsync(
            "/v1/completions", """{"model":"m","prompt":"Hi","stream":true}""");
        Assert.That(events[^1], Is.EqualTo("[DONE]"));
        JsonElement last = JsonDocument.Parse(events[^2]).RootElement;
        Assert.That(SchemaCheck.Find(TestData.Schema("error"), last), Is.Null);
        Assert.That(events.Count(e => e == "[DONE]"), Is.EqualTo(1));
    }

    [Test]
    public async Task AFailedRequestIsA500WithoutTheServersInside()
    {
        await using TestServer server = await TestServer.StartAsync(new FakeEngine { FailAfterTokens = 1 });
        using HttpResponseMessage response = await server.PostAsync("/v1/completions", GoodCompletion);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.InternalServerError));
    }

    [Test]
    public async Task ABodyDeclaredTooLargeIsRefusedBeforeItIsSent()
    {
        await using TestServer server = await TestServer.StartAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Address.Port);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 30000001\r\n\r\n"));
        byte[] answer = new byte[4096];
        int count = await stream.ReadAsync(answer);
        Assert.That(Encoding.ASCII.GetString(answer, 0, count), Does.StartWith("HTTP/1.1 413"));
    }

    [Test]
    public async Task TooManyHeadersAreRefused()
    {
        await using TestServer server = await TestServer.StartAsync();
        using var message = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        for (int i = 0; i < 120; i++)
        {
            message.Headers.Add($"X-{i}", "1");
        }

        using HttpResponseMessage response = await server.Client.SendAsync(message);
        Assert.That((int)response.StatusCode, Is.EqualTo(431));
    }

    private static Task<TestServer> StartAsync(JsonElement row)
    {
        var engine = new FakeEngine();
        var keys = new List<string>();
        bool isDraining = false;
        if (row.TryGetProperty("server", out JsonElement state))
        {
            if (state.TryGetProperty("api_key", out JsonElement key))
            {
                keys.Add(key.GetString()!);
            }

            engine.IsQueueFull = state.TryGetProperty("queue", out _);
            string? name = state.TryGetProperty("state", out JsonElement given) ? given.GetString() : null;
            isDraining = name == "draining";
            if (name == "failed")
            {
                engine.Health = new EngineHealth(EngineHealthState.Failed, "the device is gone");
            }
        }

        return StartAsync(engine, keys, isDraining);
    }

    private static async Task<TestServer> StartAsync(FakeEngine engine, List<string> keys, bool isDraining)
    {
        TestServer server = await TestServer.StartAsync(engine, new ServerOptions { Port = 0, ApiKeys = keys });
        if (isDraining)
        {
            server.Server.State.BeginDrain();
        }

        return server;
    }

    private static void Fill(HttpRequestMessage message, JsonElement request)
    {
        if (request.TryGetProperty("headers", out JsonElement headers))
        {
            foreach (JsonProperty header in headers.EnumerateObject())
            {
                message.Headers.TryAddWithoutValidation(header.Name, header.Value.GetString());
            }
        }

        if (request.TryGetProperty("header_bytes", out JsonElement size))
        {
            message.Headers.TryAddWithoutValidation("X-Long", new string('a', Math.Min(size.GetInt32(), 60_000)));
        }

        if (message.Method == HttpMethod.Post)
        {
            byte[] body = request.TryGetProperty("body_bytes", out JsonElement bytes)
                ? new byte[Math.Min(bytes.GetInt32(), 31_000_000)]
                : Encoding.UTF8.GetBytes(GoodCompletion);
            message.Content = new ByteArrayContent(body);
            message.Content.Headers.ContentType = new("application/json");
        }
    }
}
