using System.Text.Json;
using Engine.Server.Http.Hosting;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>/v1/messages: Anthropic's shapes and order of events.</summary>
internal sealed class MessagesTests
{
    private const string Path = "/v1/messages";

    private const string Script =
        "<think>Hm.</think>Well. <tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1}}</tool_call>";

    private static string Body(string more = "") =>
        $$"""
        {"model":"m","max_tokens":100,"messages":[{"role":"user","content":"Hi"}],
         "tools":[{"name":"f","input_schema":{"type":"object"} }]{{more}} }
        """;

    private static async Task<TestServer> StartAsync(string? script, int maxModelLen = 512)
    {
        var engine = new FakeEngine
        {
            Script = script,
            Model = new Hosting.ModelInfo
            {
                Name = "m",
                VocabSize = FakeTokenizer.Size,
                MaxModelLen = maxModelLen,
                EosTokenIds = [0],
            },
        };
        return await TestServer.StartAsync(engine, formats: ChatFormats.Create("hermes", "qwen3", null));
    }

    [Test]
    public async Task AnAnswerHasBlocksInOrder()
    {
        await using TestServer server = await StartAsync(Script);
        JsonElement answer = await server.PostJsonAsync(Path, Body());
        Assert.That(SchemaCheck.Find(TestData.Schema("message"), answer), Is.Null);
        JsonElement content = answer.GetProperty("content");
        Assert.That(
            content.EnumerateArray().Select(block => block.GetProperty("type").GetString()),
            Is.EqualTo(new[] { "thinking", "text", "tool_use" }));
        Assert.That(content[2].GetProperty("input").GetProperty("x").GetInt32(), Is.EqualTo(1));
        Assert.That(answer.GetProperty("stop_reason").GetString(), Is.EqualTo("tool_use"));
    }

    [TestCase("output_config", "{\"format\":FORMAT}")]
    [TestCase("output_format", "FORMAT")]
    public async Task AnOutputFormatIsHeldTo(string name, string value)
    {
        await using TestServer server = await StartAsync("</think>{}");
        string format = "{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\",\"maxProperties\":0}}";
        await server.PostJsonAsync(Path, Body($",\"{name}\":{value.Replace("FORMAT", format)}"));
        Assert.That(
            server.Engine.LastRequest!.Sampling.StructuredOutputs!.Json, Does.Contain("maxProperties"));
    }

    [Test]
    public async Task StrictToolsAreHeldToTheirSchemas()
    {
        await using TestServer server = await StartAsync(Script);
        await server.PostJsonAsync(Path, Body().Replace("\"name\":\"f\"", "\"name\":\"f\",\"strict\":true"));
        Assert.That(
            server.Engine.LastRequest!.Sampling.StructuredOutputs!.StructuralTag, Does.Contain("triggered_tags"));
    }

    [TestCase(Script)]
    [TestCase("</think>Just text.")]
    [TestCase("<think>Only a thought")]
    public async Task AStreamKeepsTheOrderOfEvents(string script)
    {
        await using TestServer server = await StartAsync(script);
        List<JsonElement> events = await StreamAsync(server, Body(",\"stream\":true"));
        string[] types = [.. events.Select(e => e.GetProperty("type").GetString()!)];
        Assert.That(types[0], Is.EqualTo("message_start"));
        Assert.That(types[^2..], Is.EqualTo(new[] { "message_delta", "message_stop" }));
        int index = -1;
        bool isOpen = false;
        foreach (JsonElement e in events.Skip(1).SkipLast(2))
        {
            string type = e.GetProperty("type").GetString()!;
            Assert.That(isOpen, Is.EqualTo(type != "content_block_start"), type);
            index += type == "content_block_start" ? 1 : 0;
            isOpen = type != "content_block_stop";
            Assert.That(e.GetProperty("index").GetInt32(), Is.EqualTo(index));
        }

        Assert.That(isOpen, Is.False);
    }

