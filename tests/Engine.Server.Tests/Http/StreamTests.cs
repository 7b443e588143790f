using System.Text.Json;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>The order of events: tests/data/openai/event_order.json, in code.</summary>
[TestFixture]
public sealed class StreamTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    public static IEnumerable<TestCaseData> Streams()
    {
        foreach (string extra in new[]
        {
            "", ",\"n\":3", ",\"logprobs\":L", ",\"stream_options\":{\"include_usage\":true}",
            ",\"stream_options\":{\"include_usage\":true,\"continuous_usage_stats\":true},\"n\":2",
            ",\"return_token_ids\":true", ",\"echo\":true",
        })
        {
            yield return new TestCaseData("/v1/completions", "completion_chunk",
                "{\"prompt\":\"Hi\",\"stream\":true" + extra.Replace("L", "2") + "}");
            yield return new TestCaseData("/v1/chat/completions", "chat_completion_chunk",
                "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"max_tokens\":8,\"stream\":true"
                + extra.Replace("L", "true,\"top_logprobs\":2") + "}");
        }
    }

    [TestCaseSource(nameof(Streams))]
    public async Task EveryChunkFollowsTheSchema(string path, string schema, string body)
    {
        foreach (JsonElement chunk in await ChunksAsync(path, body))
        {
            Assert.That(SchemaCheck.Find(TestData.Schema(schema), chunk), Is.Null);
        }
    }

    [TestCaseSource(nameof(Streams))]
    public async Task DoneComesOnceAndLast(string path, string schema, string body)
    {
        _ = schema;
        List<string> events = await _server.StreamAsync(path, body);
        Assert.That(events.IndexOf("[DONE]"), Is.EqualTo(events.Count - 1));
    }

    [TestCaseSource(nameof(Streams))]
    public async Task AllChunksShareIdCreatedAndModel(string path, string schema, string body)
    {
        _ = schema;
        List<JsonElement> chunks = await ChunksAsync(path, body);
        Assert.That(
            chunks.Select(c => $"{c.GetProperty("id")} {c.GetProperty("created")} {c.GetProperty("model")}").Distinct().Count(),
            Is.EqualTo(1));
    }

    [TestCaseSource(nameof(Streams))]
    public async Task EveryChoiceEndsExactlyOnce(string path, string schema, string body)
    {
        _ = schema;
        var ended = new HashSet<int>();
        foreach (JsonElement choice in (await ChunksAsync(path, body)).SelectMany(Choices))
        {
            int index = choice.GetProperty("index").GetInt32();
            Assert.That(ended, Does.Not.Contain(index));
            if (choice.GetProperty("finish_reason").ValueKind == JsonValueKind.String)
            {
                ended.Add(index);
            }
        }

        Assert.That(ended, Is.Not.Empty);
    }

    [TestCase("/v1/completions", """{"prompt":"Hi","n":2,"seed":3""", "text")]
    [TestCase("/v1/chat/completions", """{"messages":[{"role":"user","content":"Hi"}],"n":2,"seed":3""", "content")]
    public async Task DeltasAddUpToTheWholeAnswer(string path, string head, string member)
    {
        JsonElement whole = await _server.PostJsonAsync(path, head + "}");
        var texts = new string[2];
        foreach (JsonElement choice in (await ChunksAsync(path, head + ",\"stream\":true}")).SelectMany(Choices))
        {
            JsonElement source = member == "text" ? choice : choice.GetProperty("delta");
            if (source.TryGetProperty(member, out JsonElement text))
            {
                texts[choice.GetProperty("index").GetInt32()] += text.GetString();
            }
        }

        Assert.That(texts, Is.EqualTo(whole.GetProperty("choices").EnumerateArray().Select(choice =>
            (member == "text" ? choice : choice.GetProperty("message")).GetProperty(member).GetString())));
    }

    [Test]
    public async Task UsageIsTheLastChunkWhenAskedFor()
    {
        List<JsonElement> chunks = await ChunksAsync(
            "/v1/completions", """{"prompt":"Hi","max_tokens":5,"stream":true,"stream_options":{"include_usage":true}}""");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(chunks[^1].GetProperty("choices").GetArrayLength(), Is.Zero);
            Assert.That(chunks[^1].GetProperty("usage").GetProperty("completion_tokens").GetInt32(), Is.EqualTo(5));
            Assert.That(
                chunks[..^1].All(chunk => chunk.GetProperty("usage").ValueKind == JsonValueKind.Null), Is.True);
        }
    }

    [Test]
    public async Task ContinuousUsageNeverDecreases()
    {
        List<JsonElement> chunks = await ChunksAsync("/v1/completions", """
            {"prompt":"Hi","n":2,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}}
            """);
        Assert.That(
            chunks.Select(chunk => chunk.GetProperty("usage").GetProperty("total_tokens").GetInt32()), Is.Ordered);
    }

    [Test]
    public async Task EveryChatChoiceBeginsWithItsRole()
    {
        List<JsonElement> chunks = await ChunksAsync(
            "/v1/chat/completions",
            """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":3,"n":3,"stream":true}""");
        var seen = new HashSet<int>();
        foreach (JsonElement choice in chunks.SelectMany(Choices))
        {
            bool isFirst = seen.Add(choice.GetProperty("index").GetInt32());
            Assert.That(choice.GetProperty("delta").TryGetProperty("role", out _), Is.EqualTo(isFirst));
        }
    }

    [Test]
    public async Task EchoStreamsThePromptFirst()
    {
        List<JsonElement> chunks = await ChunksAsync(
            "/v1/completions", """{"prompt":"Hi","echo":true,"max_tokens":2,"stream":true}""");
        Assert.That(
            string.Concat(chunks.SelectMany(Choices).Select(choice => choice.GetProperty("text").GetString())),
            Is.EqualTo("Hiab"));
    }

    private async Task<List<JsonElement>> ChunksAsync(string path, string body)
    {
        List<string> events = await _server.StreamAsync(path, body);
        return [.. events.Where(e => e != "[DONE]").Select(e => JsonDocument.Parse(e).RootElement)];
    }

    private static IEnumerable<JsonElement> Choices(JsonElement chunk) =>
        chunk.GetProperty("choices").EnumerateArray();
}
