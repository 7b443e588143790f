using System.Text.Json;
using Engine.Server.Http.Hosting;
using Engine.Server.Sessions;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>
/// Tools that are held to their schemas, from the request to the answer, with the demo model: its own template and
/// format, and others that are laid over it. The schemas are none that it was trained on, so that what it would like
/// to write is wrong.
/// </summary>
[TestFixture]
internal sealed class StrictToolTests
{
    private const string Chat = "/v1/chat/completions";
    private const int NumOutputs = 3;

    private const string Tools =
        """
        [{"type":"function","function":{"name":"get_weather","strict":true,"parameters":{"type":"object","properties":
           {"city":{"type":"string","enum":["Oslo","Rio \"R\" {}","Köln"]},
            "days":{"type":"integer","minimum":2,"maximum":40},
            "where":{"type":"array","minItems":1,"maxItems":2,"items":{"type":"object",
             "properties":{"near":{"type":"boolean"}},"required":["near"],"additionalProperties":false}}},
           "required":["city","days","where"],"additionalProperties":false}}},
         {"type":"function","function":{"name":"add","strict":true,"parameters":{"type":"object","properties":
           {"a":{"type":"integer"},"c":{"enum":[null,true,"x"]}},"required":["a","c"],"additionalProperties":false}}},
         {"type":"function","function":{"name":"find_toy","parameters":{"type":"object","properties":
           {"toy":{"type":"string"}}}}}]
        """;

    private const string Allowed =
        """
        {"type":"allowed_tools","allowed_tools":
          {"mode":"MODE","tools":[{"type":"function","function":{"name":"add"}}]}}
        """;

    private static readonly Dictionary<string, JsonElement> Schemas = JsonDocument.Parse(Tools).RootElement
        .EnumerateArray().Select(tool => tool.GetProperty("function"))
        .Where(function => function.TryGetProperty("strict", out _))
        .ToDictionary(one => one.GetProperty("name").GetString()!, one => one.GetProperty("parameters"));

    private readonly Dictionary<string, TestServer> _servers = [];
    private ServingSession _session = null!;

    [OneTimeSetUp]
    public void Load() => _session = DemoSession.Open(maxNumSeqs: 8, reasoningParser: "auto");

    [OneTimeTearDown]
    public async Task Unload()
    {
        foreach (TestServer server in _servers.Values)
        {
            await server.DisposeAsync();
        }

        _session.Dispose();
    }

    [Test]
    public void TheDemoModelsFormatIsToldFromItsTemplate() =>
        Assert.That(_session.Model.Formats.Tools, Is.EqualTo("hermes"));

    [Test]
    public Task CallsFitTheirSchemas(
        [Values("auto", "required", "add", "auto add", "required add")] string choice,
        [Values] bool isParallel,
        [Values("own", "mistral", "deepseek_v31", "pythonic")] string format) =>
        CheckAsync(format, choice, isParallel, bias: "");

    // What begins a call is made certain, so that every output has one though none is forced.
    [Test]
    public Task CallsThatAreNotForcedFitTheirSchemas(
        [Values("auto", "auto add")] string choice,
        [Values] bool isParallel,
        [Values("own", "llama3_json", "granite4")] string format) =>
        CheckAsync(format, choice, isParallel, format == "llama3_json" ? "{" : "<tool_call>");

    [Test]
    public async Task OverResponsesAndMessagesTheyFitToo([Values("responses", "messages")] string route)
    {
        TestServer server = await ServerAsync("own");
        string[] flat = [.. JsonDocument.Parse(Tools).RootElement.EnumerateArray().Take(2)
            .Select(tool => tool.GetProperty("function").GetRawText())];
        string body = route == "responses"
            ? """{"input":"What is the weather in Paris?","max_output_tokens":160,"parallel_tool_calls":false"""
            : """
              {"messages":[{"role":"user","content":"What is the weather in Paris?"}],"max_tokens":160,
              "tool_choice":{"type":"auto","disable_parallel_tool_use":true}
              """;
        string tools = string.Join(',', route == "responses"
            ? flat.Select(one => "{\"type\":\"function\"," + one[1..])
            : flat.Select(one => one.Replace("\"parameters\"", "\"input_schema\"")));
        body += $",\"tools\":[{tools}],\"seed\":5,\"temperature\":1,{Bias("<tool_call>")}";
        JsonElement whole = await server.PostJsonAsync("/v1/" + route, body + "}");
        JsonElement item = whole.GetProperty(route == "responses" ? "output" : "content")[0];
        JsonElement arguments = route == "responses"
            ? JsonDocument.Parse(Text(item, "arguments")).RootElement
            : item.GetProperty("input");
        Assert.That(SchemaCheck.Find(Schemas[Text(item, "name")], arguments), Is.Null);
        using HttpResponseMessage response = await server.PostAsync("/v1/" + route, body + ",\"stream\":true}");
        JsonElement[] events = [.. (await response.Content.ReadAsStringAsync()).Split('\n')
            .Where(line => line.StartsWith("data: {"))
            .Select(line => JsonDocument.Parse(line["data: ".Length..]).RootElement)];
        string streamed = string.Concat(events.Select(e => Text(e, "type") switch
        {
            "response.function_call_arguments.delta" => Text(e, "delta"),
            "content_block_delta" => Text(e.GetProperty("delta"), "partial_json"),
            _ => "",
        }));
        Assert.That(JsonElement.DeepEquals(JsonDocument.Parse(streamed).RootElement, arguments), Is.True);
    }

