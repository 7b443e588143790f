using Engine.Execution;
using Engine.Hosting;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Golden;

namespace Engine.Tests.Hosting;

[TestFixture("reference")]
[TestFixture("cpu")]
[TestFixture("cuda")]
internal sealed class MemoryPlanTests(string device)
{
    private static readonly EngineOptions _options = new()
    {
        MaxNumSeqs = 8,
        MaxNumBatchedTokens = 256,
        NumBlocks = 64,
    };

    private FakeCuda? _fake;

    [SetUp]
    public void SetUpDevice() => _fake = device == "cuda" ? new FakeCuda() : null;

    [TearDown]
    public void TearDownDevice() => _fake?.Dispose();

    [TestCase("llama-plain")]
    [TestCase("granite")]
    [TestCase("qwen3")]
    [TestCase("gemma3")]
    [TestCase("gemma4")]
    [TestCase("gpt2-bare")]
    [TestCase("llama-bf16")]
    [TestCase("phi3-longrope")]
    public void Plan_equals_what_is_used_within_two_percent(string folder)
    {
        string path = Path.Combine(GoldenFolder.Committed, folder);
        PlanEqualsUse(new ModelLoadOptions { Model = path, Device = device, Cuda = FakeCuda.DeviceOptions() });
    }

    [Test]
    public void Plan_of_a_larger_model_without_weights_equals_what_is_used_within_two_percent()
    {
        string folder = DummyModel.Create(hidden: 512, layers: 4, vocab: 8192);
        try
        {
            PlanEqualsUse(new ModelLoadOptions { Model = folder, Device = device, Cuda = FakeCuda.DeviceOptions(), LoadFormat = "dummy" });
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void Plan_counts_the_parameters()
    {
        string folder = DummyModel.Create(hidden: 64, layers: 1, vocab: 100);
        try
        {
            MemoryPlan plan = MemoryPlan.Compute(
                new ModelLoadOptions { Model = folder, Device = device, Cuda = FakeCuda.DeviceOptions(), LoadFormat = "dummy" }, _options);
            const long attention = (64 * 64) + (2 * 32 * 64) + (64 * 64), mlp = 3 * 64 * 128;
            Assert.That(plan.NumParameters, Is.EqualTo((2 * 100 * 64) + attention + mlp + (3 * 64)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void PlanEqualsUse(ModelLoadOptions load)
    {
        MemoryPlan plan = MemoryPlan.Compute(load, _options);
        using LoadedModel model = LoadedModel.Load(load);
        using ModelRunner runner = (ModelRunner)model.CreateRunner(_options);
        Assert.Multiple(() =>
        {
            Assert.That(model.WeightBytes, Is.EqualTo(plan.WeightBytes).Within(2).Percent, "weights");
            Assert.That(runner.KvBytes, Is.EqualTo(plan.KvCacheBytes).Within(2).Percent, "KV cache");
            Assert.That(
                runner.ActivationBytes, Is.EqualTo(plan.ActivationBytes).Within(2).Percent, "activations");
        });
    }
}