    [Test]
    public async Task AStreamedCallAddsUpToItsInput()
    {
        await using TestServer server = await StartAsync(Script);
        List<JsonElement> events = await StreamAsync(server, Body(",\"stream\":true"));
        string json = string.Concat(events
            .Where(e => e.GetProperty("type").GetString() == "content_block_delta")
            .Select(e => e.GetProperty("delta"))
            .Where(delta => delta.GetProperty("type").GetString() == "input_json_delta")
            .Select(delta => delta.GetProperty("partial_json").GetString()));
        Assert.That(json, Is.EqualTo("{\"x\": 1}"));
    }

    [TestCase("\"stop_sequences\":[1]", "stop_sequences")]
    [TestCase("\"tools\":[{\"name\":1,\"input_schema\":{}}]", "tools")]
    [TestCase("\"tools\":[{\"name\":\"f\",\"input_schema\":{}}],\"tool_choice\":{\"type\":\"tool\"}", "tool_choice")]
    [TestCase("\"tool_choice\":{\"type\":1}", "tool_choice")]
    [TestCase("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":0}", "thinking")]
    [TestCase("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":\"9\"}", "thinking")]
    [TestCase("\"thinking\":{\"type\":\"on\"}", "thinking")]
    public async Task ABadFieldIsNamedAsTheRouteHasIt(string field, string parameter)
    {
        await using TestServer server = await StartAsync("a");
        using HttpResponseMessage response = await server.PostAsync(
            "/v1/messages",
            $$"""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],{{field}}}""");
        using JsonDocument answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        JsonElement error = answer.RootElement.GetProperty("error");
        Assert.That(error.GetProperty("code").GetInt32(), Is.EqualTo(400));
        Assert.That(error.GetProperty("param").GetString(), Is.EqualTo(parameter));
    }

    [TestCase("""{"type":"any"}""", "\"stop_after_first\":false")]
    [TestCase("""{"type":"tool","name":"f"}""", "\"object\"")]
    public async Task AForcedToolIsHeldToByAGrammar(string choice, string expected)
    {
        await using TestServer server = await StartAsync("""[{"name": "f", "parameters": {}}]""");
        await server.PostJsonAsync(Path, Body($",\"tool_choice\":{choice}"));
        Assert.That(server.Engine.LastRequest!.Sampling.StructuredOutputs!.StructuralTag, Does.Contain(expected));
    }

    [Test]
    public async Task ThinkingCanBeSwitchedOff()
    {
        await using TestServer server = await StartAsync(Script);
        JsonElement answer = await server.PostJsonAsync(Path, Body(",\"thinking\":{\"type\":\"disabled\"}"));
        Assert.That(
            answer.GetProperty("content")[0].GetProperty("type").GetString(), Is.EqualTo("text"));
    }

    [Test]
    public async Task ABudgetOfAModelThatDoesNotThinkIsLeft()
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.PostJsonAsync(Path, """
            {"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],
             "thinking":{"type":"enabled","budget_tokens":1024}}
            """);
        Assert.That(server.Engine.LastRequest!.Sampling.ThinkingTokenBudget, Is.Null);
    }

    [Test]
    public async Task AKeyMayComeInAnthropicsHeader()
    {
        await using TestServer server = await TestServer.StartAsync(
            options: new Server.Http.ServerOptions { Port = 0, ApiKeys = ["k"] });
        server.Client.DefaultRequestHeaders.Add("x-api-key", "k");
        JsonElement answer = await server.PostJsonAsync(
            Path, """{"model":"m","max_tokens":3,"messages":[{"role":"user","content":"Hi"}]}""");
        Assert.That(answer.GetProperty("stop_reason").GetString(), Is.EqualTo("max_tokens"));
    }

    [Test]
    public async Task AFailureInAStreamIsAnErrorEvent()
    {
        await using TestServer server = await StartAsync(Script);
        server.Engine.FailAfterTokens = 30;
        List<JsonElement> events = await StreamAsync(server, Body(",\"stream\":true"));
        Assert.That(events[^1].GetProperty("type").GetString(), Is.EqualTo("error"));
    }

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
            Assert.That(SchemaCheck.Find(TestData.Schema("message_event"), data), Is.Null);
            events.Add(data);
        }

        return events;
    }
}
