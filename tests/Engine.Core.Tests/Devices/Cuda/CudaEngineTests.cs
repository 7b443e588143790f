using Engine.Devices.Cuda;
using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Memory;
using Engine.Sampling;
using Engine.Tests.Golden;
using Engine.Tests.Hosting;

namespace Engine.Tests.Devices.Cuda;

/// <summary>The whole engine on the fake GPU.</summary>
[TestFixture]
internal sealed class CudaEngineTests
{
    private static readonly string _folder = Path.Combine(GoldenFolder.Committed, "llama-bf16");

    [TestCase(FakeOrder.Eager)]
    [TestCase(FakeOrder.Late)]
    [TestCase(FakeOrder.Random)]
    public void Recorded_steps_give_the_bits_of_steps_that_are_not(FakeOrder order)
    {
        using FakeCuda fake = new(new FakeCudaOptions { Order = order });
        string plain = Run(usesGraphs: false);
        Assert.That(fake.Counters.GraphLaunches, Is.Zero);
        string recorded = Run(usesGraphs: true);
        Assert.That(fake.Counters.GraphLaunches, Is.GreaterThan(20));
        Assert.That(recorded, Is.EqualTo(plain));
        Assert.That(fake.Counters.Live, Is.Zero);
    }

    [Test]
    public void A_step_sends_its_inputs_up_once_however_many_layers_there_are()
    {
        using FakeCuda fake = new();
        using LoadedModel model = Load(false, runsAhead: false);
        using EngineWorker worker = new(model, Options());
        Finish(worker, 8, 1);
        long before = fake.Counters.CopiesToDevice, steps = worker.Metrics.NumSteps;
        Finish(worker, 20, 1);
        long copies = fake.Counters.CopiesToDevice - before;
        // One for the step's lists, one for the rows that want logits, one for what is wanted of them.
        Assert.That(copies, Is.EqualTo(3 * (worker.Metrics.NumSteps - steps)));
    }

    [Test]
    public void A_recording_that_finds_no_memory_costs_nothing_but_itself()
    {
        using FakeCuda fake = new();
        using LoadedModel model = Load(true);
        using EngineWorker worker = new(model, Options());
        int[] expected = Finish(worker, 12, 3);
        worker.ResetPrefixCache();
        using EngineWorker other = new(model, Options());
        fake.FailAllocation(0);
        Assert.That(Finish(other, 12, 3), Is.EqualTo(expected));
        Assert.That(other.Health.IsHealthy, Is.True);
    }

    [TestCase(true)]
    [TestCase(false)]
    public void A_lost_device_fails_every_request_and_is_left_alone(bool usesGraphs)
    {
        using FakeCuda fake = new();
        LoadedModel model = Load(usesGraphs);
        EngineWorker worker = new(model, Options());
        Finish(worker, 6, 1);
        fake.FailLaunch(100);
        CollectingSink[] sinks = [.. Enumerable.Range(0, 3).Select(i => Start(worker, 200, i))];
        foreach (CollectingSink sink in sinks)
        {
            sink.WaitForEnd();
            Assert.That(sink.Events[^1].Error?.Status, Is.EqualTo(EngineStatus.DeviceLost));
        }

        EngineException refused = Assert.Throws<EngineException>(() => Start(worker, 1, 0))!;
        EngineHealth health = worker.Health;
        worker.Dispose();
        model.Dispose();
        Assert.Multiple(() =>
        {
            Assert.That(refused.Status, Is.EqualTo(EngineStatus.DeviceLost));
            Assert.That(health.State, Is.EqualTo(EngineHealthState.Failed));
            Assert.That(health.Status, Is.EqualTo(EngineStatus.DeviceLost));
            Assert.That(health.Message, Does.Contain("cuda:0").And.Contain("restart the process"));
            Assert.That(fake.Counters.CallsAfterLost, Is.Zero);
        });
    }

    [Test]
    public void Sixteen_bit_activations_on_a_gpu_choose_the_cpu_s_tokens_from_the_demo_model()
    {
        string folder = Path.Combine(TestPaths.Root, "demo-model", "model");
        using FakeCuda fake = new();
        using LoadedModel gpu = LoadedModel.Load(new ModelLoadOptions
        {
            Model = folder,
            Device = "cuda",
            Dtype = "bfloat16",
            Cuda = FakeCuda.DeviceOptions(),
        });
        using LoadedModel cpu = LoadedModel.Load(new ModelLoadOptions { Model = folder, Dtype = "bfloat16" });
        using EngineWorker onGpu = new(gpu, Options()), onCpu = new(cpu, Options());
        Assert.That(Text(onGpu), Is.EqualTo(Text(onCpu)));

        static int[] Text(EngineWorker worker)
        {
            CollectingSink sink = EngineWorkerTests.Start(
                worker, "Once upon a time", new SamplingParams { Temperature = 0, MaxTokens = 10, Detokenize = false });
            sink.WaitForEnd();
            return sink.Tokens();
        }
    }

    private static LoadedModel Load(bool usesGraphs, bool runsAhead = true) => LoadedModel.Load(new ModelLoadOptions
    {
        Model = _folder,
        Device = "cuda",
        Cuda = FakeCuda.DeviceOptions(DType.BF16, usesGraphs) with { RunsAhead = runsAhead },
    });

    private static EngineOptions Options() => new()
    {
        NumBlocks = 40,
        MaxNumSeqs = 6,
        MaxNumBatchedTokens = 32,
        MaxModelLen = 300,
    };

    private static string Run(bool usesGraphs)
    {
        using LoadedModel model = Load(usesGraphs);
        using EngineWorker worker = new(model, Options());
        CollectingSink[] sinks = [.. Enumerable.Range(0, 5).Select(i => Start(worker, 10 + (7 * i), i))];
        return string.Join('\n', sinks.Select(sink =>
        {
            sink.WaitForEnd();
            return string.Join(' ', sink.Events.Where(e => e.Kind == RequestEventKind.Token).Select(e =>
                $"{e.TokenId}:{BitConverter.SingleToInt32Bits(e.Logprobs![0].Logprob):x}"));
        }));
    }

    private static int[] Finish(EngineWorker worker, int maxTokens, int seed)
    {
        CollectingSink sink = Start(worker, maxTokens, seed);
        sink.WaitForEnd();
        return sink.Tokens();
    }

    private static CollectingSink Start(EngineWorker worker, int maxTokens, int seed)
    {
        CollectingSink sink = new();
        worker.Submit(
            new GenerationRequest
            {
                PromptTokenIds = [.. Enumerable.Range(1 + seed, 5 + (9 * seed))],
                Sampling = new SamplingParams
                {
                    MaxTokens = maxTokens,
                    Seed = seed,
                    Logprobs = 1,
                    IgnoreEos = true,
                    Detokenize = false,
                },
            },
            sink);
        return sink;
    }
}
