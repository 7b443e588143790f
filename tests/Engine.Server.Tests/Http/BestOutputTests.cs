using System.Net;
using System.Text.Json;
using Engine.Hosting;
using Engine.Server.Http.Hosting;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>use_beam_search and best_of, with the demo model.</summary>
[TestFixture]
public sealed class BestOutputTests
{
    private const string Completions = "/v1/completions";
    private const string Chat = "/v1/chat/completions";
    private const string Messages = "\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story.\"}]";

    private LoadedModel _loaded = null!;
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _loaded = LoadedModel.Load(new ModelLoadOptions { Model = EngineProcess.DemoModelFolder });
        var worker = new EngineWorker(
            _loaded, new EngineOptions { MaxNumSeqs = 8, NumBlocks = 128, MaxModelLen = 256 });
        _server = await TestServer.StartAsync(new ServedModel
        {
            Engine = new WorkerBackend(worker),
            Names = ["m"],
            Root = "demo",
            Chat = new FakeChat(),
        });
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _server.DisposeAsync();
        _loaded.Dispose();
    }

    [Test]
    public async Task ABeamSearchAnswersWithNOutputsBestFirst()
    {
        JsonElement answer = await _server.PostJsonAsync(
            Completions,
            """{"prompt":"Once upon a time","use_beam_search":true,"n":3,"max_tokens":8,"temperature":0,"logprobs":2}""");
        Assert.That(SchemaCheck.Find(TestData.Schema("completion"), answer), Is.Null);
        double[] sums = [.. answer.GetProperty("choices").EnumerateArray().Select(SumOf)];
        Assert.That(sums, Has.Length.EqualTo(3).And.Ordered.Descending);
        Assert.That(answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), Is.EqualTo(24));
    }

    [Test]
    public async Task AStreamedBeamSearchSaysTheSame()
    {
        const string body = $$"""{{{Messages}},"use_beam_search":true,"n":2,"max_tokens":6""";
        JsonElement whole = await _server.PostJsonAsync(Chat, body + "}");
        List<string> events = await _server.StreamAsync(Chat, body + ",\"stream\":true}");
        string[] texts = ["", ""];
        foreach (JsonElement choice in events.SkipLast(1)
            .Select(text => JsonDocument.Parse(text).RootElement.GetProperty("choices")[0]))
        {
            texts[choice.GetProperty("index").GetInt32()] +=
                choice.GetProperty("delta").TryGetProperty("content", out JsonElement text) ? text.GetString() : "";
        }

        Assert.That(texts, Is.EqualTo(whole.GetProperty("choices").EnumerateArray()
            .Select(choice => choice.GetProperty("message").GetProperty("content").GetString())));
    }

    [Test]
    public async Task AGrammarWithFewTextsHasFewBeams()
    {
        JsonElement answer = await _server.PostJsonAsync(
            Completions,
            """{"prompt":"Is it so?","use_beam_search":true,"n":4,"structured_outputs":{"regex":"no"},"max_tokens":4}""");
        Assert.That(
            answer.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("text").GetString()),
            Is.All.EqualTo("no"));
        Assert.That(answer.GetProperty("choices").GetArrayLength(), Is.InRange(1, 2));
    }

    [Test]
    public async Task BestOfKeepsThoseOfTheHighestMeanLogProbability()
    {
        const string body = """{"prompt":"Once upon a time","max_tokens":12,"temperature":1.2,"seed":4""";
        JsonElement all = await _server.PostJsonAsync(Completions, body + ",\"n\":6,\"logprobs\":0}");
        JsonElement best = await _server.PostJsonAsync(Completions, body + ",\"n\":2,\"best_of\":6}");
        string?[] expected =
        [
            .. all.GetProperty("choices").EnumerateArray().OrderByDescending(MeanOf).Take(2)
                .Select(choice => choice.GetProperty("text").GetString()),
        ];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(best.GetProperty("choices").EnumerateArray().Select(c => c.GetProperty("text").GetString()), Is.EqualTo(expected));
            Assert.That(best.GetProperty("choices").EnumerateArray().Select(c => c.GetProperty("index").GetInt32()), Is.EqualTo(new[] { 0, 1 }));
            Assert.That(best.GetProperty("choices")[0].GetProperty("logprobs").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(
                best.GetProperty("usage").GetProperty("completion_tokens").GetInt32(),
                Is.EqualTo(all.GetProperty("usage").GetProperty("completion_tokens").GetInt32()));
        }
    }

    [TestCase(Completions, "\"prompt\":\"Hi\",\"n\":2,\"best_of\":1", "best_of")]
    [TestCase(Completions, "\"prompt\":\"Hi\",\"best_of\":2,\"stream\":true", "best_of")]
    [TestCase(Completions, "\"prompt\":\"Hi\",\"best_of\":2,\"temperature\":0", "best_of")]
    [TestCase(Completions, "\"prompt\":\"Hi\",\"best_of\":100", "n")]
    [TestCase(Chat, Messages + ",\"best_of\":2", "best_of")]
    [TestCase(Completions, "\"prompt\":\"Hi\",\"use_beam_search\":true,\"stop\":[\"x\"]", "stop")]
    [TestCase(Completions, "\"prompt\":\"Hi\",\"use_beam_search\":true,\"echo\":true,\"logprobs\":1", "echo")]
    [TestCase(Completions, "\"prompt\":\"Hi\",\"use_beam_search\":1", "use_beam_search")]
    [TestCase(Completions, "\"prompt\":\"Hi\",\"use_beam_search\":true,\"length_penalty\":\"x\"", "length_penalty")]
    public async Task WhatCannotBeIsRefusedByName(string path, string body, string parameter)
    {
        using HttpResponseMessage response = await _server.PostAsync(path, "{" + body + "}");
        string text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), text);
        Assert.That(
            JsonDocument.Parse(text).RootElement.GetProperty("error").GetProperty("param").GetString(),
            Is.EqualTo(parameter));
    }

    private static double MeanOf(JsonElement choice) =>
        SumOf(choice) / choice.GetProperty("logprobs").GetProperty("tokens").GetArrayLength();

    private static double SumOf(JsonElement choice) => choice.GetProperty("logprobs").GetProperty("token_logprobs")
        .EnumerateArray().Sum(value => value.GetDouble());
}
