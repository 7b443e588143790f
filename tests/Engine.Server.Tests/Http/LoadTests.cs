using System.Net;
using System.Text;
using System.Text.Json;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>Many streams at once over the demo model: nothing lost, nothing twice, none too many.</summary>
[TestFixture]
[NonParallelizable]
public sealed class LoadTests
{
    private const int NumStreams = 256;
    private const int NumTokens = 12;
    private const int NumPrompts = 16;

    private LoadedModel _model = null!;

    [OneTimeSetUp]
    public void Load() => _model = LoadedModel.Load(
        new ModelLoadOptions { Model = Path.Combine(TestData.Root, "demo-model", "model") });

    [OneTimeTearDown]
    public void Unload() => _model.Dispose();

    [Test]
    public async Task AStreamAmong256IsWhatTheRequestGivesAlone([Values(0, 1, 5)] int streamInterval)
    {
        (string Text, int Count)[] alone;
        using (var worker = new EngineWorker(
            _model, new EngineOptions { MaxNumSeqs = 1, MaxQueueSize = NumPrompts, MaxModelLen = 256 }))
        {
            alone = await Task.WhenAll(Enumerable.Range(0, NumPrompts).Select(i => AskAsync(worker, i)));
        }

        using var shared = new EngineWorker(
            _model, new EngineOptions { MaxNumSeqs = 64, MaxQueueSize = NumStreams, MaxModelLen = 256 });
        await using TestServer server = await StartAsync(shared, streamInterval);
        (HttpStatusCode Status, string Text, int Count)[] streams =
            await Task.WhenAll(Enumerable.Range(0, NumStreams).Select(i => StreamAsync(server, i % NumPrompts)));
        using (Assert.EnterMultipleScope())
        {
            for (int i = 0; i < NumStreams; i++)
            {
                Assert.That(streams[i].Status, Is.EqualTo(HttpStatusCode.OK), $"stream {i}");
                Assert.That(streams[i].Text, Is.EqualTo(alone[i % NumPrompts].Text), $"stream {i}");
                Assert.That(streams[i].Count, Is.EqualTo(alone[i % NumPrompts].Count), $"stream {i}");
            }
        }
    }

    [Test]
    public async Task WhatDoesNotFitTheQueueIsRefusedAndTheRestIsWhole()
    {
        using var worker = new EngineWorker(
            _model, new EngineOptions { MaxNumSeqs = 4, MaxQueueSize = 8, MaxModelLen = 256 });
        await using TestServer server = await StartAsync(worker);
        (HttpStatusCode Status, string Text, int Count)[] streams =
            await Task.WhenAll(Enumerable.Range(0, NumStreams).Select(i => StreamAsync(server, i % NumPrompts)));
        HttpStatusCode[] other = [.. streams.Select(s => s.Status)
            .Where(status => status is not (HttpStatusCode.OK or HttpStatusCode.TooManyRequests))];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(other, Is.Empty);
            Assert.That(streams.Count(s => s.Status == HttpStatusCode.TooManyRequests), Is.GreaterThan(0));
            Assert.That(
                streams.Where(s => s.Status == HttpStatusCode.OK).Select(s => s.Count), Is.All.EqualTo(NumTokens));
        }
    }

    private static string Prompt(int index) => $"Once upon a time there were {index + 2} foxes";

    private static SamplingParams Greedy => new() { Temperature = 0, MaxTokens = NumTokens, IgnoreEos = true };

    private static async Task<(string Text, int Count)> AskAsync(EngineWorker worker, int index)
    {
        var sink = new TextSink();
        worker.Submit(new GenerationRequest { Prompt = Prompt(index), Sampling = Greedy }, sink);
        await sink.Done.Task;
        return (sink.Text.ToString(), sink.Count);
    }

    private static async Task<(HttpStatusCode Status, string Text, int Count)> StreamAsync(TestServer server, int index)
    {
        string body = $$"""
            {"prompt":"{{Prompt(index)}}","max_tokens":{{NumTokens}},"temperature":0,"ignore_eos":true,"stream":true,
             "return_token_ids":true,"stream_options":{"include_usage":true} }
            """;
        using HttpResponseMessage response = await server.PostAsync("/v1/completions", body);
        if (response.StatusCode != HttpStatusCode.OK) return (response.StatusCode, "", 0);
        var text = new StringBuilder();
        int count = 0;
        string stream = await response.Content.ReadAsStringAsync();
        foreach (string line in stream.Split("\n\n").Where(l => l.StartsWith("data: {", StringComparison.Ordinal)))
        {
            using JsonDocument json = JsonDocument.Parse(line["data: ".Length..]);
            foreach (JsonElement choice in json.RootElement.GetProperty("choices").EnumerateArray())
            {
                text.Append(choice.GetProperty("text").GetString());
                count += choice.TryGetProperty("token_ids", out JsonElement ids) && ids.ValueKind == JsonValueKind.Array
                    ? ids.GetArrayLength() : 0;
            }
        }

        return (response.StatusCode, text.ToString(), count);
    }

    private static Task<TestServer> StartAsync(EngineWorker worker, int streamInterval = 0) => TestServer.StartAsync(
        new ServedModel
        {
            Engine = new WorkerBackend(worker),
            Names = ["demo"],
            Root = "demo",
        },
        options: new ServerOptions { Port = 0, StreamInterval = streamInterval });

    private sealed class TextSink : IRequestSink
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public StringBuilder Text { get; } = new();

        public int Count { get; private set; }

        public void OnEvent(RequestEvent e)
        {
            Text.Append(e.Text);
            if (e.TokenId >= 0) Count++;
            if (e.Kind == RequestEventKind.Failed) Done.TrySetException(e.Error!);
            if (e.Kind == RequestEventKind.Finished) Done.TrySetResult();
        }
    }
}
