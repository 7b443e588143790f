using System.Net;
using System.Text.Json;
using Engine.Grammar;
using Engine.Server.Http.Hosting;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>Tool calls and thoughts in chat completions, whole and streamed.</summary>
internal sealed class ToolCallTests
{
    private const string Path = "/v1/chat/completions";

    private const string Tools =
        """
        [{"type":"function","function":{"name":"f","parameters":
           {"type":"object","properties":{"x":{"type":"integer"}}}}},
         {"type":"function","function":{"name":"g"}}]
        """;

    private const string OneCall =
        "<think>Hm.</think>Well. <tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1}}</tool_call>";

    private const string TwoCalls =
        "<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1}}</tool_call>\n<tool_call>{\"name\": \"g\"}</tool_call>";

    private static readonly ChatFormats Formats = ChatFormats.Create("hermes", "qwen3", null);

    // No grammar holds its calls to a schema, so a JSON list stands in.
    private static readonly ChatFormats Pythonic = ChatFormats.Create("pythonic", "none", null);

    private static Task<TestServer> StartAsync(string script, ChatFormats? formats = null) =>
        TestServer.StartAsync(new FakeEngine { Script = script }, formats: formats ?? Formats);

    private static string Body(string more = "") =>
        $$"""{"model":"m","messages":[{"role":"user","content":"Hi"}],"tools":{{Tools}}{{more}}}""";

    private static JsonElement Choice(JsonElement answer) => answer.GetProperty("choices")[0];

    [Test]
    public async Task ACallAndAThoughtAreTakenOutOfTheContent()
    {
        await using TestServer server = await StartAsync(OneCall);
        JsonElement answer = await server.PostJsonAsync(Path, Body());
        JsonElement message = Choice(answer).GetProperty("message");
        Assert.That(SchemaCheck.Find(TestData.Schema("chat_completion"), answer), Is.Null);
        Assert.That(message.GetProperty("content").GetString(), Is.EqualTo("Well. "));
        Assert.That(message.GetProperty("reasoning").GetString(), Is.EqualTo("Hm."));
        Assert.That(message.GetProperty("reasoning_content").GetString(), Is.EqualTo("Hm."));
        JsonElement function = message.GetProperty("tool_calls")[0].GetProperty("function");
        Assert.That(function.GetProperty("name").GetString(), Is.EqualTo("f"));
        Assert.That(function.GetProperty("arguments").GetString(), Is.EqualTo("{\"x\": 1}"));
        Assert.That(Choice(answer).GetProperty("finish_reason").GetString(), Is.EqualTo("tool_calls"));
    }