    private async Task CheckAsync(string format, string choice, bool isParallel, string bias)
    {
        TestServer server = await ServerAsync(format);
        string body = Body(choice, isParallel, bias);
        JsonElement answer = await server.PostJsonAsync(Chat, body + "}");
        (string Text, string? Finish, List<Call> Calls)[] whole =
            [.. answer.GetProperty("choices").EnumerateArray().Select(Whole)];
        List<string> events = await server.StreamAsync(Chat, body + ",\"stream\":true}");
        (string Text, string? Finish, List<Call> Calls)[] streamed = Streamed(events);
        using (Assert.EnterMultipleScope())
        {
            for (int i = 0; i < NumOutputs; i++)
            {
                Assert.That(streamed[i].Text, Is.EqualTo(whole[i].Text));
                Assert.That(streamed[i].Finish, Is.EqualTo(whole[i].Finish));
                Assert.That(streamed[i].Calls, Is.EqualTo(whole[i].Calls));
                bool isCertain = bias.Length > 0 || !choice.StartsWith("auto");
                Check(whole[i], choice, isParallel, isCertain, format);
            }
        }
    }

    private static void Check(
        (string Text, string? Finish, List<Call> Calls) output, string choice, bool isParallel, bool isCallCertain,
        string format)
    {
        bool isCut = output.Finish == "length";
        if (!isCallCertain)
        {
            Assert.That(output.Finish, Is.AnyOf("tool_calls", "length", "stop"));
        }
        else
        {
            Assert.That(output.Finish, Is.AnyOf("tool_calls", "length"));
            Assert.That(output.Calls, Is.Not.Empty);
        }

        if (!isParallel || choice == "add")
        {
            Assert.That(output.Calls, Has.Count.LessThanOrEqualTo(1));
        }

        // What is free in this format is not held to anything.
        if (format == "pythonic" && choice.StartsWith("auto"))
        {
            return;
        }

        foreach (Call call in isCut ? output.Calls.SkipLast(1) : output.Calls)
        {
            string[] names = choice.EndsWith("add") ? ["add"] : ["get_weather", "add", "find_toy"];
            Assert.That(names, Does.Contain(call.Name));
            JsonElement arguments = JsonDocument.Parse(call.Arguments).RootElement;
            if (Schemas.TryGetValue(call.Name, out JsonElement schema))
            {
                Assert.That(SchemaCheck.Find(schema, arguments), Is.Null);
            }
        }
    }

    private async Task<TestServer> ServerAsync(string format)
    {
        if (!_servers.TryGetValue(format, out TestServer? server))
        {
            ServedModel own = _session.Model;
            server = await TestServer.StartAsync(new ServedModel
            {
                Engine = own.Engine,
                Names = own.Names,
                Root = own.Root,
                DefaultSampling = own.DefaultSampling,
                Chat = own.Chat,
                Formats = format == "own" ? own.Formats : ChatFormats.Create(format, "none", null),
            });
            _servers.Add(format, server);
        }

        return server;
    }

    private string Body(string choice, bool isParallel, string bias)
    {
        string spelt = choice switch
        {
            "add" => """{"type":"function","function":{"name":"add"}}""",
            "auto add" => Allowed.Replace("MODE", "auto"),
            "required add" => Allowed.Replace("MODE", "required"),
            _ => $"\"{choice}\"",
        };
        return $$$"""
            {"model":"m","messages":[{"role":"user","content":"What is the weather in Paris and Rome?"}],
            "tools":{{{Tools}}},"tool_choice":{{{spelt}}},"parallel_tool_calls":{{{(isParallel ? "true" : "false")}}},
            "n":{{{NumOutputs}}},"seed":5,"temperature":1,"max_tokens":160,{{{Bias(bias)}}}
            """;
    }

    /// <summary>What the text begins with becomes certain where it may stand.</summary>
    private string Bias(string text) => text.Length == 0
        ? "\"logit_bias\":{}"
        : $$"""
          "logit_bias":{"{{_session.Model.Tokenizer.Encode(text, addSpecialTokens: false)[0]}}":30}
          """;

    private static (string Text, string? Finish, List<Call> Calls) Whole(JsonElement choice)
    {
        JsonElement message = choice.GetProperty("message");
        return (Text(message, "content"), Text(choice, "finish_reason"), [.. message.GetProperty("tool_calls")
            .EnumerateArray().Select(call => call.GetProperty("function"))
            .Select(function => new Call(Text(function, "name"), Text(function, "arguments")))]);
    }

    private static (string Text, string? Finish, List<Call> Calls)[] Streamed(List<string> events)
    {
        (string Text, string? Finish, List<Call> Calls)[] outputs =
            [.. Enumerable.Range(0, NumOutputs).Select(_ => ("", (string?)null, new List<Call>()))];
        foreach (JsonElement choice in events.SkipLast(1)
            .Select(text => JsonDocument.Parse(text).RootElement.GetProperty("choices")[0]))
        {
            ref (string Text, string? Finish, List<Call> Calls) output =
                ref outputs[choice.GetProperty("index").GetInt32()];
            JsonElement delta = choice.GetProperty("delta");
            output.Text += Text(delta, "content");
            output.Finish = choice.GetProperty("finish_reason").GetString() ?? output.Finish;
            if (delta.TryGetProperty("tool_calls", out JsonElement parts))
            {
                foreach (JsonElement part in parts.EnumerateArray())
                {
                    Add(output.Calls, part.GetProperty("index").GetInt32(), part.GetProperty("function"));
                }
            }
        }

        return outputs;
    }

    private static void Add(List<Call> calls, int index, JsonElement function)
    {
        if (index == calls.Count)
        {
            calls.Add(new Call(Text(function, "name"), ""));
        }

        calls[index] = calls[index] with { Arguments = calls[index].Arguments + Text(function, "arguments") };
    }

    private static string Text(JsonElement obj, string name) =>
        obj.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : "";

    private sealed record Call(string Name, string Arguments);
}
