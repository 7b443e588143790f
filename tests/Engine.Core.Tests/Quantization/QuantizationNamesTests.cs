using Engine.Hosting;
using Engine.Loading;
using Engine.Quantization;

namespace Engine.Tests.Quantization;

/// <summary>vLLM's names of quantizations beside checkpoints of every kind.</summary>
[TestFixture]
public sealed class QuantizationNamesTests
{
    [TestCase("awq-g64-old", "awq", "none")]
    [TestCase("awq-g64-old", "awq_marlin", "none")]
    [TestCase("gptq-3bit-g128-sym", "gptq_marlin", "none")]
    [TestCase("bnb-nf4-double", "bitsandbytes", "none")]
    [TestCase("ct-w8a8-dynamic-asym", "compressed-tensors", "none")]
    [TestCase("fp8-block", "fp8", "none")]
    [TestCase("gguf-Q4_0", "gguf", "none")]
    [TestCase("gguf-Q4_0", "int8", "int8")]
    [TestCase(null, "fp8", "fp8")]
    [TestCase(null, "none", "none")]
    public void ANameThatTheCheckpointHasIsTaken(string? folder, string asked, string rounding) =>
        Assert.That(Rounding(folder, asked), Is.EqualTo(rounding));

    [TestCase("awq-g64-old", "gptq_marlin", "awq")]
    [TestCase("gguf-Q4_0", "compressed-tensors", "gguf")]
    [TestCase(null, "bitsandbytes", "not quantized")]
    [TestCase(null, "int3", "expected none")]
    public void AnotherIsRefusedWithBothNames(string? folder, string asked, string found)
    {
        EngineException e = Assert.Throws<EngineException>(() => Rounding(folder, asked))!;
        Assert.That(e.Parameter, Is.EqualTo("quantization"));
        Assert.That(e.Message, Does.Contain(asked).And.Contain(found));
    }

    [Test]
    public void AModelIsLoadedByTheNameOfWhatItIs()
    {
        using LoadedModel model = LoadedModel.Load(
            new ModelLoadOptions { Model = FolderOf("awq-g64-old"), Quantization = "awq_marlin", NumThreads = 1 });
        Assert.That(model.WeightBytes, Is.Positive);
    }

    [Test]
    public void DummyWeightsOfAQuantizedCheckpointAreRoundedOrRefused()
    {
        static ModelLoadOptions Dummy(string quantization) => new()
        {
            Model = FolderOf("awq-g64-old"),
            LoadFormat = "dummy",
            Quantization = quantization,
            NumThreads = 1,
        };

        EngineException e = Assert.Throws<EngineException>(() => LoadedModel.Load(Dummy("none")))!;
        Assert.That(e.Parameter, Is.EqualTo("load_format"));
        Assert.That(e.Message, Does.Contain("awq").And.Contain("--quantization"));
        using LoadedModel model = LoadedModel.Load(Dummy("int8"));
        Assert.That(model.WeightBytes, Is.Positive);
    }

    private static string Rounding(string? folder, string asked)
    {
        ModelFolder opened = ModelResolver.Resolve(new ModelLoadOptions { Model = FolderOf(folder) }, default);
        using var gguf = opened.Gguf;
        return QuantizationNames.Rounding(asked, opened).ToString().ToLowerInvariant();
    }

    private static string FolderOf(string? name) => name is null
        ? Path.Combine(TestPaths.Root, "demo-model", "model")
        : Path.Combine(TestPaths.Root, "tests", "data", "quantized", name);
}
