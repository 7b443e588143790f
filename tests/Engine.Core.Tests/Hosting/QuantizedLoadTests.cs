using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Tests.Hosting;

/// <summary>The demo model with weights rounded as they are loaded.</summary>
public sealed class QuantizedLoadTests
{
    private static string Folder => Path.Combine(TestPaths.Root, "demo-model", "model");

    [TestCase("int8", 0.30)]
    [TestCase("int4", 0.25)]
    public void WeightsShrink(string quantization, double share)
    {
        using LoadedModel plain = LoadedModel.Load(new ModelLoadOptions { Model = Folder, Dtype = "float32" });
        using LoadedModel rounded = LoadedModel.Load(Options(quantization, "8"));
        using LoadedModel same = LoadedModel.Load(Options("none", "8"));
        Assert.That(rounded.WeightBytes, Is.LessThan(same.WeightBytes));
        Assert.That(rounded.WeightBytes, Is.LessThan(2 * share * plain.WeightBytes));
    }

    [TestCase("int8")]
    [TestCase("int4")]
    public void ThePlanEqualsWhatIsUsed(string quantization)
    {
        ModelLoadOptions load = Options(quantization, "8");
        MemoryPlan plan = MemoryPlan.Compute(load, new EngineOptions { NumBlocks = 64 });
        using LoadedModel model = LoadedModel.Load(load);
        Assert.That(model.WeightBytes, Is.EqualTo(plan.WeightBytes).Within(2).Percent);
    }

    [Test]
    public void EightBitsGiveTheSameGreedyText([Values("8", "15", "float")] string activations)
    {
        Assert.That(Greedy(Options("int8", activations)), Is.EqualTo(Greedy(Options("none", "8"))));
    }

    [TestCase("int5", "8", "quantization")]
    [TestCase("int8", "9", "activation_precision")]
    public void AnUnknownWordIsRefusedByName(string quantization, string activations, string parameter)
    {
        Assert.That(
            () => LoadedModel.Load(Options(quantization, activations)),
            Throws.TypeOf<EngineException>().With.Property("Parameter").EqualTo(parameter));
    }

    private static ModelLoadOptions Options(string quantization, string activations) =>
        new() { Model = Folder, Quantization = quantization, ActivationPrecision = activations };

    private static string Greedy(ModelLoadOptions load)
    {
        using LoadedModel model = LoadedModel.Load(load);
        using var worker = new EngineWorker(model, new EngineOptions { MaxNumSeqs = 1, NumBlocks = 64 });
        var sampling = new SamplingParams { MaxTokens = 12, Temperature = 0 };
        CollectingSink sink = EngineWorkerTests.Start(worker, "Once upon a time", sampling);
        return string.Join(' ', sink.WaitForEnd().Events.Where(e => e.Kind == RequestEventKind.Token)
            .Select(e => e.TokenId));
    }
}
