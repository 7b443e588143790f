using Engine.Devices.Cuda;
using Engine.Hosting;
using Engine.Memory;
using Engine.Sampling;
using Engine.Tests.Hosting;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// Requests of random kinds in little memory, while calls of the driver fail, requests are cancelled and the engine
/// sleeps: each gets the tokens that a CPU gives it alone.
/// </summary>
[TestFixture]
internal sealed class CudaSoakTests
{
    private const int NumRequests = 30;

    private static readonly string[] _mayFail =
    [
        "cuLaunchKernelEx", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemAlloc_v2", "cuMemHostAlloc",
        "cuGraphLaunch", "cuGraphInstantiateWithFlags", "cuStreamBeginCapture_v2", "cuEventRecord",
        "cuEventSynchronize", "cuModuleLoadDataEx",
    ];

    [TestCase(true)]
    [TestCase(false)]
    public async Task Whatever_happens_on_the_way_every_request_gets_its_tokens(bool runsAhead)
    {
        int seed = TestContext.CurrentContext.Random.Next(10_000);
        TestContext.Out.WriteLine($"seed {seed}");
        Random random = new(seed);
        GenerationRequest[] requests = [.. Enumerable.Range(0, NumRequests).Select(_ => Make(random))];
        string[] expected = OnCpu(requests);
        using FakeCuda fake = new(new FakeCudaOptions { Seed = seed, GuardsMemory = false });
        using (LoadedModel model = Load("cuda", runsAhead))
        using (EngineWorker worker = new(model, Options()))
        {
            List<(int Index, CollectingSink Sink, bool IsCancelled)> under = [];
            for (int i = 0; i < NumRequests; i++)
            {
                fake.FailCall(
                    _mayFail[random.Next(_mayFail.Length)], random.Next(60),
                    random.Next(3) == 0 ? CudaResult.LaunchOutOfResources : CudaResult.OutOfMemory, isFinal: false);
                CollectingSink sink = new();
                RequestHandle handle = worker.Submit(requests[i], sink);
                bool cancels = random.Next(6) == 0;
                under.Add((i, sink, cancels));
                if (random.Next(3) == 0) sink.WaitForToken();
                if (cancels) handle.Cancel();
                if (i % 11 == 10)
                {
                    // Waking takes memory, which may just have been refused.
                    fake.FailCall("", -1, CudaResult.Success, isFinal: false);
                    await worker.SleepAsync(i % 3 == 0 ? 1 : 0, SleepMode.Keep);
                    await worker.WakeUpAsync();
                }
            }

            foreach ((int index, CollectingSink sink, bool isCancelled) in under)
            {
                RequestEvent last = sink.WaitForEnd(60).Last;
                string found = string.Join(' ', sink.Tokens());
                Assert.That(last.Error, Is.Null, $"request {index}: {last.Error?.Message}");
                string whole = expected[index];
                Assert.That(found, Is.EqualTo(isCancelled ? whole[..found.Length] : whole), $"request {index}");
            }

            Assert.That(worker.Health.IsHealthy);
        }

        Assert.That(fake.Counters.Live, Is.Zero);
    }

    private static GenerationRequest Make(Random random)
    {
        // Few beginnings, so that prefixes are found again.
        int first = 1 + random.Next(3), length = 1 + random.Next(40);
        return new GenerationRequest
        {
            PromptTokenIds = [.. Enumerable.Range(first, length)],
            Sampling = new SamplingParams
            {
                Temperature = 0,
                MaxTokens = 1 + random.Next(20),
                Logprobs = random.Next(4) == 0 ? 1 : null,
                FrequencyPenalty = random.Next(4) == 0 ? 0.5f : 0,
                StopTokenIds = random.Next(4) == 0 ? [.. Enumerable.Range(0, 20)] : null,
                IgnoreEos = true,
                Detokenize = false,
            },
        };
    }

    private static string[] OnCpu(GenerationRequest[] requests)
    {
        using LoadedModel model = Load("cpu", false);
        using EngineWorker worker = new(model, Options());
        return [.. requests.Select(request =>
        {
            CollectingSink sink = new();
            worker.Submit(request, sink);
            return string.Join(' ', sink.WaitForEnd().Tokens());
        })];
    }

    private static LoadedModel Load(string device, bool runsAhead) => LoadedModel.Load(new ModelLoadOptions
    {
        Model = CudaTinyModel.Folder,
        Device = device,
        Dtype = "float32",
        AsyncScheduling = runsAhead,
        GraphSizes = [1, 3, 4],
        Cuda = FakeCuda.DeviceOptions(),
    });

    private static EngineOptions Options() => new()
    {
        NumBlocks = 9,
        MaxNumSeqs = 4,
        MaxQueueSize = 64,
        MaxNumBatchedTokens = 16,
        MaxModelLen = 64,
    };
}
