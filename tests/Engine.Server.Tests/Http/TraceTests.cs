using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Engine.Hosting;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Tracing;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>Spans, as a collector sees them.</summary>
[TestFixture]
[NonParallelizable]
public sealed class TraceTests
{
    private const string Protocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";
    private const string SpanId = "b7ad6b7169203331";

    [TearDown]
    public void ForgetProtocol() => Environment.SetEnvironmentVariable(Protocol, null);

    [Test]
    public async Task ARequestIsASpanOfTheClientsTraceWithTheAttributesOfVllm([Values] bool isGrpc)
    {
        await using TraceCollector collector = await TraceCollector.StartAsync(isGrpc);
        await AskAsync(collector, isGrpc, """{"prompt":"secret","max_tokens":5,"temperature":0.5,"top_p":0.9}""");
        CollectedSpan span = collector.Spans.Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(collector.ServiceName, Is.EqualTo("engine"));
            Assert.That((span.TraceId, span.ParentId, span.Name, span.Kind), Is.EqualTo((TraceId, SpanId, "llm_request", 2)));
            Assert.That(span.Attributes["gen_ai.usage.completion_tokens"], Is.EqualTo("5"));
            Assert.That(span.Attributes["gen_ai.usage.prompt_tokens"], Is.EqualTo("7"));
            Assert.That(span.Attributes["gen_ai.request.max_tokens"], Is.EqualTo("5"));
            Assert.That(span.Attributes["gen_ai.request.temperature"], Is.EqualTo("0.5"));
            Assert.That(span.Attributes["gen_ai.request.top_p"], Does.StartWith("0.9"));
            Assert.That(span.Attributes["gen_ai.request.n"], Is.EqualTo("1"));
            Assert.That(span.Attributes["gen_ai.request.id"], Does.StartWith("cmpl-"));
            Assert.That(span.Attributes["gen_ai.response.model"], Is.EqualTo("m"));
            Assert.That(Sum(span, "time_in_queue", "time_in_model_inference"), Is.LessThanOrEqualTo(Sum(span, "e2e")));
            Assert.That(
                Sum(span, "time_in_queue", "time_in_model_prefill"), Is.EqualTo(Sum(span, "time_to_first_token")).Within(1e-6));
            Assert.That(span.Seconds, Is.EqualTo(Sum(span, "e2e")).Within(1e-3));
            Assert.That(span.Attributes.Values, Has.None.Contains("secret"));
        }
    }

    [Test]
    public async Task SeveralPromptsAreSeveralSpans()
    {
        await using TraceCollector collector = await TraceCollector.StartAsync(isGrpc: false);
        await AskAsync(collector, false, """{"prompt":["a","b"],"max_tokens":2,"n":2}""");
        Assert.That(collector.Spans.Select(span => span.Attributes["gen_ai.usage.completion_tokens"]),
            Is.EqualTo(new[] { "4", "4" }));
    }

    [Test]
    public async Task WithoutATraceOfTheClientsASpanIsARoot()
    {
        await using TraceCollector collector = await TraceCollector.StartAsync(isGrpc: false);
        await AskAsync(collector, false, """{"prompt":"a","max_tokens":2}""", traceParent: "00-not-a-trace-01");
        CollectedSpan span = collector.Spans.Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(span.ParentId, Is.Empty);
            Assert.That(span.TraceId, Has.Length.EqualTo(32).And.Not.EqualTo(TraceId));
        }
    }

    [TestCase("ftp://x", "grpc")]
    [TestCase("http://x", "http/json")]
    public void WhatCannotBeSpokenIsRefused(string endpoint, string protocol)
    {
        Environment.SetEnvironmentVariable(Protocol, protocol);
        Assert.That(
            Assert.Throws<EngineException>(() => TraceExport.Start(endpoint).Dispose())!.Parameter,
            Is.EqualTo("otlp-traces-endpoint"));
    }

    private static double Sum(CollectedSpan span, params string[] names) => names.Sum(name =>
        double.Parse(span.Attributes["gen_ai.latency." + name], CultureInfo.InvariantCulture));

    private static async Task AskAsync(
        TraceCollector collector, bool isGrpc, string body, string traceParent = $"00-{TraceId}-{SpanId}-01")
    {
        Environment.SetEnvironmentVariable(Protocol, isGrpc ? "grpc" : "http/protobuf");
        string endpoint = isGrpc
            ? collector.Address.Replace("http://", "grpc://", StringComparison.Ordinal)
            : collector.Address + "/v1/traces";

        // What is collected goes out at the latest when it is disposed.
        using IDisposable traces = TraceExport.Start(endpoint);
        await using TestServer server = await TestServer.StartAsync(
            new ServedModel
            {
                Engine = new WorkerBackend(FakeModel.CreateWorker("fake:eos_period=0", new EngineOptions())),
                Names = ["m"],
                Root = "fake:",
            },
            null,
            new ServerOptions { Port = 0 });
        using var message = new HttpRequestMessage(HttpMethod.Post, "/v1/completions");
        message.Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
        message.Headers.Add("traceparent", traceParent);
        using HttpResponseMessage response = await server.Client.SendAsync(message);
        Assert.That(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }
}
