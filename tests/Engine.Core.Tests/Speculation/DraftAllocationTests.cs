using Engine.Hosting;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Tests.Speculation;

/// <summary>Steps that draft and verify allocate nothing, whatever drafts.</summary>
[NonParallelizable]
public sealed class DraftAllocationTests
{
    [TestCase("""{"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_min": 1, "adaptive": false}""")]
    [TestCase("""{"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_min": 1}""")]
    [TestCase(
        """{"method": "draft_model", "model": "demo-model/draft", "num_speculative_tokens": 4, "adaptive": false}""")]
    [TestCase("""{"method": "eagle", "model": "demo-model/eagle", "num_speculative_tokens": 4, "adaptive": false}""")]
    public void AStepThatDraftsAllocatesNothing(string config)
    {
        using LoadedModel model = LoadedModel.Load(
            new ModelLoadOptions { Model = Path.Combine(TestPaths.Root, "demo-model", "model") });
        var options = new EngineOptions
        {
            NumBlocks = 256,
            MaxNumSeqs = 4,
            Speculative = DemoDrafts.Options(config),
        };
        using IModelRunner runner = model.CreateRunner(options);
        var engine = new InferenceEngine(runner, options);
        SamplingParams[] all =
        [
            new() { Temperature = 0, MaxTokens = 800, IgnoreEos = true },
            new() { Temperature = 1, MaxTokens = 800, IgnoreEos = true, FrequencyPenalty = 0.1f },
            new() { Temperature = 1, MaxTokens = 800, IgnoreEos = true, TopP = 0.9f },
        ];
        for (int i = 0; i < all.Length; i++)
        {
            engine.Submit(new Request(i, [1, 300, 301, 302, 300, 301, 302], all[i], engine.MaxModelLen, 1));
        }

        var output = new StepOutput();
        for (int i = 0; i < 60; i++)
        {
            Assert.That(engine.Step(output), Is.EqualTo(EngineStatus.Ok), engine.Failure);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 60; i++)
        {
            engine.Step(output);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(engine.Speculation!.NumAcceptedTokens, Is.Positive);
        Assert.That(output.NumSequences, Is.EqualTo(all.Length));
    }
}
