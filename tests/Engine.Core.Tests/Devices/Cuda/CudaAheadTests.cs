using Engine.Devices.Cuda;
using Engine.Execution;
using Engine.Hosting;
using Engine.Memory;
using Engine.Sampling;
using Engine.Scheduling;
using Engine.Tests.Golden;
using Engine.Tests.Hosting;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// Steps that the fake GPU begins before the host has read the tokens of the step before: nothing but time may show it.
/// </summary>
[TestFixture]
internal sealed class CudaAheadTests
{
    private static readonly string _folder = Path.Combine(GoldenFolder.Committed, "llama-bf16");

    [TestCase(FakeOrder.Eager)]
    [TestCase(FakeOrder.Late)]
    [TestCase(FakeOrder.Random)]
    public void Crowds_get_the_tokens_that_they_get_step_by_step(FakeOrder order)
    {
        int seed = TestContext.CurrentContext.Random.Next(1000);
        TestContext.Out.WriteLine($"seed {seed}");
        using FakeCuda fake = new(new FakeCudaOptions { Order = order, Seed = seed });
        (string plain, long none) = Crowd(runsAhead: false, seed);
        (string ahead, long taken) = Crowd(runsAhead: true, seed);
        Assert.Multiple(() =>
        {
            Assert.That(none, Is.Zero);
            Assert.That(taken, Is.GreaterThan(20));
            Assert.That(ahead, Is.EqualTo(plain));
            Assert.That(fake.Counters.Live, Is.Zero);
        });
    }

    [Test]
    public async Task Requests_of_every_kind_get_to_the_bit_what_they_get_step_by_step()
    {
        int seed = TestContext.CurrentContext.Random.Next(1000);
        TestContext.Out.WriteLine($"seed {seed}");
        using FakeCuda fake = new(new FakeCudaOptions { Seed = seed });
        (string[] plain, long none, _) = await RunAsync(false);
        (string[] ahead, long taken, long preemptions) = await RunAsync(true);
        Assert.That(ahead, Is.EqualTo(plain));
        Assert.That(none, Is.Zero);
        Assert.That(taken, Is.GreaterThan(10));
        Assert.That(preemptions, Is.Positive);

        static async Task<(string[] Texts, long Taken, long Preemptions)> RunAsync(bool runsAhead)
        {
            using LoadedModel model = CudaDemo.Load("bfloat16", runsAhead);
            (EngineWorker worker, ModelRunner runner) = CudaDemo.Start(model, CudaDemo.Options());
            using EngineWorker owned = worker;
            return (await CudaDemo.CrowdAsync(worker), runner.NumTakenAhead, worker.Metrics.NumPreemptions);
        }
    }

