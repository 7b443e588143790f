using System.Text.Json;
using System.Text.RegularExpressions;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>Models, tokenization, version and metrics.</summary>
[TestFixture]
public sealed class RouteTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task ModelsFollowTheSchema()
    {
        JsonElement models = await GetAsync("/v1/models");
        Assert.That(SchemaCheck.Find(TestData.Schema("models"), models), Is.Null);
    }

    [TestCase("/models")]
    [TestCase("/models/m")]
    public async Task PathsMayLeaveTheVersionOut(string path) =>
        Assert.That((await GetAsync(path)).GetRawText(), Is.EqualTo((await GetAsync("/v1" + path)).GetRawText()));

    [TestCase("/completions", """{"prompt":"Hi"}""")]
    [TestCase("/chat/completions", """{"messages":[{"role":"user","content":"Hi"}]}""")]
    [TestCase("/responses", """{"model":"m","input":"Hi"}""")]
    [TestCase("/messages", """{"model":"m","max_tokens":2,"messages":[{"role":"user","content":"Hi"}]}""")]
    public async Task RoutesThatWriteMayLeaveTheVersionOut(string path, string body) =>
        Assert.That((await _server.PostJsonAsync(path, body)).TryGetProperty("id", out _), Is.True);

    [TestCase("/v1/completions", """{"prompt":"Hi","prompt_embeds":"AAAA"}""", "prompt_embeds")]
    [TestCase("/v1/chat/completions", """{"messages":[{"role":"user","content":"Hi"}],"audio":{"voice":"a"}}""", "audio")]
    public async Task WhatWouldChangeTheAnswerIsNotOverlooked(string path, string body, string parameter)
    {
        using HttpResponseMessage response = await _server.PostAsync(path, body);
        Assert.That(
            JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("error")
                .GetProperty("param").GetString(),
            Is.EqualTo(parameter));
    }

    [Test]
    public async Task TokenizeFollowsTheSchema()
    {
        JsonElement answer = await _server.PostJsonAsync(
            "/tokenize", """{"model":"m","prompt":"Hi","return_token_strs":true}""");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(SchemaCheck.Find(TestData.Schema("tokenize"), answer), Is.Null);
            Assert.That(answer.GetProperty("tokens").GetRawText(), Is.EqualTo("[75,108]"));
            Assert.That(answer.GetProperty("token_strs").GetRawText(), Is.EqualTo("""["H","i"]"""));
        }
    }

    [Test]
    public async Task TokenizeTakesMessages()
    {
        JsonElement answer = await _server.PostJsonAsync(
            "/tokenize", """{"messages":[{"role":"user","content":"Hi"}]}""");
        Assert.That(answer.GetProperty("count").GetInt32(), Is.EqualTo(3));
    }

    [Test]
    public async Task ThePrefixCacheCanBeReset()
    {
        int before = _server.Engine.Resets.Count;
        using HttpResponseMessage response = await _server.PostAsync(
            "/reset_prefix_cache?reset_running_requests=true", "");
        using HttpResponseMessage wrong = await _server.PostAsync(
            "/reset_prefix_cache?reset_running_requests=maybe", "");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((int)response.StatusCode, Is.EqualTo(200));
            Assert.That((int)wrong.StatusCode, Is.EqualTo(400));
            Assert.That(_server.Engine.Resets, Is.EqualTo((before + 1, true)));
        }
    }

    [Test]
    public async Task DetokenizeFollowsTheSchema()
    {
        JsonElement answer = await _server.PostJsonAsync("/detokenize", """{"tokens":[75,108]}""");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(SchemaCheck.Find(TestData.Schema("detokenize"), answer), Is.Null);
            Assert.That(answer.GetProperty("prompt").GetString(), Is.EqualTo("Hi"));
        }
    }

    [Test]
    public async Task AChatAnswerFollowsTheSchema()
    {
        JsonElement answer = await _server.PostJsonAsync("/v1/chat/completions", """
            {"messages":[{"role":"user","content":"Hi"}],"logprobs":true,"top_logprobs":2,"prompt_logprobs":1,
             "return_token_ids":true,"n":2,"max_tokens":3}
            """);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(SchemaCheck.Find(TestData.Schema("chat_completion"), answer), Is.Null);
            Assert.That(answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString(),
                Is.EqualTo("abc"));
        }
    }

    [Test]
    public async Task MaxTokensOfAChatIsWhatFits()
    {
        JsonElement answer = await _server.PostJsonAsync(
            "/v1/chat/completions", """{"messages":[{"role":"user","content":"Hi"}]}""");
        Assert.That(answer.GetProperty("usage").GetProperty("total_tokens").GetInt32(), Is.EqualTo(64));
    }

    [Test]
    public async Task VersionIsGiven()
    {
        JsonElement version = await GetAsync("/version");
        Assert.That(version.GetProperty("version").GetString(), Does.Match(@"^\d+\.\d+\.\d+"));
    }

    [Test]
    public async Task MetricsHaveTheNamesOfVllm()
    {
        string text = await _server.Client.GetStringAsync("/metrics");
        using (Assert.EnterMultipleScope())
        {
            foreach (string sample in new[]
            {
                """vllm:num_requests_running{engine="0",model_name="m"} 3""",
                """vllm:num_requests_waiting{engine="0",model_name="m"} 5""",
                """vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25""",
                """vllm:prefix_cache_queries_total{engine="0",model_name="m"} 70""",
                """vllm:prefix_cache_hits_total{engine="0",model_name="m"} 30""",
                """vllm:num_preemptions_total{engine="0",model_name="m"} 2""",
                """vllm:prompt_tokens_total{engine="0",model_name="m"} 71""",
                """vllm:generation_tokens_total{engine="0",model_name="m"} 42""",
                """vllm:spec_decode_num_drafts_total{engine="0",model_name="m"} 8""",
                """vllm:spec_decode_num_draft_tokens_total{engine="0",model_name="m"} 16""",
                """vllm:spec_decode_num_accepted_tokens_total{engine="0",model_name="m"} 9""",
                """vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m",position="1"} 3""",
                """vllm:request_success_total{engine="0",finished_reason="stop",model_name="m"} 4""",
                """vllm:time_to_first_token_seconds_bucket{engine="0",model_name="m",le="0.005"} 2""",
                """vllm:time_to_first_token_seconds_bucket{engine="0",model_name="m",le="1.0"} 3""",
                """vllm:time_to_first_token_seconds_bucket{engine="0",model_name="m",le="+Inf"} 3""",
                """vllm:time_to_first_token_seconds_count{engine="0",model_name="m"} 3""",
                "vllm:lora_requests_info{",
                "vllm:cache_config_info{",
            })
            {
                Assert.That(text, Does.Contain("\n" + sample));
            }
        }
    }

    [Test]
    public async Task MetricsAreValidExposition()
    {
        await _server.PostJsonAsync("/v1/completions", """{"prompt":"Hi"}""");
        string text = await _server.Client.GetStringAsync("/metrics");
        var line = new Regex(
            @"^(# (HELP|TYPE) [a-zA-Z_:][\w:]* .+|[a-zA-Z_:][\w:]*(\{(\w+=""(\\.|[^""\\])*"",?)*\})? [-+\w.]+)$",
            RegexOptions.NonBacktracking);
        string[] lines = text.Split('\n');
        using (Assert.EnterMultipleScope())
        {
            Assert.That(lines[^1], Is.Empty, "the last line must end");
            Assert.That(lines[..^1].Where(one => !line.IsMatch(one)), Is.Empty);
            string[] types = [.. lines.Where(one => one.StartsWith("# TYPE"))];
            Assert.That(types, Is.Unique);
            Assert.That(text, Does.Contain(
                """http_requests_total{handler="/v1/completions",method="POST",status="2xx"}"""));
        }
    }

    [Test]
    public async Task HeadIsAnsweredWhereGetIs()
    {
        using var message = new HttpRequestMessage(HttpMethod.Head, "/health");
        using HttpResponseMessage response = await _server.Client.SendAsync(message);
        Assert.That((int)response.StatusCode, Is.EqualTo(200));
    }

    private async Task<JsonElement> GetAsync(string path) =>
        JsonDocument.Parse(await _server.Client.GetStringAsync(path)).RootElement;
}
