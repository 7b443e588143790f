using System.Net;
using System.Text.Json;
using Engine.Hosting;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>/sleep, /wake_up and /is_sleeping.</summary>
[TestFixture]
public sealed class SleepTests
{
    [Test]
    public async Task TheRoutesAreClosedUnlessAskedFor()
    {
        await using TestServer server = await TestServer.StartAsync();
        using HttpResponseMessage response = await server.Client.PostAsync("/sleep", null);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task ItSleepsQueuesWakesAndAnswers([Values(0, 1, 2)] int level)
    {
        await using TestServer server = await StartAsync();
        Assert.That(await IsSleepingAsync(server), Is.False);
        await PostAsync(server, $"/sleep?level={level}");
        Assert.That(await IsSleepingAsync(server));
        string metrics = await server.Client.GetStringAsync("/metrics");
        using HttpResponseMessage health = await server.Client.GetAsync("/health");
        Task<JsonElement> answer = server.PostJsonAsync("/v1/completions", """{"prompt":"Hi","max_tokens":3}""");
        await Task.Delay(50);
        bool isWaiting = !answer.IsCompleted;
        await PostAsync(server, "/wake_up");
        JsonElement text = await answer;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(isWaiting);
            Assert.That(text.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), Is.EqualTo(3));
            Assert.That(await IsSleepingAsync(server), Is.False);
            Assert.That(health.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(metrics, Does.Contain("sleep_state=\"awake\"} 0"));
        }
    }

    [Test]
    public async Task AKeptStreamGoesOnAfterwards()
    {
        await using TestServer server = await StartAsync("fake:eos_period=0,delay_ms=2");
        const string body = """{"prompt":"Hi","max_tokens":60,"stream":true,"temperature":0}""";
        string[] undisturbed = Texts(await server.StreamAsync("/v1/completions", body));
        Task<List<string>> stream = server.StreamAsync("/v1/completions", body);
        await Task.Delay(30);
        await PostAsync(server, "/sleep?mode=keep");
        await PostAsync(server, "/wake_up?tags=weights&tags=kv_cache");
        Assert.That(Texts(await stream), Is.EqualTo(undisturbed));
    }

    [TestCase("/sleep?level=3", "level")]
    [TestCase("/sleep?level=x", "level")]
    [TestCase("/sleep?mode=soon", "mode")]
    [TestCase("/wake_up?tags=cat", "tags")]
    public async Task WhatIsNotKnownIsRefusedByName(string path, string param)
    {
        await using TestServer server = await StartAsync();
        using HttpResponseMessage response = await server.Client.PostAsync(path, null);
        JsonElement error = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("error");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
            Assert.That(error.GetProperty("param").GetString(), Is.EqualTo(param));
        }
    }

    private static string[] Texts(List<string> events) =>
    [
        .. events.Where(e => e != "[DONE]")
            .Select(e => JsonDocument.Parse(e).RootElement.GetProperty("choices")[0].GetProperty("text").GetString()!),
    ];

    private static async Task PostAsync(TestServer server, string path)
    {
        using HttpResponseMessage response = await server.Client.PostAsync(path, null);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), path);
    }

    private static async Task<bool> IsSleepingAsync(TestServer server) => JsonDocument.Parse(
        await server.Client.GetStringAsync("/is_sleeping")).RootElement.GetProperty("is_sleeping").GetBoolean();

    private static Task<TestServer> StartAsync(string fake = "fake:eos_period=0") => TestServer.StartAsync(
        new ServedModel
        {
            Engine = new WorkerBackend(FakeModel.CreateWorker(fake, new EngineOptions { MaxNumSeqs = 8 })),
            Names = ["m"],
            Root = "fake:",
        },
        null,
        new ServerOptions { Port = 0, AllowsSleep = true });
}