    [Test]
    public void Blocks_are_set_aside_only_where_steps_run_ahead()
    {
        using FakeCuda fake = new();
        using LoadedModel on = CudaDemo.Load("bfloat16"), off = CudaDemo.Load("bfloat16", runsAhead: false);
        const string Drafts = """{"method": "ngram", "num_speculative_tokens": 2}""";
        long held = Bytes(on, null), spare = held - Bytes(off, null);
        long tokens = CudaTokens.BytesFor(CudaDemo.Options().MaxNumSeqs, CudaDemo.Options().MaxLogprobs);
        Assert.That(spare, Is.EqualTo((32 * Block(on)) + tokens).Within(1024));
        Assert.That(Bytes(on, Drafts), Is.EqualTo(Bytes(off, Drafts)), "with drafts no step runs ahead");

        static long Bytes(LoadedModel model, string? drafts)
        {
            using ModelRunner runner = (ModelRunner)model.CreateRunner(CudaDemo.Options(drafts));
            return runner.KvBytes + runner.ActivationBytes;
        }

        static long Block(LoadedModel model)
        {
            using ModelRunner runner = (ModelRunner)model.CreateRunner(CudaDemo.Options());
            return runner.KvBytes / runner.NumBlocks;
        }
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    public async Task Sleep_in_the_middle_of_a_step_ahead_costs_no_token(int level)
    {
        using FakeCuda fake = new();
        using (LoadedModel model = Load(true))
        {
            using EngineWorker worker = new(model, Options());
            int[] expected = Start(worker, 60, 1).WaitForEnd().Tokens();
            CollectingSink sink = Start(worker, 60, 1);
            sink.WaitForToken();
            await worker.SleepAsync(level, SleepMode.Keep);
            await worker.WakeUpAsync();
            Assert.That(sink.WaitForEnd().Tokens(), Is.EqualTo(expected));
        }

        Assert.That(fake.Counters.Live, Is.Zero);
    }

    [Test]
    public void A_request_alone_takes_every_token_but_the_first_from_a_step_that_was_under_way()
    {
        using FakeCuda fake = new();
        using LoadedModel model = Load(true);
        ModelRunner runner = (ModelRunner)model.CreateRunner(Options());
        using EngineWorker worker = new(runner, model.Tokenizer, model.Info, Options());
        Start(worker, 60, 3).WaitForEnd();
        // Over blocks' ends, too: what has no block yet is written to a spare one.
        Assert.That(runner.NumTakenAhead, Is.EqualTo(59));
        Assert.That(fake.Counters.GraphLaunches, Is.GreaterThan(50));
    }

    [Test]
    public void The_next_step_is_under_way_before_a_token_is_told()
    {
        using FakeCuda fake = new();
        using LoadedModel model = Load(true);
        using EngineWorker worker = new(model, Options());
        List<long> passes = [];
        CollectingSink sink = new()
        {
            OnEach = e =>
            {
                if (e.Kind == RequestEventKind.Token) passes.Add(fake.Counters.GraphLaunches + fake.Counters.Launches);
            },
        };
        Submit(worker, sink, 12, 1, 0.8f);
        sink.WaitForEnd();
        long last = fake.Counters.GraphLaunches + fake.Counters.Launches;
        // Nothing follows the last token but one: it was launched with the one before.
        Assert.That(passes[^1], Is.EqualTo(last));
        Assert.That(passes[^2], Is.EqualTo(last), "the last step was not under way when its input was told");
        Assert.That(passes[^3], Is.LessThan(last));
    }

    [Test]
    public void An_aborted_request_leaves_the_others_as_they_are()
    {
        using FakeCuda fake = new();
        using LoadedModel model = Load(true);
        int[] alone;
        using (EngineWorker worker = new(model, Options())) alone = Start(worker, 40, 1).WaitForEnd().Tokens();
        using (EngineWorker worker = new(model, Options()))
        {
            CollectingSink kept = new(), aborted = new();
            RequestHandle handle = Submit(worker, aborted, 200, 2, 0.8f);
            Submit(worker, kept, 40, 1, 0.8f);
            aborted.WaitForToken();
            handle.Cancel();
            aborted.WaitForEnd();
            Assert.That(kept.WaitForEnd().Tokens(), Is.EqualTo(alone));
        }
    }

    [Test]
    public void A_gpu_that_is_lost_with_a_step_under_way_fails_every_request()
    {
        using FakeCuda fake = new(new FakeCudaOptions { Order = FakeOrder.Late });
        LoadedModel model = Load(true);
        EngineWorker worker = new(model, Options());
        CollectingSink[] sinks = [Start(worker, 200, 1), Start(worker, 200, 2)];
        sinks[0].WaitForToken();
        fake.FailLaunch(7);
        foreach (CollectingSink sink in sinks)
        {
            sink.WaitForEnd();
            Assert.That(sink.Last.Error?.Status, Is.EqualTo(EngineStatus.DeviceLost));
        }

        worker.Dispose();
        model.Dispose();
        Assert.That(fake.Counters.CallsAfterLost, Is.Zero);
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    public void Memory_that_runs_out_on_the_way_costs_no_token(int allocation)
    {
        using FakeCuda fake = new();
        using LoadedModel model = Load(true);
        using EngineWorker worker = new(model, Options());
        int[] expected = Start(worker, 30, 1).WaitForEnd().Tokens();
        using EngineWorker other = new(model, Options());
        fake.FailAllocation(allocation);
        Assert.That(Start(other, 30, 1).WaitForEnd().Tokens(), Is.EqualTo(expected));
        Assert.That(other.Health.IsHealthy);
    }

    [TestCase(true, true, false)]
    [TestCase(true, false, false)]
    [TestCase(false, true, false)]
    [TestCase(false, false, false)]
    [TestCase(true, true, true)]
    [TestCase(false, true, true)]
    [NonParallelizable]
    public void A_step_allocates_nothing_once_the_requests_run(bool runsAhead, bool usesGraphs, bool edits)
    {
        using FakeCuda fake = new(new FakeCudaOptions { Order = FakeOrder.Eager });
        using LoadedModel model = Load(runsAhead, usesGraphs);
        EngineOptions options = Options();
        using ModelRunner runner = (ModelRunner)model.CreateRunner(options);
        InferenceEngine engine = new(runner, options);
        for (int i = 0; i < 3; i++)
        {
            SamplingParams sampling = new() { Temperature = i / 2f, TopP = 0.9f, MaxTokens = 250, IgnoreEos = true };
            if (edits)
            {
                sampling = sampling with
                {
                    RepetitionPenalty = 1.1f,
                    PresencePenalty = 0.1f,
                    MinTokens = 200,
                    LogitBias = new Dictionary<int, float> { [3] = 1, [40] = -2 },
                    AllowedTokenIds = i == 1 ? [.. Enumerable.Range(0, 60)] : null,
                };
            }

            engine.Submit(new Request(i, [1, 20 + i, 30, 40 + i], sampling, engine.MaxModelLen, 1));
        }

        StepOutput output = new();
        for (int i = 0; i < 40; i++) Assert.That(engine.Step(output), Is.EqualTo(EngineStatus.Ok), engine.Failure);
        long taken = runner.NumTakenAhead, before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 60; i++) engine.Step(output);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(runner.NumTakenAhead - taken, Is.EqualTo(runsAhead ? 180 : 0));
    }

    // Requests of many lengths, some with several outputs, some that end by a stop token, in little memory.
    private static (string Text, long Taken) Crowd(bool runsAhead, int seed)
    {
        Random random = new(seed);
        EngineOptions options = Options() with { NumBlocks = 14 };
        using LoadedModel model = Load(runsAhead);
        ModelRunner runner = (ModelRunner)model.CreateRunner(options);
        using EngineWorker worker = new(runner, model.Tokenizer, model.Info, options);
        List<CollectingSink> sinks = [];
        for (int i = 0; i < 14; i++)
        {
            CollectingSink sink = new();
            sinks.Add(sink);
            float temperature = i % 3 == 0 ? 0 : 0.9f;
            int n = i % 5 == 2 && temperature > 0 ? 2 : 1;
            Submit(worker, sink, 3 + random.Next(40), i, temperature, n, i % 4 == 1);
        }

        string text = string.Join('\n', sinks.Select(
            sink => string.Join(' ', sink.WaitForEnd().Tokens()) + "|" + string.Join(' ', sink.Tokens(1))));
        return (text, runner.NumTakenAhead);
    }

    private static LoadedModel Load(bool runsAhead, bool usesGraphs = true) => LoadedModel.Load(new ModelLoadOptions
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

    private static CollectingSink Start(EngineWorker worker, int maxTokens, int seed)
    {
        CollectingSink sink = new();
        Submit(worker, sink, maxTokens, seed, 0.8f);
        return sink;
    }

    private static RequestHandle Submit(
        EngineWorker worker, CollectingSink sink, int maxTokens, int seed, float temperature, int n = 1,
        bool stops = false) => worker.Submit(
            new GenerationRequest
            {
                PromptTokenIds = [.. Enumerable.Range(1 + seed, 5 + (4 * seed))],
                Sampling = new SamplingParams
                {
                    MaxTokens = maxTokens,
                    Temperature = temperature,
                    Seed = seed,
                    N = n,
                    StopTokenIds = stops ? [.. Enumerable.Range(0, 30)] : null,
                    IgnoreEos = true,
                    Detokenize = false,
                },
            },
            sink);
}
