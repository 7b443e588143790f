using System.Text.Json;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>/v1/completions over the fake engine, which answers with the alphabet.</summary>
[TestFixture]
public sealed class CompletionTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [TestCase("""{"model":"m","prompt":"Hi","max_tokens":4}""")]
    [TestCase("""{"prompt":["Hi","Ho"],"max_tokens":4,"n":2}""")]
    [TestCase("""{"prompt":[4,5,6],"logprobs":3,"echo":true}""")]
    [TestCase("""{"prompt":[[4],[5,6]],"prompt_logprobs":0,"return_token_ids":true}""")]
    [TestCase("""{"prompt":"Hi","echo":true,"max_tokens":0,"logprobs":1}""")]
    public async Task AnAnswerFollowsTheSchema(string body)
    {
        JsonElement answer = await _server.PostJsonAsync("/v1/completions", body);
        Assert.That(SchemaCheck.Find(TestData.Schema("completion"), answer), Is.Null);
    }

    [Test]
    public async Task PromptsAndOutputsAreNumberedTogether()
    {
        JsonElement answer = await _server.PostJsonAsync(
            "/v1/completions", """{"prompt":["Hi","Ho"],"max_tokens":3,"n":2}""");
        Assert.That(
            answer.GetProperty("choices").EnumerateArray()
                .Select(choice => choice.GetProperty("index").GetInt32() + choice.GetProperty("text").GetString()),
            Is.EqualTo(new[] { "0abc", "1bcd", "2abc", "3bcd" }));
    }

    [Test]
    public async Task UsageCountsPromptsAndOutputs()
    {
        JsonElement answer = await _server.PostJsonAsync(
            "/v1/completions", """{"prompt":["Hi","Hello"],"max_tokens":3,"n":2}""");
        JsonElement usage = answer.GetProperty("usage");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(usage.GetProperty("prompt_tokens").GetInt32(), Is.EqualTo(7));
            Assert.That(usage.GetProperty("completion_tokens").GetInt32(), Is.EqualTo(12));
            Assert.That(usage.GetProperty("total_tokens").GetInt32(), Is.EqualTo(19));
        }
    }

    [Test]
    public async Task MaxTokensIs16UnlessSaid()
    {
        JsonElement answer = await _server.PostJsonAsync("/v1/completions", """{"prompt":"Hi"}""");
        Assert.That(First(answer).GetProperty("text").GetString(), Is.EqualTo("abcdefghijklmnop"));
    }

    [Test]
    public async Task EchoPutsThePromptBeforeTheText()
    {
        JsonElement answer = await _server.PostJsonAsync(
            "/v1/completions", """{"prompt":"Hi","echo":true,"max_tokens":2}""");
        Assert.That(First(answer).GetProperty("text").GetString(), Is.EqualTo("Hiab"));
    }

    [Test]
    public async Task EchoWithoutNewTokensScoresThePrompt()
    {
        JsonElement answer = await _server.PostJsonAsync(
            "/v1/completions", """{"prompt":"Hey","echo":true,"max_tokens":0,"logprobs":0}""");
        JsonElement logprobs = First(answer).GetProperty("logprobs");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(First(answer).GetProperty("text").GetString(), Is.EqualTo("Hey"));
            Assert.That(logprobs.GetProperty("tokens").GetRawText(), Is.EqualTo("""["H","e","y"]"""));
            Assert.That(logprobs.GetProperty("token_logprobs").GetRawText(), Is.EqualTo("[null,-1.5,-1.5]"));
            Assert.That(logprobs.GetProperty("text_offset").GetRawText(), Is.EqualTo("[0,1,2]"));
        }
    }

    [Test]
    public async Task LogprobsNameTheTokens()
    {
        JsonElement answer = await _server.PostJsonAsync(
            "/v1/completions", """{"prompt":"Hi","max_tokens":2,"logprobs":2}""");
        JsonElement logprobs = First(answer).GetProperty("logprobs");
        Assert.That(
            logprobs.GetProperty("top_logprobs").GetRawText(), Is.EqualTo("""[{"a":-1.5,"b":-1.5},{"b":-1.5,"c":-1.5}]"""));
    }

    [Test]
    public async Task TokensCanBeNamedByTheirIds()
    {
        JsonElement answer = await _server.PostJsonAsync(
            "/v1/completions",
            """{"prompt":"Hi","max_tokens":1,"logprobs":0,"return_tokens_as_token_ids":true}""");
        Assert.That(
            First(answer).GetProperty("logprobs").GetProperty("tokens").GetRawText(), Is.EqualTo("""["token_id:100"]"""));
    }

    [Test]
    public async Task PromptLogprobsHaveRanksAndTexts()
    {
        JsonElement answer = await _server.PostJsonAsync(
            "/v1/completions", """{"prompt":[4,75],"max_tokens":1,"prompt_logprobs":1}""");
        Assert.That(
            First(answer).GetProperty("prompt_logprobs").GetRawText(),
            Is.EqualTo("""[null,{"75":{"logprob":-1.5,"rank":1,"decoded_token":"H"}}]"""));
    }

    [Test]
    public async Task TruncationKeepsTheEndOfThePrompt()
    {
        await _server.PostJsonAsync("/v1/completions", """{"prompt":[4,5,6,7],"truncate_prompt_tokens":2}""");
        Assert.That(_server.Engine.LastRequest!.PromptTokenIds, Is.EqualTo(new[] { 6, 7 }));
    }

    [Test]
    public async Task SamplingParametersReachTheEngine()
    {
        await _server.PostJsonAsync("/v1/completions", """
            {"prompt":"Hi","temperature":0.5,"top_k":7,"min_p":0.1,"seed":9,"stop":"x","logit_bias":{"5":1},
             "priority":3,"cache_salt":"s","min_tokens":2,"ignore_eos":true,"typical_p":null}
            """);
        Engine.Hosting.GenerationRequest request = _server.Engine.LastRequest!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(request.Sampling.Temperature, Is.EqualTo(0.5f));
            Assert.That(request.Sampling.TopK, Is.EqualTo(7));
            Assert.That(request.Sampling.Seed, Is.EqualTo(9));
            Assert.That(request.Sampling.Stop, Is.EqualTo(new[] { "x" }));
            Assert.That(request.Sampling.LogitBias![5], Is.EqualTo(1f));
            Assert.That(request.Priority, Is.EqualTo(3));
            Assert.That(request.CacheSalt, Is.EqualTo("s"));
        }
    }

    [Test]
    public async Task TheRequestIdOfTheHeaderIsEchoedAndNamesTheAnswer()
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = new StringContent("""{"prompt":"Hi"}""", null, "application/json"),
        };
        message.Headers.Add("X-Request-Id", "mine-1");
        using HttpResponseMessage response = await _server.Client.SendAsync(message);
        JsonElement answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(response.Headers.GetValues("X-Request-Id"), Is.EqualTo(new[] { "mine-1" }));
            Assert.That(answer.GetProperty("id").GetString(), Is.EqualTo("cmpl-mine-1"));
        }
    }

    [TestCase("""{"prompt":"Hi","prompt":"Ho"}""", "occurs twice")]
    [TestCase("""{"prompt":"\ud800"}""", "surrogate")]
    [TestCase("""{"prompt":"Hi","n":9}""", "n: at most 8")]
    [TestCase("""{"prompt":"Hi","stop":["a","b","c","d","e"]}""", "stop: at most 4")]
    [TestCase("""{"prompt":"Hi","request_id":""}""", "request_id")]
    [TestCase("""{"prompt":"Hi","truncate_prompt_tokens":0}""", "truncate_prompt_tokens")]
    [TestCase("""{"prompt":"Hi"} x""", "not valid JSON")]
    public async Task WhatIsBeyondTheListIsRefusedToo(string body, string message)
    {
        using HttpResponseMessage response = await _server.PostAsync("/v1/completions", body);
        Assert.That((int)response.StatusCode, Is.EqualTo(400));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain(message));
    }

    private static JsonElement First(JsonElement answer) => answer.GetProperty("choices")[0];
}
