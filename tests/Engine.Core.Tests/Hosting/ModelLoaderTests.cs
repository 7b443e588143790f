using Engine.Hosting;
using Engine.Pooling;
using Engine.Tests.Loading.Gguf;

namespace Engine.Tests.Hosting;

/// <summary>One door for models that write and models of whole texts.</summary>
internal sealed class ModelLoaderTests
{
    private const string Reranker = """
        {"architectures": ["Qwen3ForSequenceClassification"], "classifier_from_token": ["no", "yes"]}
        """;

    [TestCase("bert-classify3", "auto", true)]
    [TestCase("qwen3-embed", "auto", true)] // a decoder with sentence-transformers' files
    [TestCase("qwen3-reranker", "auto", false)]
    [TestCase("qwen3-reranker", "generate", false)]
    [TestCase("qwen3-reranker", "pooling", true)]
    public void TheRunnerChoosesTheKind(string name, string runner, bool pools)
    {
        using IDisposable model = ModelLoader.Load(Options(Encoder(name), runner));
        Assert.That(model is PoolingModel, Is.EqualTo(pools));
    }

    [Test]
    public void OverridesOfTheClassDecideToo()
    {
        using IDisposable model = ModelLoader.Load(Options(Encoder("qwen3-reranker"), "auto", Reranker));
        Assert.That((model as PoolingModel)?.Labels, Has.Count.EqualTo(1));
    }

    [Test]
    public void AnUnknownRunnerIsRefusedByName() => Assert.That(
        () => ModelLoader.Load(Options(Encoder("qwen3-embed"), "draft")),
        Throws.TypeOf<EngineException>().With.Property("Parameter").EqualTo("runner"));

    [Test]
    public void AnEncoderDoesNotWrite() => Assert.That(
        () => ModelLoader.Load(Options(Encoder("bert-classify3"), "generate")),
        Throws.TypeOf<EngineException>().With.Property("Status").EqualTo(EngineStatus.Unsupported));

    [Test]
    public void AGgufModelTakesOverridesAndMakesVectors()
    {
        string path = Path.Combine(Path.GetTempPath(), $"engine-loader-{Guid.NewGuid():N}.gguf");
        File.WriteAllBytes(path, TinyGguf.Model());
        try
        {
            using var writes = (LoadedModel)ModelLoader.Load(
                Options(path, "auto", """{"max_position_embeddings": 24}"""));
            using var pools = (PoolingModel)ModelLoader.Load(Options(path, "pooling"));
            using var worker = new PoolingWorker(pools, new EngineOptions());
            PoolingResult vector = worker.SubmitAsync(new PoolingRequest { TokenIds = [1, 2, 3] }).Result;
            using (Assert.EnterMultipleScope())
            {
                Assert.That(writes.Info.MaxModelLen, Is.EqualTo(24));
                Assert.That(vector.Values.Sum(v => (double)v * v), Is.EqualTo(1).Within(1e-5));
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string Encoder(string name) => Path.Combine(TestPaths.Data, "encoders", name);

    private static ModelLoadOptions Options(string model, string runner, string? overrides = null) =>
        new() { Model = model, Runner = runner, HfOverrides = overrides, NumThreads = 1 };
}
