using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Commands;

/// <summary>serve as a process: signals, and the demo model over HTTP.</summary>
[TestFixture]
public sealed partial class ServeCommandTests
{
    [Test]
    public async Task SigtermLetsAStreamEndAndExitsWith0()
    {
        using EngineProcess engine = EngineProcess.Start(
            "serve", "fake:delay_ms=20,eos_period=0", "--served-model-name", "m", "--port", "0");
        using HttpClient client = await ClientAsync(engine);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = Body("""{"model":"m","prompt":"Hi","max_tokens":40,"stream":true}"""),
        };
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        engine.Terminate();
        await engine.LineWithAsync("shutting down");
        using HttpResponseMessage ready = await client.GetAsync("/readyz");
        string text = await response.Content.ReadAsStringAsync();
        await engine.WaitAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ready.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
            Assert.That(text, Does.EndWith("data: [DONE]\n\n").And.Contain("\"finish_reason\":\"length\""));
            Assert.That(engine.ExitCode, Is.Zero);
        }
    }

    [Test]
    public async Task AStreamBeyondTheTimeoutEndsWithAnErrorAndTheExitIs0()
    {
        using EngineProcess engine = EngineProcess.Start(
            "serve", "fake:delay_ms=50,eos_period=0", "--port", "0", "--shutdown-timeout", "0.3");
        using HttpClient client = await ClientAsync(engine);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = Body("""{"prompt":"Hi","max_tokens":1000,"stream":true}"""),
        };
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        engine.Terminate();
        string text = await response.Content.ReadAsStringAsync();
        await engine.WaitAsync();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(text, Does.EndWith("data: [DONE]\n\n").And.Contain("\"code\":503"));
            Assert.That(engine.ExitCode, Is.Zero);
        }
    }

    [Test]
    public async Task ASecondSignalIsImmediate()
    {
        using EngineProcess engine = EngineProcess.Start("serve", "fake:delay_ms=50,eos_period=0", "--port", "0");
        using HttpClient client = await ClientAsync(engine);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = Body("""{"prompt":"Hi","max_tokens":4000,"stream":true}"""),
        };
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        engine.Terminate();
        await engine.LineWithAsync("shutting down");
        engine.Terminate();
        await engine.WaitAsync();
        Assert.That(engine.ExitCode, Is.Not.Zero);
    }

    [Test]
    public async Task TheDemoModelAnswersChats()
    {
        using EngineProcess engine = EngineProcess.Start(
            "serve", "--served-model-name", "demo", "--port", "0", "--api-key", "k", "--max-num-seqs", "8");
        using HttpClient client = await ClientAsync(engine);
        client.DefaultRequestHeaders.Add("Authorization", "Bearer k");
        using HttpResponseMessage response = await client.PostAsync("/v1/chat/completions", Body("""
            {"model":"demo","messages":[{"role":"user","content":"Hello"}],"temperature":0,"max_tokens":30}
            """));
        string text = await response.Content.ReadAsStringAsync();
        JsonElement answer = JsonDocument.Parse(text).RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), text);
            Assert.That(SchemaCheck.Find(TestData.Schema("chat_completion"), answer), Is.Null);
            Assert.That(
                answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString(), Is.Not.Empty);
        }
    }

    [Test]
    public async Task AnOpenAddressWithoutAKeyIsRefused()
    {
        (int code, _, string error) = await EngineProcess.RunAsync("", "serve", "fake:", "--host", "0.0.0.0");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.EqualTo(1));
            Assert.That(error, Does.Contain("--api-key"));
        }
    }

    [Test]
    public async Task FlagsOfVllmAreTaken()
    {
        using EngineProcess engine = EngineProcess.Start(
            "serve", "fake:", "--port", "0", "--disable-log-requests", "--uvicorn-log-level", "warning",
            "--max-num-batched-tokens", "4k", "--no-enable-prefix-caching", "--gpu-memory-utilization", "0.9",
            "--tensor-parallel-size", "1", "--block-size", "16", "--seed", "3", "--max-logprobs", "5");
        using HttpClient client = await ClientAsync(engine);
        using HttpResponseMessage response = await client.GetAsync("/health");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    private static async Task<HttpClient> ClientAsync(EngineProcess engine)
    {
        string line = await engine.LineWithAsync(" on http://");
        return new HttpClient
        {
            BaseAddress = new Uri(Address().Match(line).Value),
            Timeout = TimeSpan.FromSeconds(60),
        };
    }

    private static StringContent Body(string json) => new(json, Encoding.UTF8, "application/json");

    [GeneratedRegex(@"http://[\d.:]+/")]
    private static partial Regex Address();
}
