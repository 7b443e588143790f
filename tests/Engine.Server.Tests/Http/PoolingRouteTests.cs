using System.ClientModel;
using System.Net;
using System.Text.Json;
using Engine.Hosting;
using Engine.Pooling;
using Engine.Server.Http;
using Engine.Server.Http.Pooling;
using Engine.Server.Tests.Support;
using OpenAI;
using OpenAI.Embeddings;

namespace Engine.Server.Tests.Http;

/// <summary>Embeddings, scores, reranking and classification over real, tiny models.</summary>
[TestFixture]
public sealed class PoolingRouteTests
{
    private Served _embedder = null!;
    private Served _reranker = null!;
    private Served _classifier = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _embedder = await Served.StartAsync("qwen3-embed");
        _reranker = await Served.StartAsync("xlmr-reranker");
        _classifier = await Served.StartAsync("bert-classify3");
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _embedder.DisposeAsync();
        await _reranker.DisposeAsync();
        await _classifier.DisposeAsync();
    }

    [Test]
    public async Task EmbeddingsFollowTheSchemaAndAreTheReferences()
    {
        List<JsonElement> cases = [.. _embedder.Cases.Where(c => c.TryGetProperty("text", out _))];
        string input = Json(cases.Select(c => c.GetProperty("text").GetString()!));
        JsonElement answer = await _embedder.PostAsync("/v1/embeddings", $$"""{"model":"m","input":{{input}}}""");
        JsonElement byIds = await _embedder.PostAsync(
            "/v1/embeddings",
            $$"""{"input":[{{string.Join(',', cases.Select(c => c.GetProperty("input_ids").GetRawText()))}}]}""");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(SchemaCheck.Find(TestData.Schema("embeddings"), answer), Is.Null);
            Assert.That(answer.GetProperty("data").GetRawText(), Is.EqualTo(byIds.GetProperty("data").GetRawText()));
            Assert.That(
                answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(),
                Is.EqualTo(cases.Sum(c => c.GetProperty("input_ids").GetArrayLength())));
            Assert.That(Vector(answer, 0).Sum(v => v * v), Is.EqualTo(1).Within(1e-5));
        }
    }

    [Test]
    public async Task Base64HoldsTheSameNumbers()
    {
        JsonElement floats = await _embedder.PostAsync("/v1/embeddings", """{"input":"city"}""");
        JsonElement text = await _embedder.PostAsync(
            "/v1/embeddings", """{"input":"city","encoding_format":"base64"}""");
        byte[] bytes = text.GetProperty("data")[0].GetProperty("embedding").GetBytesFromBase64();
        float[] numbers = [.. Enumerable.Range(0, bytes.Length / 4).Select(i => BitConverter.ToSingle(bytes, 4 * i))];
        Assert.That(numbers, Is.EqualTo(Vector(floats, 0)));
    }

    [Test]
    public async Task FewerDimensionsAreTheBeginningScaledAnew()
    {
        float[] all = Vector(await _embedder.PostAsync("/v1/embeddings", """{"input":"city"}"""), 0);
        float[] some = Vector(
            await _embedder.PostAsync("/v1/embeddings", """{"input":"city","dimensions":8}"""), 0);
        double length = Math.Sqrt(all.Take(8).Sum(v => (double)v * v));
        Assert.That(some, Is.EqualTo(all.Take(8).Select(v => (float)(v / length))).Within(1e-6));
    }

    [TestCase("""{"input":"city","dimensions":65}""", "dimensions")]
    [TestCase("""{"input":"city","prompt_name":"nothing"}""", "prompt_name")]
    [TestCase("""{"input":[1,99999]}""", "input")]
    [TestCase("""{"input":[[]]}""", "input")]
    [TestCase("""{"input":"city","truncate_prompt_tokens":0}""", "truncate_prompt_tokens")]
    public async Task WhatCannotBeIsRefusedByName(string body, string field)
    {
        using HttpResponseMessage response = await _embedder.Server.PostAsync("/v1/embeddings", body);
        JsonElement error = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
            Assert.That(error.GetProperty("error").GetProperty("param").GetString(), Is.EqualTo(field));
        }
    }

    [Test]
    public async Task APromptIsPutBeforeTheText()
    {
        JsonElement named = await _embedder.PostAsync(
            "/v1/embeddings", """{"input":" river","prompt_name":"query"}""");
        JsonElement written = await _embedder.PostAsync(
            "/v1/embeddings",
            """
            {"input":"Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: river"}
            """);
        Assert.That(Vector(named, 0), Is.EqualTo(Vector(written, 0)));
    }

    [Test]
    public async Task ScoresAreTheReferencesForPairs()
    {
        List<JsonElement> pairs = [.. _reranker.Cases.Where(c => c.TryGetProperty("text_pair", out _))];
        JsonElement answer = await _reranker.PostAsync("/v1/score", $$"""
            {"text_1":{{Json(pairs.Select(c => c.GetProperty("text").GetString()!))}},
             "text_2":{{Json(pairs.Select(c => c.GetProperty("text_pair").GetString()!))}} }
            """);
        double[] expected = [.. pairs.Select(c => c.GetProperty("score")[0].GetDouble())];
        double[] found = [.. answer.GetProperty("data").EnumerateArray().Select(d => d.GetProperty("score").GetDouble())];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(SchemaCheck.Find(TestData.Schema("score"), answer), Is.Null);
            Assert.That(found, Is.EqualTo(expected).Within(2e-6));
        }
    }

    [Test]
    public async Task RerankingOrdersDocumentsByTheirScores()
    {
        string[] documents = ["a river", "the capital", "nothing at all", "city"];
        JsonElement scores = await _reranker.PostAsync(
            "/v1/score", $$"""{"text_1":"what is it","text_2":{{Json(documents)}}}""");
        JsonElement answer = await _reranker.PostAsync(
            "/v1/rerank", $$"""{"query":"what is it","documents":{{Json(documents)}},"top_n":3}""");
        double[] byIndex =
            [.. scores.GetProperty("data").EnumerateArray().Select(d => d.GetProperty("score").GetDouble())];
        JsonElement[] results = [.. answer.GetProperty("results").EnumerateArray()];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(SchemaCheck.Find(TestData.Schema("rerank"), answer), Is.Null);
            Assert.That(results, Has.Length.EqualTo(3));
            Assert.That(
                results.Select(r => r.GetProperty("relevance_score").GetDouble()),
                Is.EqualTo(byIndex.OrderDescending().Take(3)));
            foreach (JsonElement result in results)
            {
                int index = result.GetProperty("index").GetInt32();
                Assert.That(
                    result.GetProperty("document").GetProperty("text").GetString(), Is.EqualTo(documents[index]));
                Assert.That(result.GetProperty("relevance_score").GetDouble(), Is.EqualTo(byIndex[index]));
            }
        }
    }

    [Test]
    public async Task ScoresOfAModelOfVectorsAreCosines()
    {
        JsonElement answer = await _embedder.PostAsync("/score", """{"text_1":"city","text_2":["city","river"]}""");
        JsonElement data = answer.GetProperty("data");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(data[0].GetProperty("score").GetDouble(), Is.EqualTo(1).Within(1e-6));
            Assert.That(data[1].GetProperty("score").GetDouble(), Is.LessThan(0.9999));
        }
    }

    [Test]
    public async Task ClassesAreNamedAndTheirSharesAreTheReferences()
    {
        string ids = string.Join(',', _classifier.Cases.Select(c => c.GetProperty("input_ids").GetRawText()));
        JsonElement answer = await _classifier.PostAsync("/classify", $$"""{"input":[{{ids}}]}""");
        string[] labels = ["negative", "neutral", "positive"];
        using (Assert.EnterMultipleScope())
        {
            for (int i = 0; i < _classifier.Cases.Count; i++)
            {
                double[] expected =
                    [.. _classifier.Cases[i].GetProperty("score").EnumerateArray().Select(v => v.GetDouble())];
                JsonElement entry = answer.GetProperty("data")[i];
                Assert.That(
                    entry.GetProperty("probs").EnumerateArray().Select(v => v.GetDouble()),
                    Is.EqualTo(expected).Within(2e-6));
                Assert.That(
                    entry.GetProperty("label").GetString(), Is.EqualTo(labels[Array.IndexOf(expected, expected.Max())]));
            }
        }
    }

    [Test]
    public async Task PoolingGivesEveryTokensHiddenState()
    {
        JsonElement answer = await _embedder.PostAsync("/pooling", """{"input":[[288,12,13]]}""");
        JsonElement rows = answer.GetProperty("data")[0].GetProperty("data");
        Assert.That((rows.GetArrayLength(), rows[0].GetArrayLength()), Is.EqualTo((3, 64)));
    }

    [TestCase("/v1/completions", """{"prompt":"Hi"}""")]
    [TestCase("/classify", """{"input":"Hi"}""")]
    public async Task WhatTheModelDoesNotDoIsA400(string path, string body)
    {
        using HttpResponseMessage response = await _embedder.Server.PostAsync(path, body);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task AModelThatWritesMakesNoVectors()
    {
        await using TestServer server = await TestServer.StartAsync();
        using HttpResponseMessage response = await server.PostAsync("/v1/embeddings", """{"input":"Hi"}""");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task TokensAreCounted()
    {
        await _embedder.PostAsync("/v1/embeddings", """{"input":"city"}""");
        string metrics = await _embedder.Server.Client.GetStringAsync("/metrics");
        Assert.That(metrics, Does.Match(@"vllm:prompt_tokens_total\{[^}]*\} [1-9]"));
    }

    [Test]
    public async Task OpenAIsOwnClientGetsTheSameVectors()
    {
        var options = new OpenAIClientOptions { Endpoint = new Uri(_embedder.Server.Address, "/v1") };
        EmbeddingClient client = new OpenAIClient(new ApiKeyCredential("none"), options).GetEmbeddingClient("m");
        OpenAIEmbeddingCollection answer = await client.GenerateEmbeddingsAsync(["city", "river"]);
        JsonElement ours = await _embedder.PostAsync("/v1/embeddings", """{"input":["city","river"]}""");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer[0].ToFloats().ToArray(), Is.EqualTo(Vector(ours, 0)));
            Assert.That(answer[1].ToFloats().ToArray(), Is.EqualTo(Vector(ours, 1)));
        }
    }

    private static float[] Vector(JsonElement answer, int index) =>
        [.. answer.GetProperty("data")[index].GetProperty("embedding").EnumerateArray().Select(v => v.GetSingle())];

    private static string Json(IEnumerable<string> texts) =>
        "[" + string.Join(',', texts.Select(t => "\"" + JsonEncodedText.Encode(t) + "\"")) + "]";

    private sealed class Served(PoolingModel model, PoolingWorker worker, TestServer server, List<JsonElement> cases)
        : IAsyncDisposable
    {
        public TestServer Server => server;

        public List<JsonElement> Cases => cases;

        public static async Task<Served> StartAsync(string name)
        {
            string folder = Path.Combine(TestData.Root, "tests", "data", "encoders", name);
            var model = PoolingModel.Load(new ModelLoadOptions { Model = folder, NumThreads = 1 });
            var options = new EngineOptions { MaxNumSeqs = 8, MaxNumBatchedTokens = 256 };
            var worker = new PoolingWorker(model, options);
            TestServer server = await TestServer.StartAsync(PoolingBackend.Serve(worker, options, ["m"], folder));
            using JsonDocument golden = JsonDocument.Parse(
                await File.ReadAllBytesAsync(Path.Combine(folder, "golden.json")));
            return new Served(
                model, worker, server,
                [.. golden.RootElement.GetProperty("cases").EnumerateArray().Select(c => c.Clone())]);
        }

        public Task<JsonElement> PostAsync(string path, string json) => server.PostJsonAsync(path, json);

        public async ValueTask DisposeAsync()
        {
            await server.DisposeAsync();
            worker.Dispose();
            model.Dispose();
        }
    }
}
