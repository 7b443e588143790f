using System.Text.Json;
using Engine.Hosting;
using Engine.Loading;
using Engine.Pooling;
using Engine.Tokenization;

namespace Engine.Tests.Pooling;

/// <summary>Embedding models, classifiers and rerankers against transformers and sentence-transformers.</summary>
[TestFixture]
internal sealed class EncoderGoldenTests
{
    private const string DataVariable = "ENGINE_ENCODER_DATA";

    // Of float32 against float64 transformers itself is off by up to 2.7e-6 in hidden states, 7e-7 in logits.
    private const double HiddenTolerance = 2e-5;
    private const double LogitTolerance = 1e-5;
    private const double VectorTolerance = 2e-6;

    private const string Reranker = """
        {"architectures": ["Qwen3ForSequenceClassification"], "classifier_from_token": ["no", "yes"]}
        """;

    private static IEnumerable<string> Committed =>
        Directory.GetDirectories(Path.Combine(TestPaths.Data, "encoders")).Select(f => Path.GetFileName(f)!).Order();

    [TestCaseSource(nameof(Committed))]
    public void AModelGivesTheReferencesResults(string name) =>
        Check(Path.Combine(TestPaths.Data, "encoders", name), "cpu");

    [TestCaseSource(nameof(Committed))]
    public void TheReferenceDeviceGivesThemToo(string name) =>
        Check(Path.Combine(TestPaths.Data, "encoders", name), "reference");

    [Test]
    [Explicit("runs every folder of ENGINE_ENCODER_DATA")]
    public void EveryModelOfACollection()
    {
        string root = Environment.GetEnvironmentVariable(DataVariable)
            ?? throw new InconclusiveException($"{DataVariable} is not set");
        using (Assert.EnterMultipleScope())
        {
            foreach (string folder in Directory.GetDirectories(root).Order())
            {
                if (!File.Exists(Path.Combine(folder, "model.safetensors"))) continue;
                TestContext.Out.WriteLine(Path.GetFileName(folder));
                Check(folder, "cpu");
            }
        }
    }

    [TestCaseSource(nameof(Committed))]
    public async Task ATextGivesTheSameBitsAloneAndInACrowd(string name)
    {
        string folder = Path.Combine(TestPaths.Data, "encoders", name);
        using PoolingModel model = PoolingModel.Load(Options(folder, "cpu"));
        PoolingTask task = model.Embeds ? PoolingTask.Embed : PoolingTask.Classify;
        PoolingRequest[] requests = [.. Cases(folder).Select(c => Request(c, task))];
        using var small = new PoolingWorker(model, new EngineOptions { MaxNumSeqs = 1 });
        using var large = new PoolingWorker(model, new EngineOptions { MaxNumSeqs = 64 });
        PoolingRequest[] crowd = [.. Enumerable.Range(0, 40).Select(i => requests[i % requests.Length])];
        PoolingResult[] together = await Task.WhenAll(crowd.Select(r => large.SubmitAsync(r)));
        using (Assert.EnterMultipleScope())
        {
            for (int i = 0; i < requests.Length; i++)
            {
                PoolingResult alone = await small.SubmitAsync(requests[i]);
                Assert.That(together[i].Values, Is.EqualTo(alone.Values), $"case {i}");
            }
        }
    }

    private static void Check(string folder, string device)
    {
        using PoolingModel model = PoolingModel.Load(Options(folder, device));
        using var worker = new PoolingWorker(model, new EngineOptions { MaxNumSeqs = 4 });
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        List<JsonElement> cases = Cases(folder);
        using (Assert.EnterMultipleScope())
        {
            for (int i = 0; i < cases.Count; i++)
            {
                CheckIds(model.Tokenizer, cases[i], $"{folder}, case {i}");
                Compare(golden, $"{i}.last_hidden_state", HiddenTolerance, () => Run(cases[i], PoolingTask.TokenEmbed));
                Compare(golden, $"{i}.sentence_embedding", VectorTolerance, () => Run(cases[i], PoolingTask.Embed));
                Compare(
                    golden, $"{i}.logits", LogitTolerance,
                    () => Run(cases[i], PoolingTask.Classify, useActivation: false));
                Compare(golden, $"{i}.score", VectorTolerance, () => Run(cases[i], PoolingTask.Classify));
            }
        }

        float[] Run(JsonElement test, PoolingTask task, bool useActivation = true) => worker
            .SubmitAsync(Request(test, task) with { UseActivation = useActivation })
            .GetAwaiter().GetResult().Values;
    }

    private static void Compare(SafetensorsFile golden, string name, double tolerance, Func<float[]> run)
    {
        if (!golden.Tensors.TryGetValue(name, out SafetensorsTensor? tensor)) return;
        float[] expected = WeightSource.ReadVector(tensor), found = run();
        Assert.That(found, Has.Length.EqualTo(expected.Length), name);
        double difference = expected.Zip(found, (a, b) => Math.Abs((double)a - b)).Max();
        // A vector that was not scaled to length 1 is as large as the hidden states it comes from.
        bool isLong = name.EndsWith("embedding", StringComparison.Ordinal) && expected.Sum(v => v * v) > 1.01;
        Assert.That(difference, Is.LessThanOrEqualTo(isLong ? HiddenTolerance : tolerance), name);
    }

    private static void CheckIds(Tokenizer? tokenizer, JsonElement test, string message)
    {
        if (tokenizer is null || !test.TryGetProperty("text", out JsonElement text)) return;
        int[] ids = test.TryGetProperty("text_pair", out JsonElement pair)
            ? tokenizer.EncodePair(text.GetString()!, pair.GetString()!).Ids
            : tokenizer.Encode(text.GetString()!);
        Assert.That(ids, Is.EqualTo(Ints(test, "input_ids")), message);
    }

    private static PoolingRequest Request(JsonElement test, PoolingTask task) => new()
    {
        TokenIds = Ints(test, "input_ids"),
        TokenTypeIds = test.TryGetProperty("token_type_ids", out _) ? Ints(test, "token_type_ids") : null,
        Task = task,
    };

    private static ModelLoadOptions Options(string folder, string device) => new()
    {
        Model = folder,
        Device = device,
        NumThreads = 2,
        HfOverrides = folder.EndsWith("qwen3-reranker", StringComparison.Ordinal) ? Reranker : null,
    };

    private static List<JsonElement> Cases(string folder)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
        return [.. json.RootElement.GetProperty("cases").EnumerateArray().Select(c => c.Clone())];
    }

    private static int[] Ints(JsonElement test, string name) =>
        [.. test.GetProperty(name).EnumerateArray().Select(x => x.GetInt32())];
}