    [Test]
    public async Task CallsAloneLeaveNoContent()
    {
        await using TestServer server = await StartAsync("</think>" + TwoCalls);
        JsonElement message = Choice(await server.PostJsonAsync(Path, Body())).GetProperty("message");
        Assert.That(message.GetProperty("content").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(message.GetProperty("tool_calls").GetArrayLength(), Is.EqualTo(2));
    }

    [TestCase(OneCall)]
    [TestCase("</think>" + TwoCalls)]
    public async Task AStreamSaysTheSameAsTheWholeAnswer(string script)
    {
        await using TestServer server = await StartAsync(script);
        JsonElement message = Choice(await server.PostJsonAsync(Path, Body())).GetProperty("message");
        List<string> events = await server.StreamAsync(Path, Body(",\"stream\":true"));
        string content = "";
        string reasoning = "";
        List<(string Name, string Arguments)> calls = [];
        string? finish = null;
        foreach (JsonElement chunk in events.SkipLast(1).Select(text => JsonDocument.Parse(text).RootElement))
        {
            Assert.That(SchemaCheck.Find(TestData.Schema("chat_completion_chunk"), chunk), Is.Null);
            JsonElement delta = Choice(chunk).GetProperty("delta");
            content += Text(delta, "content");
            reasoning += Text(delta, "reasoning");
            finish = Text(Choice(chunk), "finish_reason");
            if (delta.TryGetProperty("tool_calls", out JsonElement parts))
            {
                foreach (JsonElement part in parts.EnumerateArray())
                {
                    Add(calls, part);
                }
            }
        }

        Assert.That(content, Is.EqualTo(message.GetProperty("content").GetString() ?? ""));
        Assert.That(reasoning, Is.EqualTo(Text(message, "reasoning")));
        Assert.That(finish, Is.EqualTo("tool_calls"));
        Assert.That(calls, Is.EqualTo(message.GetProperty("tool_calls").EnumerateArray()
            .Select(call => call.GetProperty("function"))
            .Select(function => (Text(function, "name"), Text(function, "arguments")))));
    }

    [Test]
    public async Task ARequiredCallIsHeldToByAGrammarAndReadFromAList()
    {
        await using TestServer server = await StartAsync(
            "[{\"name\": \"f\", \"parameters\": {\"x\": 2}}]", Pythonic);
        JsonElement answer = await server.PostJsonAsync(Path, Body(",\"tool_choice\":\"required\""));
        JsonElement call = Choice(answer).GetProperty("message").GetProperty("tool_calls")[0];
        Assert.That(call.GetProperty("function").GetProperty("arguments").GetString(), Is.EqualTo("{\"x\": 2}"));
        Assert.That(Choice(answer).GetProperty("finish_reason").GetString(), Is.EqualTo("tool_calls"));
        string schema = server.Engine.LastRequest!.Sampling.StructuredOutputs!.Json!;
        Assert.That(schema, Does.Contain("\"minItems\":1").And.Contain("\"const\":\"g\""));
    }

    [TestCase("\"required\"", "\"g\\\"")]
    [TestCase("{\"type\":\"function\",\"function\":{\"name\":\"f\"}}", "\"stop_after_first\":true")]
    public async Task AForcedCallIsWrittenInTheModelsOwnFormatAfterItsThought(string choice, string expected)
    {
        await using TestServer server = await StartAsync(OneCall);
        JsonElement answer = await server.PostJsonAsync(Path, Body($",\"tool_choice\":{choice}"));
        JsonElement message = Choice(answer).GetProperty("message");
        Assert.That(message.GetProperty("reasoning").GetString(), Is.EqualTo("Hm."));
        Assert.That(
            Text(message.GetProperty("tool_calls")[0].GetProperty("function"), "arguments"), Is.EqualTo("{\"x\": 1}"));
        var outputs = server.Engine.LastRequest!.Sampling.StructuredOutputs!;
        Assert.That(outputs.AfterReasoning, Is.EqualTo("qwen3"));
        Assert.That(outputs.StructuralTag, Does.Contain("<tool_call>").And.Contain(expected));
        Assert.That(outputs.SpecialTokens, Does.Contain("<tool_call>"));
    }

    [Test]
    public async Task TheShapeOfAnAnswerBeginsAfterTheThought()
    {
        await using TestServer server = await StartAsync("Hm.</think>{}");
        JsonElement answer = await server.PostJsonAsync(
            Path,
            """{"model":"m","messages":[{"role":"user","content":"Hi"}],"response_format":{"type":"json_object"}}""");
        Assert.That(Text(Choice(answer).GetProperty("message"), "content"), Is.EqualTo("{}"));
        Assert.That(
            server.Engine.LastRequest!.Sampling.StructuredOutputs!.AfterReasoning, Is.EqualTo("qwen3"));
    }

    [Test]
    public async Task ANamedToolsArgumentsAreTheWholeOutput()
    {
        await using TestServer server = await StartAsync("{\"x\": 3}", Pythonic);
        JsonElement answer = await server.PostJsonAsync(
            Path, Body(",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"));
        JsonElement function = Choice(answer).GetProperty("message").GetProperty("tool_calls")[0]
            .GetProperty("function");
        Assert.That((Text(function, "name"), Text(function, "arguments")), Is.EqualTo(("f", "{\"x\": 3}")));
        Assert.That(
            server.Engine.LastRequest!.Sampling.StructuredOutputs!.Json, Does.Contain("\"integer\""));
    }

    [Test]
    public async Task StrictToolsOfAFreeChoiceAreHeldToTheirSchemas([Values] bool isStrict)
    {
        await using TestServer server = await StartAsync(OneCall);
        string body = Body().Replace("\"name\":\"f\"", $"\"name\":\"f\",\"strict\":{(isStrict ? "true" : "false")}");
        JsonElement answer = await server.PostJsonAsync(Path, body);
        Assert.That(Choice(answer).GetProperty("message").GetProperty("tool_calls").GetArrayLength(), Is.EqualTo(1));
        StructuredOutputs? outputs = server.Engine.LastRequest!.Sampling.StructuredOutputs;
        Assert.That(outputs?.StructuralTag, isStrict ? Does.Contain("triggered_tags") : Is.Null);
        Assert.That(outputs?.AfterReasoning, Is.EqualTo(isStrict ? "qwen3" : null));
    }

    [Test]
    public async Task AStrictToolThatCannotBeEnforcedIsRefused()
    {
        await using TestServer server = await StartAsync(OneCall);
        using HttpResponseMessage response = await server.PostAsync(Path, Body()
            .Replace("\"name\":\"f\"", "\"name\":\"f\",\"strict\":true")
            .Replace("\"type\":\"integer\"", "\"$ref\":\"http://elsewhere/\""));
        string text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), text);
        Assert.That(text, Does.Contain("$ref").And.Contain("\"param\":\"tools\""));
    }

    [TestCase("chat", "auto", "triggered_tags")]
    [TestCase("chat", "required", "tags_with_separator")]
    [TestCase("responses", "auto", "triggered_tags")]
    public async Task AllowedToolsAloneAreCalled(string route, string mode, string expected)
    {
        await using TestServer server = await StartAsync(OneCall);
        if (route == "chat")
        {
            await server.PostJsonAsync(Path, Body(
                ",\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"" + mode
                + "\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}}"));
        }
        else
        {
            await server.PostJsonAsync("/v1/responses", $$$"""
                {"model":"m","input":"Hi","tools":[{"type":"function","name":"f"},{"type":"function","name":"g"}],
                "tool_choice":{"type":"allowed_tools","mode":"{{{mode}}}","tools":[{"type":"function","name":"f"}]}}
                """);
        }

        string tag = server.Engine.LastRequest!.Sampling.StructuredOutputs!.StructuralTag!;
        Assert.That(tag, Does.Contain(expected).And.Contain("\"f\\\"").And.Not.Contain("\"g\\\""));
    }

    [TestCase("{\"type\":\"allowed_tools\"}", "tool_choice")]
    [TestCase("{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\",\"tools\":[]}}", "tool_choice")]
    [TestCase(
        "{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\",\"tools\":[{\"function\":{\"name\":\"x\"}}]}}",
        "tool_choice")]
    public async Task AllowedToolsAreChecked(string choice, string parameter)
    {
        await using TestServer server = await StartAsync(OneCall);
        using HttpResponseMessage response = await server.PostAsync(Path, Body($",\"tool_choice\":{choice}"));
        string text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), text);
        Assert.That(
            JsonDocument.Parse(text).RootElement.GetProperty("error").GetProperty("param").GetString(),
            Is.EqualTo(parameter));
    }

    [Test]
    public async Task NoneLeavesTheOutputAsItIs()
    {
        await using TestServer server = await StartAsync("</think>" + TwoCalls);
        JsonElement message = Choice(await server.PostJsonAsync(Path, Body(",\"tool_choice\":\"none\"")))
            .GetProperty("message");
        Assert.That(message.GetProperty("content").GetString(), Is.EqualTo(TwoCalls));
        Assert.That(message.GetProperty("tool_calls").GetArrayLength(), Is.Zero);
    }

    [Test]
    public async Task TokensOfThoughtAreCountedWithoutTheirTags([Values] bool includesReasoning)
    {
        await using TestServer server = await StartAsync(OneCall);
        string more = includesReasoning ? "" : ",\"include_reasoning\":false";
        JsonElement whole = await server.PostJsonAsync(Path, Body(more));
        List<string> events = await server.StreamAsync(
            Path, Body(more + ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
        JsonElement response = await server.PostJsonAsync("/v1/responses", """{"model":"m","input":"Hi"}""");
        JsonElement last = JsonDocument.Parse(events[^2]).RootElement;
        int[] counts =
        [
            .. new[] { whole, last }.Select(answer => answer.GetProperty("usage").GetProperty("completion_tokens_details")
                .GetProperty("reasoning_tokens").GetInt32()),
            response.GetProperty("usage").GetProperty("output_tokens_details").GetProperty("reasoning_tokens").GetInt32(),
        ];
        Assert.That(counts, Is.EqualTo(new[] { 3, 3, 3 })); // "Hm.", a character a token
    }

    [Test]
    public async Task ReasoningCanBeLeftOut()
    {
        await using TestServer server = await StartAsync(OneCall);
        JsonElement message = Choice(await server.PostJsonAsync(Path, Body(",\"include_reasoning\":false")))
            .GetProperty("message");
        Assert.That(message.TryGetProperty("reasoning", out _), Is.False);
        Assert.That(message.GetProperty("content").GetString(), Is.EqualTo("Well. "));
    }

    [Test]
    public async Task ACallThatWasCutOffEndsByLength()
    {
        await using TestServer server = await StartAsync("</think>" + TwoCalls);
        JsonElement answer = await server.PostJsonAsync(Path, Body(",\"max_tokens\":50"));
        Assert.That(Choice(answer).GetProperty("finish_reason").GetString(), Is.EqualTo("length"));
        Assert.That(Choice(answer).GetProperty("message").GetProperty("tool_calls").GetArrayLength(), Is.EqualTo(1));
    }

    [Test]
    public async Task AToolsSchemaThatCannotBeEnforcedIsRefused()
    {
        await using TestServer server = await StartAsync("{}");
        using HttpResponseMessage response = await server.PostAsync(
            Path,
            """
            {"model":"m","messages":[{"role":"user","content":"Hi"}],"tool_choice":"required",
             "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":
             {"x":{"$ref":"#/$defs/nothing"}}}}}]}
            """);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    private static string Text(JsonElement obj, string name) =>
        obj.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : "";

    private static void Add(List<(string Name, string Arguments)> calls, JsonElement part)
    {
        JsonElement function = part.GetProperty("function");
        int index = part.GetProperty("index").GetInt32();
        if (index == calls.Count)
        {
            Assert.That(Text(part, "id"), Is.Not.Empty);
            calls.Add((Text(function, "name"), ""));
        }
        else
        {
            Assert.That(function.TryGetProperty("name", out _), Is.False);
        }

        calls[index] = (calls[index].Name, calls[index].Arguments + Text(function, "arguments"));
    }
}
