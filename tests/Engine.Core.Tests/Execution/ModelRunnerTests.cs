using Engine.Execution;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Scheduling;
using Engine.Tests.Golden;

namespace Engine.Tests.Execution;

[TestFixture]
internal sealed class ModelRunnerTests
{
    private static readonly EngineOptions _options = new()
    {
        MaxNumSeqs = 16,
        MaxNumBatchedTokens = 512,
        NumBlocks = 256,
    };

    private static LoadedModel Load(string folder = "llama-plain") => LoadedModel.Load(new ModelLoadOptions
    {
        Model = Path.Combine(GoldenFolder.Committed, folder),
        Device = "reference",
    });

    private static SamplingParams Greedy(int maxTokens) => new() { Temperature = 0, MaxTokens = maxTokens };

    [Test]
    public void Greedy_tokens_equal_the_golden()
    {
        using LoadedModel model = Load();
        using IModelRunner runner = model.CreateRunner(_options);
        RunnerDriver driver = new(runner);
        GoldenCase golden = GoldenFolder.Read(Path.Combine(GoldenFolder.Committed, "llama-plain"), "golden")[1];
        int[] found = driver.Finish(driver.Create(golden.Prompt, Greedy(golden.Greedy.Length)));
        Assert.That(found, Is.EqualTo(golden.Greedy));
    }
}
