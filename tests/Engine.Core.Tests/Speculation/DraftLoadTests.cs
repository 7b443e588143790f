using Engine.Hosting;
using Engine.Speculation;
using Engine.Tests.Golden;

namespace Engine.Tests.Speculation;

/// <summary>Drafts that do not fit their model are refused by name; those that fit are in the memory plan.</summary>
public sealed class DraftLoadTests
{
    private static readonly string Demo = Path.Combine(TestPaths.Root, "demo-model");
    private string _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("engine-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void ADraftWithAnotherTokenizerIsRefusedWithTheFirstTokenThatDiffers()
    {
        Copy("draft");
        foreach (string path in Directory.GetFiles(_folder, "*token*.json"))
        {
            string text = File.ReadAllText(path);
            File.WriteAllText(path, text.Replace("<|im_start|>", "<|im_begin|>", StringComparison.Ordinal));
        }

        Refused(SpeculativeMethod.DraftModel, EngineStatus.InvalidArgument, "token 1 is \"<|im_begin|>\"");
    }

    [Test]
    public void ADraftWithFewerTokensIsRefused() =>
        Refused(
            SpeculativeMethod.DraftModel, EngineStatus.InvalidArgument, "vocab_size",
            Path.Combine(GoldenFolder.Committed, "llama-plain"));

    [Test]
    public void AHeadOfAnotherWidthIsRefused()
    {
        Copy("eagle");
        Edit("\"hidden_size\": 256", "\"hidden_size\": 128");
        EngineException e = Error(SpeculativeMethod.Eagle, _folder);
        Assert.That(e.Message, Does.Contain("fc.weight").Or.Contain("hidden_size"));
    }

    [Test]
    public void AHeadWithAnotherVocabularyIsRefused()
    {
        Copy("eagle");
        Edit("\"vocab_size\": 2048", "\"vocab_size\": 2000");
        Refused(SpeculativeMethod.Eagle, EngineStatus.InvalidArgument, "vocab_size: expected the model's 2048, found 2000");
    }

    [Test]
    public void AWholeModelIsNoHead() =>
        Assert.That(
            Error(SpeculativeMethod.Eagle, Path.Combine(Demo, "draft")).Message, Does.Contain("fc.weight"));

    [Test]
    public void AHeadIsNoDraftModel() =>
        Assert.That(
            Error(SpeculativeMethod.DraftModel, Path.Combine(Demo, "eagle")).Message,
            Does.Contain("EagleLlamaForCausalLM"));

    [Test]
    public void AFolderThatIsNotThereIsNamed() =>
        Refused(SpeculativeMethod.DraftModel, EngineStatus.NotFound, "/nowhere/at/all", "/nowhere/at/all");

    [TestCase("draft", SpeculativeMethod.DraftModel)]
    [TestCase("eagle", SpeculativeMethod.Eagle)]
    public void ThePlanHoldsTheDraftsWeightsAndKv(string name, SpeculativeMethod method)
    {
        var load = new ModelLoadOptions { Model = Path.Combine(Demo, "model") };
        MemoryPlan plain = MemoryPlan.Compute(load, new EngineOptions { NumBlocks = 100 });
        MemoryPlan drafting = MemoryPlan.Compute(load, new EngineOptions
        {
            NumBlocks = 100,
            Speculative = new() { Method = method, Model = Path.Combine(Demo, name), NumSpeculativeTokens = 3 },
        });
        Assert.That(drafting.WeightBytes, Is.GreaterThan(plain.WeightBytes + 1_000_000));
        Assert.That(drafting.BlockBytes, Is.GreaterThan(plain.BlockBytes));
        Assert.That(drafting.ActivationBytes, Is.GreaterThan(plain.ActivationBytes));
    }

    private void Copy(string name)
    {
        foreach (string file in Directory.GetFiles(Path.Combine(Demo, name)))
        {
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        }
    }

    private void Edit(string from, string to)
    {
        string path = Path.Combine(_folder, "config.json");
        string text = File.ReadAllText(path);
        Assert.That(text, Does.Contain(from));
        File.WriteAllText(path, text.Replace(from, to, StringComparison.Ordinal));
    }

    private void Refused(SpeculativeMethod method, EngineStatus status, string said, string? folder = null)
    {
        EngineException e = Error(method, folder ?? _folder);
        Assert.That(e.Status, Is.EqualTo(status));
        Assert.That(e.Message, Does.Contain(said));
    }

    private static EngineException Error(SpeculativeMethod method, string folder)
    {
        using LoadedModel model = LoadedModel.Load(new ModelLoadOptions { Model = Path.Combine(Demo, "model") });
        var options = new EngineOptions
        {
            NumBlocks = 10,
            Speculative = new() { Method = method, Model = folder, NumSpeculativeTokens = 3 },
        };
        return Assert.Throws<EngineException>(() => model.CreateRunner(options).Dispose())!;
    }
}
