using Engine.Hosting;
using Engine.Sampling;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Hosting;

namespace Engine.Tests.Golden;

/// <summary>Goldens through the whole engine: scheduler, prefix cache, preemption, a real model.</summary>
[TestFixture]
internal sealed class EngineGoldenTests
{
    [TestCase("llama-plain", 12)]
    [TestCase("llama-plain", 1000)]
    [TestCase("mistral", 12)]
    [TestCase("gemma3", 24)]
    [TestCase("gemma4", 24)]
    [TestCase("llama-plain", 12, "cuda")]
    [TestCase("mistral", 12, "cuda")]
    [TestCase("gemma4", 24, "cuda")]
    public void Requests_at_once_in_a_tight_pool_give_the_golden_tokens(
        string folder, int numBlocks, string device = "cpu")
    {
        string path = Path.Combine(GoldenFolder.Committed, folder);
        using FakeCuda? fake = device == "cuda" ? new FakeCuda() : null;
        using LoadedModel model = LoadedModel.Load(
            new ModelLoadOptions { Model = path, Device = device, Cuda = FakeCuda.DeviceOptions() });
        using EngineWorker worker = new(model, new EngineOptions
        {
            MaxNumSeqs = 6,
            MaxNumBatchedTokens = 24,
            NumBlocks = numBlocks,
        });
        List<(GoldenCase Case, CollectingSink Sink)> runs = [];
        List<GoldenCase> cases = GoldenFolder.Read(path, "golden");
        // Twice over, so that the second round meets the first one's blocks in the prefix cache.
        foreach (GoldenCase c in cases.Concat(cases))
        {
            if (c.Prompt.Length + c.Greedy.Length > numBlocks * 16) continue;
            CollectingSink sink = new();
            worker.Submit(
                new GenerationRequest
                {
                    PromptTokenIds = c.Prompt,
                    Sampling = new SamplingParams
                    {
                        Temperature = 0,
                        MaxTokens = c.Greedy.Length,
                        IgnoreEos = true,
                        Detokenize = false,
                    },
                },
                sink);
            runs.Add((c, sink));
        }
        foreach ((GoldenCase c, CollectingSink sink) in runs)
        {
            Assert.That(sink.WaitForEnd(seconds: 60).Last.Error, Is.Null, c.Name);
            Assert.That(sink.Tokens(), Is.EqualTo(c.Greedy), c.Name);
        }
    }
}
