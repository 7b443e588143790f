using System.Text.Json;
using Engine.Server.Http.Hosting;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>/v1/responses: OpenAI's shapes and order of events.</summary>
internal sealed class ResponsesTests
{
    private const string Path = "/v1/responses";

    private const string Script =
        "<think>Hm.</think>Well. <tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1}}</tool_call>";

    private static string Body(string more = "") =>
        $$"""
        {"model":"m","input":"Hi","tools":[{"type":"function","name":"f","parameters":{"type":"object"} }]{{more}} }
        """;

    private static Task<TestServer> StartAsync(string? script) => TestServer.StartAsync(
        new FakeEngine
        {
            Script = script,
            Model = new Hosting.ModelInfo
            {
                Name = "m",
                VocabSize = FakeTokenizer.Size,
                MaxModelLen = 512,
                EosTokenIds = [0],
            },
        },
        formats: ChatFormats.Create("hermes", "qwen3", null));

    [Test]
    public async Task AnAnswerHasItemsInOrder()
    {
        await using TestServer server = await StartAsync(Script);
        JsonElement answer = await server.PostJsonAsync(Path, Body());
        Assert.That(SchemaCheck.Find(TestData.Schema("response"), answer), Is.Null);
        JsonElement output = answer.GetProperty("output");
        Assert.That(
            output.EnumerateArray().Select(item => item.GetProperty("type").GetString()),
            Is.EqualTo(new[] { "reasoning", "message", "function_call" }));
        Assert.That(output[2].GetProperty("arguments").GetString(), Is.EqualTo("{\"x\": 1}"));
        Assert.That(answer.GetProperty("status").GetString(), Is.EqualTo("completed"));
    }

