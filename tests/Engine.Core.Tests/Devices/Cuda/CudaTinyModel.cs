using Engine.Devices.Cuda;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Tests.Golden;
using Engine.Tests.Hosting;

namespace Engine.Tests.Devices.Cuda;

/// <summary>A model that is small enough for the emulated machine, and some text of it.</summary>
internal static class CudaTinyModel
{
    public static string Folder { get; } = Path.Combine(GoldenFolder.Committed, "llama-bf16");

    public static LoadedModel Load(string folder, CudaDeviceOptions cuda) => LoadedModel.Load(new ModelLoadOptions
    {
        Model = folder,
        Device = "cuda",
        Dtype = "bfloat16",
        Cuda = cuda,
    });

    /// <summary>Greedy tokens after prompts of 5, 5 + growth... tokens at one time.</summary>
    public static string Text(LoadedModel model, int requests, int maxTokens, int maxSeqs = 4, int growth = 9)
    {
        using EngineWorker worker = new(model, new EngineOptions
        {
            NumBlocks = 10 * maxSeqs,
            MaxNumSeqs = maxSeqs,
            MaxNumBatchedTokens = 32,
            MaxModelLen = 300,
        });
        CollectingSink[] sinks = [.. Enumerable.Range(0, requests).Select(_ => new CollectingSink())];
        for (int i = 0; i < requests; i++)
        {
            worker.Submit(
                new GenerationRequest
                {
                    PromptTokenIds = [.. Enumerable.Range(1 + i, 5 + (growth * i))],
                    Sampling = new SamplingParams
                    {
                        Temperature = 0,
                        MaxTokens = maxTokens,
                        IgnoreEos = true,
                        Detokenize = false,
                    },
                },
                sinks[i]);
        }

        return string.Join('|', sinks.Select(sink =>
        {
            sink.WaitForEnd();
            return string.Join(' ', sink.Tokens());
        }));
    }
}
