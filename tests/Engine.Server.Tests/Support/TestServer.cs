using System.Net;
using System.Text;
using System.Text.Json;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;

namespace Engine.Server.Tests.Support;

/// <summary>The real server on a free port of this machine, over a fake engine or a given one.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly ApiServer _server;

    private TestServer(ApiServer server, FakeEngine? engine, StringWriter log)
    {
        _server = server;
        Engine = engine!;
        Log = log;
        Client = new HttpClient { BaseAddress = server.Address, Timeout = TimeSpan.FromSeconds(60) };
    }

    /// <summary>The fake engine; null if another was given.</summary>
    public FakeEngine Engine { get; }

    public HttpClient Client { get; }

    public StringWriter Log { get; }

    public Uri Address => _server.Address;

    public ApiServer Server => _server;

    public static Task<TestServer> StartAsync(
        FakeEngine? engine = null, ServerOptions? options = null, ChatFormats? formats = null)
    {
        engine ??= new FakeEngine();
        var model = new ServedModel
        {
            Engine = engine,
            Names = ["m"],
            Root = "fake",
            Chat = new FakeChat(),
            Formats = formats ?? ChatFormats.None,
        };
        return StartAsync(model, engine, options);
    }

    public static async Task<TestServer> StartAsync(
        ServedModel model, FakeEngine? engine = null, ServerOptions? options = null)
    {
        var log = new StringWriter();
        var server = new ApiServer(model, options ?? new ServerOptions { Port = 0 }, log);
        await server.StartAsync();
        return new TestServer(server, engine, log);
    }

    public Task<HttpResponseMessage> PostAsync(string path, string json) =>
        Client.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));

    /// <summary>Posts, expects 200, and gives the answer.</summary>
    public async Task<JsonElement> PostJsonAsync(string path, string json)
    {
        using HttpResponseMessage response = await PostAsync(path, json);
        string text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), text);
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>Posts and gives the data of every event of the stream, "[DONE]" included.</summary>
    public async Task<List<string>> StreamAsync(string path, string json)
    {
        using HttpResponseMessage response = await PostAsync(path, json);
        string text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), text);
        Assert.That(response.Content.Headers.ContentType!.MediaType, Is.EqualTo("text/event-stream"));
        string[] events = text.Split("\n\n");
        Assert.That(events[^1], Is.Empty, "the stream must end with an empty line");
        return [.. events[..^1].Where(e => !e.StartsWith(':')).Select(e =>
        {
            Assert.That(e, Does.StartWith("data: "));
            return e["data: ".Length..];
        })];
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _server.DisposeAsync();
        Engine?.Dispose();
    }
}
