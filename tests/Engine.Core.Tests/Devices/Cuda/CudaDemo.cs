using Engine.Execution;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Scheduling;
using Engine.Tests.Hosting;
using Engine.Tests.Speculation;

namespace Engine.Tests.Devices.Cuda;

/// <summary>The demo model on the fake GPU, and requests of every kind to it.</summary>
internal static class CudaDemo
{
    private const int MaxTokens = 14;
    private const string Prompt = "one two three one two three one two";

    public static LoadedModel Load(string dtype, bool runsAhead = true) => LoadedModel.Load(new ModelLoadOptions
    {
        Model = Path.Combine(TestPaths.Root, "demo-model", "model"),
        Device = "cuda",
        Dtype = dtype,
        Cuda = FakeCuda.DeviceOptions() with { RunsAhead = runsAhead },
    });

    public static LoadedModel LoadOnCpu(string dtype) => LoadedModel.Load(new ModelLoadOptions
    {
        Model = Path.Combine(TestPaths.Root, "demo-model", "model"),
        Dtype = dtype,
    });

    public static EngineOptions Options(string? drafts = null) => new()
    {
        MaxNumSeqs = 6,
        NumBlocks = 6,
        MaxQueueSize = 64,
        MaxModelLen = 160,
        MaxNumBatchedTokens = 12,
        Speculative = drafts is null ? null : DemoDrafts.Options(drafts),
    };

    /// <summary>Greedy and sampled ones, with grammars, stops, logprobs, penalties and several outputs, all at once in
    /// a pool that is too small for them; what each of them got.</summary>
    public static async Task<string[]> CrowdAsync(EngineWorker worker)
    {
        SamplingParams[] all =
        [
            .. SpeculatedOutputTests.Requests().Select(row => (SamplingParams)row.Arguments[0]!)
                .Select(s => s with
                {
                    MaxTokens = Math.Min(s.MaxTokens ?? MaxTokens, MaxTokens),
                    MinTokens = Math.Min(s.MinTokens, MaxTokens - 2),
                }),
            // The last ones are alone with each other: the device chooses all of their tokens.
            .. Enumerable.Range(8, 6).Select(
                i => new SamplingParams { Temperature = i % 3, Seed = i, MaxTokens = 2 * i }),
        ];
        // All are there before the first step: what is preempted does not depend on time.
        await worker.SleepAsync(0);
        CollectingSink[] sinks = [.. all.Select(s => EngineWorkerTests.Start(worker, Prompt, s))];
        await worker.WakeUpAsync();
        return [.. sinks.Select(sink => OutputText.Describe(sink.WaitForEnd(60)))];
    }

    /// <summary>A worker, and its runner, which the worker owns.</summary>
    public static (EngineWorker Worker, ModelRunner Runner) Start(LoadedModel model, EngineOptions options)
    {
        ModelRunner runner = (ModelRunner)model.CreateRunner(options);
        return (new EngineWorker(runner, model.Tokenizer, model.Info, options), runner);
    }

    /// <summary>Bytes allocated by some steps of requests whose tokens the device chooses, once they run.</summary>
    public static long AllocatedBytes(ModelRunner runner, EngineOptions options, int maxTokens)
    {
        InferenceEngine engine = new(runner, options);
        for (int i = 0; i < 3; i++)
        {
            SamplingParams sampling = new()
            {
                Temperature = i / 2f,
                TopP = 0.9f,
                MaxTokens = maxTokens,
                IgnoreEos = true,
            };
            engine.Submit(new Request(i, [1, 20 + i, 30, 20 + i], sampling, engine.MaxModelLen, 1));
        }

        StepOutput output = new();
        for (int i = 0; i < 20; i++) Assert.That(engine.Step(output), Is.EqualTo(EngineStatus.Ok), engine.Failure);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 8; i++) engine.Step(output);
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.That(output.NumSequences, Is.EqualTo(3));
        return bytes;
    }
}
