using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>/v1/responses with background: made while nobody waits, read, followed, cancelled later.</summary>
internal sealed class BackgroundResponseTests
{
    private const string Path = "/v1/responses";
    private const string Body = """{"model":"m","input":"One","background":true}""";
    private const string Stream = """{"model":"m","input":"One","background":true,"stream":true}""";
    private static readonly string[] EndStates = ["completed", "incomplete", "failed", "cancelled"];

    [Test]
    public async Task ItIsAnsweredAtOnceAndReadWhenItHasEnded()
    {
        await using TestServer server = await StartAsync(TimeSpan.FromMilliseconds(20));
        JsonElement begun = await server.PostJsonAsync(Path, Body);
        JsonElement ended = await EndAsync(server, IdOf(begun));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(StatusOf(begun), Is.AnyOf("queued", "in_progress"));
            Assert.That(begun.GetProperty("background").GetBoolean(), Is.True);
            Assert.That(begun.GetProperty("output").GetArrayLength(), Is.Zero);
            Assert.That(StatusOf(ended), Is.EqualTo("completed"));
            Assert.That(TextOf(ended), Is.EqualTo("abc"));
            Assert.That(ended.GetProperty("usage").GetProperty("output_tokens").GetInt32(), Is.EqualTo(3));
            Assert.That(SchemaCheck.Find(TestData.Schema("response"), ended), Is.Null);
        }
    }

    [Test]
    public async Task AConversationGoesOnFromItOnceItHasEnded()
    {
        await using TestServer server = await StartAsync(TimeSpan.FromMilliseconds(100));
        string id = IdOf(await server.PostJsonAsync(Path, Body));
        string next = $$"""{"model":"m","input":"Two","previous_response_id":"{{id}}"}""";
        using HttpResponseMessage early = await server.PostAsync(Path, next);
        _ = await EndAsync(server, id);
        using HttpResponseMessage late = await server.PostAsync(Path, next);
        Assert.That((early.StatusCode, late.StatusCode), Is.EqualTo((HttpStatusCode.BadRequest, HttpStatusCode.OK)));
    }

    [Test]
    public async Task CancellingEndsItAndKeepsWhatThereIs([Values(Body, Stream)] string body)
    {
        await using TestServer server = await StartAsync(TimeSpan.FromSeconds(20), fails: false);
        using HttpResponseMessage begun = await SendAsync(server, body);
        string id = await IdOfAsync(begun);
        JsonElement cancelled = await server.PostJsonAsync($"{Path}/{id}/cancel", "");
        JsonElement again = await server.PostJsonAsync($"{Path}/{id}/cancel", "");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(StatusOf(cancelled), Is.EqualTo("cancelled"));
            Assert.That(cancelled.GetProperty("error").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(again.GetRawText(), Is.EqualTo(cancelled.GetRawText()));
            Assert.That(server.Engine.NumRunning, Is.Zero);
            Assert.That(() => server.Server.State.NumActive, Is.Zero.After(2000, 10));
        }
    }

    [Test]
    public async Task WhatFailsSaysSo()
    {
        await using TestServer server = await StartAsync(TimeSpan.Zero, fails: true);
        JsonElement ended = await EndAsync(server, IdOf(await server.PostJsonAsync(Path, Body)));
        Assert.That(StatusOf(ended), Is.EqualTo("failed"));
        Assert.That(ended.GetProperty("error").GetProperty("message").GetString(), Does.Contain("it broke"));
    }

    [Test]
    public async Task DeletingEndsItAndLeavesNothing()
    {
        await using TestServer server = await StartAsync(TimeSpan.FromSeconds(20));
        string path = $"{Path}/{IdOf(await server.PostJsonAsync(Path, Body))}";
        using HttpResponseMessage deleted = await server.Client.DeleteAsync(path);
        using HttpResponseMessage gone = await server.Client.GetAsync(path);
        Assert.That((deleted.StatusCode, gone.StatusCode), Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.NotFound)));
        Assert.That(server.Engine.NumRunning, Is.Zero);
    }

    [Test]
    public async Task AStreamIsTheSameForWhoComesBack()
    {
        await using TestServer server = await StartAsync(TimeSpan.FromMilliseconds(30));
        using HttpResponseMessage begun = await SendAsync(server, Stream);
        string id = await IdOfAsync(begun);
        string live = await server.Client.GetStringAsync($"{Path}/{id}?stream=true");
        _ = await EndAsync(server, id);
        string kept = await server.Client.GetStringAsync($"{Path}/{id}?stream=true");
        string rest = await server.Client.GetStringAsync($"{Path}/{id}?stream=true&starting_after=4");
        string[] events = live.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        string[] types = [.. events.Select(e => e["event: ".Length..e.IndexOf('\n', StringComparison.Ordinal)])];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(kept, Is.EqualTo(live));
            Assert.That(rest, Is.EqualTo(string.Concat(events.Skip(5).Select(e => e + "\n\n"))));
            Assert.That(types[..4], Is.EqualTo(new[]
            {
                "response.created", "response.queued", "response.in_progress", "response.output_item.added",
            }));
            Assert.That(types[^1], Is.EqualTo("response.completed"));
            Assert.That(events.Select(e => DataOf(e).GetProperty("sequence_number").GetInt32()),
                Is.EqualTo(Enumerable.Range(0, events.Length)));
        }
    }

    [Test]
    public async Task AClientThatLeavesItsStreamDoesNotEndIt()
    {
        await using TestServer server = await StartAsync(TimeSpan.FromMilliseconds(50));
        string id;
        using (HttpResponseMessage begun = await SendAsync(server, Stream))
        {
            id = await IdOfAsync(begun);
        }

        Assert.That(TextOf(await EndAsync(server, id)), Is.EqualTo("abc"));
    }

    [TestCase("?stream=true", "stream")]
    [TestCase("?stream=true&starting_after=x", "starting_after")]
    public async Task WhatCannotBeFollowedIsRefusedByName(string query, string parameter)
    {
        await using TestServer server = await StartAsync(TimeSpan.Zero);
        string id = IdOf(await server.PostJsonAsync(Path, Body));
        if (parameter == "starting_after")
        {
            using HttpResponseMessage begun = await SendAsync(server, Stream);
            id = await IdOfAsync(begun);
        }

        using HttpResponseMessage response = await server.Client.GetAsync($"{Path}/{id}{query}");
        JsonElement error = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("error");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(error.GetProperty("param").GetString(), Is.EqualTo(parameter));
    }

    [TestCase(true, """{"model":"m","input":"One","background":true,"store":false}""")]
    [TestCase(false, Body)]
    public async Task WithoutAPlaceToKeepItItIsRefused(bool isKept, string body)
    {
        await using TestServer server = await TestServer.StartAsync(
            options: new ServerOptions { Port = 0, StoresResponses = isKept });
        using HttpResponseMessage response = await server.PostAsync(Path, body);
        string text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), text);
        Assert.That(text, Does.Contain("\"param\":\"background\""));
        Assert.That(server.Engine.NumSubmitted, Is.Zero);
    }

    [Test]
    public async Task AFullQueueRefusesItAtOnce()
    {
        await using TestServer server = await StartAsync(TimeSpan.Zero);
        server.Engine.IsQueueFull = true;
        using HttpResponseMessage response = await server.PostAsync(Path, Body);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.TooManyRequests));
        Assert.That(() => server.Server.State.NumActive, Is.Zero.After(2000, 10));
    }

    [Test]
    public async Task AnotherKeyNeitherSeesNorCancelsIt()
    {
        await using TestServer server = await StartAsync(TimeSpan.FromSeconds(20), false, "key-a", "key-b");
        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "key-a");
        string path = $"{Path}/{IdOf(await server.PostJsonAsync(Path, Body))}";
        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "key-b");
        using HttpResponseMessage read = await server.Client.GetAsync(path);
        using HttpResponseMessage cancelled = await server.PostAsync(path + "/cancel", "");
        using HttpResponseMessage deleted = await server.Client.DeleteAsync(path);
        Assert.That(
            new[] { read.StatusCode, cancelled.StatusCode, deleted.StatusCode },
            Is.All.EqualTo(HttpStatusCode.NotFound));
        Assert.That(server.Engine.NumRunning, Is.EqualTo(1));
    }

    [Test]
    public async Task TheServersDrainEndsIt()
    {
        await using TestServer server = await TestServer.StartAsync(
            new FakeEngine { Script = "abc", TokenDelay = TimeSpan.FromSeconds(20) },
            new ServerOptions { Port = 0, StoresResponses = true, DrainTimeout = TimeSpan.FromMilliseconds(50) });
        _ = await server.PostJsonAsync(Path, Body);
        Assert.That(await server.Server.DrainAsync(), Is.False);
        Assert.That((server.Engine.NumRunning, server.Server.State.NumActive), Is.EqualTo((0, 0)));
    }

    private static Task<TestServer> StartAsync(TimeSpan delay, bool fails = false, params string[] keys) =>
        TestServer.StartAsync(
            new FakeEngine { Script = "abc", TokenDelay = delay, FailAfterTokens = fails ? 1 : -1 },
            new ServerOptions { Port = 0, StoresResponses = true, ApiKeys = keys },
            ChatFormats.None);

    // Headers only: the body of a stream goes on.
    private static Task<HttpResponseMessage> SendAsync(TestServer server, string body) => server.Client.SendAsync(
        new HttpRequestMessage(HttpMethod.Post, Path)
        {
            Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json"),
        },
        HttpCompletionOption.ResponseHeadersRead);

    private static async Task<string> IdOfAsync(HttpResponseMessage response)
    {
        if (response.Content.Headers.ContentType!.MediaType == "application/json")
        {
            return IdOf(JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement);
        }

        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        _ = await reader.ReadLineAsync();
        return IdOf(JsonDocument.Parse((await reader.ReadLineAsync())!["data: ".Length..]).RootElement.GetProperty("response"));
    }

    private static async Task<JsonElement> EndAsync(TestServer server, string id)
    {
        for (int i = 0; ; i++)
        {
            JsonElement now = JsonDocument.Parse(await server.Client.GetStringAsync($"{Path}/{id}")).RootElement;
            if (EndStates.Contains(StatusOf(now)) || i == 500)
            {
                return now;
            }

            await Task.Delay(20);
        }
    }

    private static JsonElement DataOf(string text) =>
        JsonDocument.Parse(text[(text.IndexOf("data: ", StringComparison.Ordinal) + 6)..]).RootElement;

    private static string IdOf(JsonElement response) => response.GetProperty("id").GetString()!;

    private static string StatusOf(JsonElement response) => response.GetProperty("status").GetString()!;

    private static string TextOf(JsonElement response) =>
        response.GetProperty("output")[0].GetProperty("content")[0].GetProperty("text").GetString()!;
}
