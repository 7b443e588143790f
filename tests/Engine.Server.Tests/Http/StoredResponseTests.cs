using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Responses;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>Responses that are kept: previous_response_id, GET, DELETE, input_items.</summary>
internal sealed class StoredResponseTests
{
    private const string Path = "/v1/responses";

    [Test]
    public async Task AConversationGoesOnFromWhatWasKept([Values] bool isStream)
    {
        await using TestServer server = await StartAsync();
        JsonElement first = await PostAsync(server, """{"model":"m","input":"One"}""", isStream);
        string id = first.GetProperty("id").GetString()!;
        JsonElement second = await server.PostJsonAsync(
            Path, $$"""{"model":"m","input":[{"role":"user","content":"Two"}],"previous_response_id":"{{id}}"}""");
        string prompt = string.Concat(
            server.Engine.LastRequest!.PromptTokenIds!.Select(token => (char)(token - 3)));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(prompt, Is.EqualTo("One\nabc\nTwo\n"));
            Assert.That(second.GetProperty("previous_response_id").GetString(), Is.EqualTo(id));
            Assert.That(second.GetProperty("store").GetBoolean(), Is.True);
            Assert.That(SchemaCheck.Find(TestData.Schema("response"), second), Is.Null);
        }
    }

    [Test]
    public async Task WhatWasKeptCanBeReadAndDeleted()
    {
        await using TestServer server = await StartAsync();
        JsonElement answer = await server.PostJsonAsync(Path, """{"model":"m","input":"One"}""");
        string path = $"{Path}/{answer.GetProperty("id").GetString()}";
        Assert.That(await server.Client.GetStringAsync(path), Is.EqualTo(answer.GetRawText()));
        JsonElement items = JsonDocument.Parse(await server.Client.GetStringAsync(path + "/input_items")).RootElement;
        JsonElement item = items.GetProperty("data")[0];
        Assert.That(item.GetProperty("content")[0].GetProperty("text").GetString(), Is.EqualTo("One"));
        using HttpResponseMessage cancelled = await server.PostAsync(path + "/cancel", "");
        using HttpResponseMessage deleted = await server.Client.DeleteAsync(path);
        using HttpResponseMessage again = await server.Client.DeleteAsync(path);
        using HttpResponseMessage gone = await server.Client.GetAsync(path);
        Assert.That(
            new[] { cancelled.StatusCode, deleted.StatusCode, again.StatusCode, gone.StatusCode },
            Is.EqualTo(new[]
            {
                HttpStatusCode.BadRequest, HttpStatusCode.OK, HttpStatusCode.NotFound, HttpStatusCode.NotFound,
            }));
    }

    [Test]
    public async Task WhatIsNotToBeKeptIsNot()
    {
        await using TestServer server = await StartAsync();
        JsonElement answer = await server.PostJsonAsync(Path, """{"model":"m","input":"One","store":false}""");
        string id = answer.GetProperty("id").GetString()!;
        using HttpResponseMessage response = await server.Client.GetAsync($"{Path}/{id}");
        using HttpResponseMessage next = await server.PostAsync(
            Path, """{"model":"m","input":"Two","previous_response_id":"resp_unknown"}""");
        Assert.That(answer.GetProperty("store").GetBoolean(), Is.False);
        Assert.That(
            (response.StatusCode, next.StatusCode), Is.EqualTo((HttpStatusCode.NotFound, HttpStatusCode.NotFound)));
    }

    [Test]
    public async Task AnotherKeyDoesNotSeeIt()
    {
        await using TestServer server = await StartAsync("key-a", "key-b");
        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "key-a");
        JsonElement answer = await server.PostJsonAsync(Path, """{"model":"m","input":"One"}""");
        string path = $"{Path}/{answer.GetProperty("id").GetString()}";
        using HttpResponseMessage own = await server.Client.GetAsync(path);
        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "key-b");
        using HttpResponseMessage other = await server.Client.GetAsync(path);
        using HttpResponseMessage deleted = await server.Client.DeleteAsync(path);
        Assert.That(
            (own.StatusCode, other.StatusCode, deleted.StatusCode),
            Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.NotFound, HttpStatusCode.NotFound)));
    }

    [Test]
    public void TheOldestGoFirstWhenTheMemoryIsFull()
    {
        var kept = new StoredResponses(8_000, TimeSpan.FromHours(1), TimeProvider.System);
        JsonElement text = JsonDocument.Parse($"\"{new string('x', 1000)}\"").RootElement;
        JsonElement empty = JsonDocument.Parse("[]").RootElement;
        for (int i = 0; i < 20; i++)
        {
            kept.Keep($"resp_{i}", new StoredResponse("a", text, empty));
        }

        Assert.That(kept.Count, Is.EqualTo(3));
        Assert.That(kept.Find("resp_19", "a"), Is.Not.Null);
        Assert.That(kept.Find("resp_0", "a"), Is.Null);
    }

    [Test]
    public async Task WhatIsOldIsForgotten()
    {
        var kept = new StoredResponses(8_000, TimeSpan.FromMilliseconds(1), TimeProvider.System);
        JsonElement empty = JsonDocument.Parse("[]").RootElement;
        kept.Keep("resp_1", new StoredResponse("a", empty, empty));
        await Task.Delay(20);
        Assert.That(kept.Find("resp_1", "a"), Is.Null);
        kept.Keep("resp_2", new StoredResponse("a", empty, empty));
        Assert.That(kept.Count, Is.EqualTo(1));
    }

    private static Task<TestServer> StartAsync(params string[] keys) => TestServer.StartAsync(
        new FakeEngine { Script = "abc" },
        new ServerOptions { Port = 0, StoresResponses = true, ApiKeys = keys },
        ChatFormats.None);

    private static async Task<JsonElement> PostAsync(TestServer server, string body, bool isStream)
    {
        if (!isStream)
        {
            return await server.PostJsonAsync(Path, body);
        }

        using HttpResponseMessage response = await server.PostAsync(Path, body[..^1] + ",\"stream\":true}");
        string text = await response.Content.ReadAsStringAsync();
        string last = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[^1];
        return JsonDocument.Parse(last[(last.IndexOf("data: ", StringComparison.Ordinal) + 6)..]).RootElement
            .GetProperty("response");
    }
}