    [Test]
    public async Task LogProbabilitiesOfTheMessageComeIfTheyAreIncluded([Values] bool isStream)
    {
        await using TestServer server = await StartAsync("<think>Hm.</think>Yes");
        const string more = ",\"include\":[\"message.output_text.logprobs\"],\"top_logprobs\":2";
        JsonElement answer = isStream
            ? (await StreamAsync(server, Body(more + ",\"stream\":true")))[^1].GetProperty("response")
            : await server.PostJsonAsync(Path, Body(more));
        JsonElement message = answer.GetProperty("output")[1];
        JsonElement[] tokens = [.. message.GetProperty("content")[0].GetProperty("logprobs").EnumerateArray()];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(SchemaCheck.Find(TestData.Schema("response"), answer), Is.Null);
            Assert.That(tokens, Has.Length.EqualTo(3));
            Assert.That(
                string.Concat(tokens.Select(token => token.GetProperty("token").GetString())), Is.EqualTo("Yes"));
            Assert.That(tokens[^1].GetProperty("top_logprobs").GetArrayLength(), Is.EqualTo(2));
        }
    }

    [Test]
    public async Task DeltasCarryTheLogProbabilitiesOfTheirTokens()
    {
        await using TestServer server = await StartAsync("</think>Yes");
        List<JsonElement> events = await StreamAsync(
            server, Body(",\"include\":[\"message.output_text.logprobs\"],\"stream\":true"));
        int[] counts =
        [
            .. events.Where(e => e.GetProperty("type").GetString() == "response.output_text.delta")
                .Select(e => e.GetProperty("logprobs").GetArrayLength()),
        ];
        Assert.That(counts, Is.EqualTo(new[] { 1, 1, 1 }));
    }

    [TestCase("-1")]
    [TestCase("21")]
    public async Task MoreThanMayBeIsRefused(string numTop)
    {
        await using TestServer server = await StartAsync("Yes");
        using HttpResponseMessage response = await server.PostAsync(Path, Body($",\"top_logprobs\":{numTop}"));
        Assert.That((int)response.StatusCode, Is.EqualTo(400));
    }

    [TestCase(Script)]
    [TestCase("</think>Just text.")]
    [TestCase("<think>Only a thought")]
    [TestCase("</think>")]
    public async Task AStreamKeepsTheOrderOfEventsAndEndsWithTheWholeAnswer(string script)
    {
        await using TestServer server = await StartAsync(script);
        JsonElement whole = await server.PostJsonAsync(Path, Body());
        List<JsonElement> events = await StreamAsync(server, Body(",\"stream\":true"));
        string[] types = [.. events.Select(e => e.GetProperty("type").GetString()!)];
        Assert.That(types[..2], Is.EqualTo(new[] { "response.created", "response.in_progress" }));
        Assert.That(types[^1], Is.EqualTo("response.completed"));
        Assert.That(types.Count(type => type is "response.completed" or "response.failed"), Is.EqualTo(1));
        int open = -1;
        int next = 0;
        foreach (JsonElement e in events.Skip(2).SkipLast(1))
        {
            string type = e.GetProperty("type").GetString()!;
            int index = e.GetProperty("output_index").GetInt32();
            if (type == "response.output_item.added")
            {
                Assert.That((open, index), Is.EqualTo((-1, next++)), "items do not interleave");
                open = index;
            }

            Assert.That(index, Is.EqualTo(open), type);
            open = type == "response.output_item.done" ? -1 : open;
        }

        Assert.That(open, Is.EqualTo(-1));
        Assert.That(Plain(events[^1].GetProperty("response")), Is.EqualTo(Plain(whole)));
    }

    [Test]
    public async Task DeltasAddUpToWhatIsSaidDone()
    {
        await using TestServer server = await StartAsync(Script);
        List<JsonElement> events = await StreamAsync(server, Body(",\"stream\":true"));
        foreach ((string kind, string member) in ((string, string)[])
            [("output_text", "text"), ("reasoning_text", "text"), ("function_call_arguments", "arguments")])
        {
            string joined = string.Concat(events.Where(e => IsOf(e, kind + ".delta"))
                .Select(e => e.GetProperty("delta").GetString()));
            Assert.That(events.Single(e => IsOf(e, kind + ".done")).GetProperty(member).GetString(), Is.EqualTo(joined));
        }

        static bool IsOf(JsonElement e, string type) => e.GetProperty("type").GetString() == "response." + type;
    }

    [Test]
    public async Task ALimitMakesItIncomplete()
    {
        await using TestServer server = await StartAsync(null);
        JsonElement answer = await server.PostJsonAsync(
            Path, """{"model":"m","input":[{"role":"user","content":"Hi"}],"max_output_tokens":5}""");
        Assert.That(SchemaCheck.Find(TestData.Schema("response"), answer), Is.Null);
        Assert.That(answer.GetProperty("status").GetString(), Is.EqualTo("incomplete"));
        Assert.That(
            answer.GetProperty("incomplete_details").GetProperty("reason").GetString(),
            Is.EqualTo("max_output_tokens"));
    }

    [Test]
    public async Task AFailureInAStreamFailsTheResponse()
    {
        await using TestServer server = await StartAsync(Script);
        server.Engine.FailAfterTokens = 30;
        List<JsonElement> events = await StreamAsync(server, Body(",\"stream\":true"));
        Assert.That(events[^1].GetProperty("type").GetString(), Is.EqualTo("response.failed"));
    }

    [TestCase("/v1/load_lora_adapter")]
    [TestCase("/v1/unload_lora_adapter")]
    public async Task AdaptersAreRefused(string path)
    {
        await using TestServer server = await StartAsync(null);
        using HttpResponseMessage response = await server.PostAsync(path, """{"lora_name":"a","lora_path":"b"}""");
        Assert.That((int)response.StatusCode, Is.EqualTo(400));
    }

    private static string Plain(JsonElement response) => string.Join('\n', response.GetProperty("output")
        .EnumerateArray().Select(item => $"{item.GetProperty("type")} {item.GetProperty("status")} "
            + (item.TryGetProperty("arguments", out JsonElement arguments)
                ? $"{item.GetProperty("name")} {arguments}"
                : item.GetProperty("content")[0].GetProperty("text").ToString())));

    private static async Task<List<JsonElement>> StreamAsync(TestServer server, string body)
    {
        using HttpResponseMessage response = await server.PostAsync(Path, body);
        string text = await response.Content.ReadAsStringAsync();
        var events = new List<JsonElement>();
        foreach (string part in text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            string[] lines = part.Split('\n');
            JsonElement data = JsonDocument.Parse(lines[1]["data: ".Length..]).RootElement;
            Assert.That(lines[0], Is.EqualTo("event: " + data.GetProperty("type").GetString()));
            Assert.That(SchemaCheck.Find(TestData.Schema("response_event"), data), Is.Null);
            Assert.That(data.GetProperty("sequence_number").GetInt32(), Is.EqualTo(events.Count));
            events.Add(data);
        }

        return events;
    }
}
