using System.Text.Json;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>Fields that change nothing or lie within others: a wrong one is refused by the request's field.</summary>
internal sealed class FieldTests
{
    private const string Hi = """{"role":"user","content":"Hi"}""";
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [TestCase("user", "5")]
    [TestCase("metadata", "5")]
    [TestCase("store", "\"maybe\"")]
    [TestCase("vllm_xargs", "5")]
    [TestCase("documents", "[\"x\"]")]
    [TestCase("tools", """[{"type":"nope","function":{"name":"f"}}]""")]
    [TestCase("tools", """[{"type":"function","function":{"name":"f","description":5}}]""")]
    [TestCase("tools", """[{"type":"function","function":{"name":"f","strict":"x"}}]""")]
    [TestCase("tool_choice", """{"type":"nope","function":{"name":"f"}},"tools":[{"function":{"name":"f"}}]""")]
    [TestCase("stream_options", """{"include_usage":"x"},"stream":true""")]
    [TestCase("response_format", """{"type":5}""")]
    public async Task A_wrong_field_of_a_chat_is_named(string name, string value) => await Refuses(
        "/v1/chat/completions", $$"""{"model":"m","messages":[{{Hi}}],"{{name}}":{{value}}}""", name);

    [TestCase("""{"role":"user","content":"x","name":5}""")]
    [TestCase("""{"role":"assistant","tool_calls":[{"id":5,"function":{"name":"f","arguments":"{}"}}]}""")]
    public async Task A_wrong_message_is_refused(string message) => await Refuses(
        "/v1/chat/completions", $$"""{"model":"m","messages":[{{Hi}},{{message}}]}""", "messages");

    [TestCase("metadata", "5", "metadata")]
    [TestCase("truncation", "\"maybe\"", "truncation")]
    [TestCase("include", "[\"nope\"]", "include")]
    [TestCase("max_output_tokens", "-1", "max_output_tokens")]
    [TestCase("text", """{"format":{"type":"yaml"}}""", "text")]
    [TestCase("reasoning", """{"effort":"heroic"}""", "reasoning")]
    [TestCase("input", "[]", "input")]
    [TestCase("input", """[{"role":"user"}]""", "input")]
    [TestCase("input", """[{"role":"wizard","content":"x"}]""", "input")]
    [TestCase("input", """[{"role":"user","content":[{"type":"input_text"}]}]""", "input")]
    public async Task A_wrong_field_of_a_response_is_named_as_it_is_there(string name, string value, string param) =>
        await Refuses(
            "/v1/responses",
            name == "input" ? $$"""{"model":"m","input":{{value}}}""" : $$"""{"model":"m","input":"x","{{name}}":{{value}}}""",
            param);

    [TestCase("metadata", """{"user_id":5}""", "metadata")]
    [TestCase("system", """[{"type":"text"}]""", "system")]
    public async Task A_wrong_field_of_a_message_is_named(string name, string value, string param) => await Refuses(
        "/v1/messages", $$"""{"model":"m","max_tokens":5,"messages":[{{Hi}}],"{{name}}":{{value}}}""", param);

    [Test]
    public async Task A_whole_number_may_be_written_with_a_fraction()
    {
        JsonElement answer = await _server.PostJsonAsync(
            "/v1/completions", """{"model":"m","prompt":"Hi","n":2.0,"max_tokens":3.0}""");
        Assert.That(answer.GetProperty("choices").GetArrayLength(), Is.EqualTo(2));
    }

    private async Task Refuses(string path, string body, string param)
    {
        using HttpResponseMessage response = await _server.PostAsync(path, body);
        string text = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.EqualTo(400), text);
        JsonElement error = JsonDocument.Parse(text).RootElement.GetProperty("error");
        Assert.That(error.GetProperty("param").GetString(), Is.EqualTo(param));
    }
}
