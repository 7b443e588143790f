using System.Text.Json;
using Engine.Server.Http;
using Engine.Server.Http.Protocol;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>What the operator says for requests that leave it open.</summary>
internal sealed class ServerDefaultsTests
{
    [TestCase("""{"enable_thinking":true}""", """{"a":1,"enable_thinking":true}""")]
    [TestCase(null, """{"enable_thinking":false,"a":1}""")]
    [TestCase("{}", """{"enable_thinking":false,"a":1}""")]
    public void TemplateArgumentsOfARequestWinOverTheServers(string? own, string expected)
    {
        var options = new ServerOptions
        {
            DefaultTemplateArguments = JsonDocument.Parse("""{"enable_thinking":false,"a":1}""").RootElement,
        };
        string kwargs = own is null ? "" : $",\"chat_template_kwargs\":{own}";
        using JsonDocument body = JsonDocument.Parse(
            "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]" + kwargs + "}");
        var chat = ChatFields.Parse(body.RootElement, options);
        Assert.That(JsonElement.DeepEquals(chat.TemplateArguments!.Value, JsonDocument.Parse(expected).RootElement));
    }

    [Test]
    public void ToolsThatMustNotBeCalledNeedNotReachTheTemplate([Values] bool isExcluded)
    {
        using JsonDocument body = JsonDocument.Parse("""
            {"messages":[{"role":"user","content":"Hi"}],"tool_choice":"none",
             "tools":[{"type":"function","function":{"name":"f"}}]}
            """);
        var chat = ChatFields.Parse(body.RootElement, new ServerOptions { ExcludesUncallableTools = isExcluded });
        Assert.That(chat.ToolFields.Tools is null, Is.EqualTo(isExcluded));
    }

    [TestCase("", "token_id:")]
    [TestCase(",\"return_tokens_as_token_ids\":false", "\"token\":\"a\"")]
    public async Task TokensAreWrittenAsTheServerSays(string field, string expected)
    {
        await using TestServer server = await TestServer.StartAsync(
            options: new ServerOptions { Port = 0, ReturnsTokensAsTokenIds = true });
        JsonElement answer = await server.PostJsonAsync("/v1/chat/completions",
            """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":2,"logprobs":true""" + field + "}");
        Assert.That(answer.GetRawText(), Does.Contain(expected));
    }

    [Test]
    public async Task WhiteSpaceOfAllRequestsCanBeForbidden()
    {
        await using TestServer server = await TestServer.StartAsync(options: new ServerOptions
        {
            Port = 0,
            StructuredOutputs = new StructuredOutputsConfig { DisableAnyWhitespace = true },
        });
        _ = await server.PostJsonAsync("/v1/chat/completions",
            """{"messages":[{"role":"user","content":"Hi"}],"response_format":{"type":"json_object"}}""");
        Assert.That(server.Engine.LastRequest!.Sampling.StructuredOutputs!.DisableAnyWhitespace, Is.True);
    }

    [TestCase("""{"type":"json_object","schema":{"type":"object"}}""", "{\"type\":\"object\"}", null)]
    [TestCase("""{"type":"grammar","grammar":"root ::= \"a\""}""", null, "root ::= \"a\"")]
    [TestCase("""{"type":"json_schema","json_schema":{"name":"n","strict":false,"schema":{"type":"null"}}}""", "{\"type\":\"null\"}", null)]
    public async Task EveryKindOfResponseFormatIsEnforced(string format, string? schema, string? grammar)
    {
        await using TestServer server = await TestServer.StartAsync();
        _ = await server.PostJsonAsync("/v1/chat/completions",
            "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"response_format\":" + format + "}");
        var outputs = server.Engine.LastRequest!.Sampling.StructuredOutputs!;
        Assert.That((outputs.Json, outputs.Grammar), Is.EqualTo((schema, grammar)));
    }

    [Test]
    public async Task TheOlderWhitespacePatternCounts()
    {
        await using TestServer server = await TestServer.StartAsync();
        _ = await server.PostJsonAsync("/v1/completions",
            """{"prompt":"Hi","guided_json":{"type":"object"},"guided_whitespace_pattern":" ?"}""");
        Assert.That(server.Engine.LastRequest!.Sampling.StructuredOutputs!.WhitespacePattern, Is.EqualTo(" ?"));
    }
}
