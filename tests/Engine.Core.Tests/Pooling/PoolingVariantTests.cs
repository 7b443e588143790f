using System.Text.Json.Nodes;
using Engine.Hosting;
using Engine.Pooling;

namespace Engine.Tests.Pooling;

/// <summary>Settings of sentence-transformers and of classifiers that the reference folders do not have.</summary>
internal sealed class PoolingVariantTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-pooling").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_prompt_may_be_left_out_of_what_is_pooled()
    {
        Copy("qwen3-embed");
        File.WriteAllText(
            Path.Combine(_folder, "1_Pooling", "config.json"),
            """{"pooling_mode": ["cls", "mean"], "include_prompt": false}""");
        using PoolingModel model = Load();
        using var worker = new PoolingWorker(model, new EngineOptions { MaxNumSeqs = 2 });
        PoolingRequest request = model.Prepare(PoolingTask.Embed, "city", promptName: "query");
        int width = model.Config.HiddenSize, numPrompt = request.NumPromptTokens;
        float[] found = (await worker.SubmitAsync(request with { Normalize = false })).Values;
        PoolingResult all = await worker.SubmitAsync(request with { Task = PoolingTask.TokenEmbed });
        int numText = all.NumTokens - numPrompt;
        float[] mean =
        [
            .. Enumerable.Range(0, width).Select(i =>
                (float)(Enumerable.Range(numPrompt, numText).Sum(t => (double)all.Values[(t * width) + i]) / numText)),
        ];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(numPrompt, Is.GreaterThan(1));
            Assert.That(found[..width], Is.EqualTo(all.Values[..width]));
            Assert.That(found[width..], Is.EqualTo(mean).Within(1e-6f));
            Assert.That(model.Prepare(PoolingTask.Embed, "city").NumPromptTokens, Is.Zero);
        }
    }

    [Test]
    public void Weights_of_a_weighted_mean_count_the_prompt()
    {
        float[] result = new float[1];
        Pooler.Pool(PoolingMode.WeightedMean, [7, 1, 2], 1, result, skip: 1);
        Assert.That(result[0], Is.EqualTo(((2f * 1) + (3 * 2)) / 5));
    }

    [TestCase("multi_label_classification", null)]
    [TestCase(null, "torch.nn.modules.activation.Sigmoid")]
    public async Task Labels_that_exclude_no_others_have_scores_of_their_own(string? problem, string? activation)
    {
        Copy("bert-classify3");
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "config.json")))!.AsObject();
        if (problem is not null) config["problem_type"] = problem;
        if (activation is not null) config["sentence_transformers"] = new JsonObject { ["activation_fn"] = activation };
        File.WriteAllText(Path.Combine(_folder, "config.json"), config.ToJsonString());
        using PoolingModel model = Load();
        using var worker = new PoolingWorker(model, new EngineOptions { MaxNumSeqs = 2 });
        PoolingRequest request = new() { TokenIds = [2, 5, 9, 3], Task = PoolingTask.Classify };
        float[] found = (await worker.SubmitAsync(request)).Values;
        float[] logits = (await worker.SubmitAsync(request with { UseActivation = false })).Values;
        Assert.That(found, Is.EqualTo(logits.Select(x => (float)(1 / (1 + Math.Exp(-x))))).Within(1e-6f));
    }

    [Test]
    public void Normalization_in_front_of_a_dense_layer_is_refused()
    {
        Copy("bert-dense");
        JsonArray modules = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "modules.json")))!.AsArray();
        modules.Insert(2, new JsonObject
        {
            ["idx"] = 2,
            ["path"] = "2_Normalize",
            ["type"] = "sentence_transformers.models.Normalize",
        });
        File.WriteAllText(Path.Combine(_folder, "modules.json"), modules.ToJsonString());
        Assert.That(() => Load(), Throws.TypeOf<EngineException>().With.Message.Contains("Normalize behind Dense"));
    }

    private PoolingModel Load() => PoolingModel.Load(new ModelLoadOptions { Model = _folder, Device = "cpu" });

    private void Copy(string name)
    {
        string source = Path.Combine(TestPaths.Data, "encoders", name);
        foreach (string file in Directory.GetFiles(source, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(_folder, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
