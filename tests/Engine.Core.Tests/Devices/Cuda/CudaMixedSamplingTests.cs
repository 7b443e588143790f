using Engine.Devices.Cuda;
using Engine.Execution;
using Engine.Grammar;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Tests.Hosting;
using Engine.Tests.Speculation;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Requests with penalties, bias, masks, grammars and logprobs, whose tokens the fake GPU chooses.</summary>
[TestFixture]
internal sealed class CudaMixedSamplingTests
{
    private const string Ngrams = """{"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_min": 1}""";

    [TestCase(true, true, null)]
    [TestCase(false, true, null)]
    [TestCase(true, false, null)]
    [TestCase(true, true, Ngrams)]
    public async Task Crowds_that_share_steps_and_are_preempted_get_the_cpu_s_tokens(
        bool runsAhead, bool usesGraphs, string? drafts)
    {
        int seed = TestContext.CurrentContext.Random.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        using FakeCuda fake = new(new FakeCudaOptions { Seed = seed });
        CollectingSink[] onGpu, onCpu;
        long preemptions;
        using (LoadedModel model = Load(runsAhead, usesGraphs))
        {
            (EngineWorker worker, ModelRunner runner) = CudaDemo.Start(model, CudaDemo.Options(drafts));
            using EngineWorker owned = worker;
            long before = fake.Counters.BytesToHost;
            onGpu = await RunAsync(worker, Requests(seed));
            preemptions = worker.Metrics.NumPreemptions;
            // No row of logits has come down.
            Assert.That(fake.Counters.BytesToHost - before, Is.LessThan(400 * runner.VocabSize));
        }

        using (LoadedModel model = CudaDemo.LoadOnCpu("float32"))
        {
            using EngineWorker worker = new(model, CudaDemo.Options());
            onCpu = await RunAsync(worker, Requests(seed));
        }

        Assert.That(preemptions, Is.Positive);
        Assert.Multiple(() =>
        {
            for (int i = 0; i < onGpu.Length; i++) CheckSame(onGpu[i], onCpu[i], i);
        });
    }

    [Test]
    public async Task What_runs_ahead_is_to_the_bit_what_runs_in_turn()
    {
        int seed = TestContext.CurrentContext.Random.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        using FakeCuda fake = new(new FakeCudaOptions { Seed = seed });
        (string[] plain, long none) = await DescribeAsync(false);
        (string[] ahead, long taken) = await DescribeAsync(true);
        Assert.That(ahead, Is.EqualTo(plain));
        Assert.That(none, Is.Zero);
        Assert.That(taken, Is.GreaterThan(40));

        async Task<(string[] Texts, long Taken)> DescribeAsync(bool runsAhead)
        {
            using LoadedModel model = Load(runsAhead, true);
            (EngineWorker worker, ModelRunner runner) =
                CudaDemo.Start(model, CudaDemo.Options() with { NumBlocks = 24 });
            using EngineWorker owned = worker;
            Random random = new(seed);
            SamplingParams[] requests =
            [
                .. Enumerable.Range(0, 6).Select(_ => SamplingKinds.Draw(random, 300) with
                {
                    NoRepeatNgramSize = 0, MaxTokens = 20, IgnoreEos = true, StopTokenIds = null,
                }),
            ];
            return ([.. (await RunAsync(worker, requests)).Select(OutputText.Describe)], runner.NumTakenAhead);
        }
    }

    [Test]
    [NonParallelizable]
    public async Task Masks_that_are_made_while_the_gpu_computes_change_no_token()
    {
        SamplingParams[] requests =
        [
            .. Enumerable.Range(0, 4).Select(i => new SamplingParams
            {
                Temperature = 1,
                Seed = i,
                MaxTokens = 12,
                Logprobs = i % 2 == 0 ? 2 : null,
                TypicalP = i == 2 ? 0.9f : 1,
                StructuredOutputs = i == 3
                    ? null : new StructuredOutputs { Regex = "(one|two|three)( (one|two|four))*" },
            }),
        ];
        using FakeCuda fake = new();
        using LoadedModel model = Load(true, true);
        string[] atOnce, late;
        using (EngineWorker worker = new(model, CudaDemo.Options()))
            atOnce = [.. (await RunAsync(worker, requests)).Select(OutputText.Describe)];
        long work = GrammarState.MaskWork;
        GrammarState.MaskWork = 0;
        try
        {
            using EngineWorker worker = new(model, CudaDemo.Options());
            late = [.. (await RunAsync(worker, requests)).Select(OutputText.Describe)];
        }
        finally
        {
            GrammarState.MaskWork = work;
        }

        Assert.That(late, Is.EqualTo(atOnce));
    }

    [Test]
    public async Task A_request_that_its_masks_leave_nothing_fails_alone()
    {
        using FakeCuda fake = new();
        using LoadedModel model = Load(true, true);
        using EngineWorker worker = new(model, CudaDemo.Options());
        SamplingParams plain = new() { Temperature = 1, Seed = 3, MaxTokens = 10, IgnoreEos = true, Logprobs = 1 };
        string alone = OutputText.Describe((await RunAsync(worker, [plain]))[0]);
        SamplingParams stuck = plain with { AllowedTokenIds = [300, 301], NoRepeatNgramSize = 1 };
        CollectingSink[] sinks = await RunAsync(worker, [plain, stuck, plain]);
        Assert.That(OutputText.Describe(sinks[0]), Is.EqualTo(alone));
        Assert.That(OutputText.Describe(sinks[2]), Is.EqualTo(alone));
        Assert.That(sinks[1].Last.Error?.Status, Is.EqualTo(EngineStatus.InvalidArgument));
    }

    private static SamplingParams[] Requests(int seed)
    {
        Random random = new(seed);
        return
        [
            .. Enumerable.Range(0, 10)
                .Select(_ => SamplingKinds.DrawWithText(random, 300) with { MaxTokens = 6 + random.Next(10) }),
            // Long enough for the blocks to run out.
            .. Enumerable.Range(0, 4).Select(_ => SamplingKinds.Draw(random, 300) with
            {
                MaxTokens = 30, IgnoreEos = true, StopTokenIds = null, NoRepeatNgramSize = 0,
            }),
        ];
    }

    private static LoadedModel Load(bool runsAhead, bool usesGraphs) => LoadedModel.Load(new ModelLoadOptions
    {
        Model = Path.Combine(TestPaths.Root, "demo-model", "model"),
        Device = "cuda",
        Dtype = "float32",
        Cuda = FakeCuda.DeviceOptions(Engine.Memory.DType.F32, usesGraphs) with { RunsAhead = runsAhead },
    });

    private static async Task<CollectingSink[]> RunAsync(EngineWorker worker, SamplingParams[] requests)
    {
        // All are there before the first step.
        await worker.SleepAsync(0);
        CollectingSink[] sinks =
            [.. requests.Select(s => EngineWorkerTests.Start(worker, "one two three one two three one two", s))];
        await worker.WakeUpAsync();
        foreach (CollectingSink sink in sinks) sink.WaitForEnd(60);
        return sinks;
    }

    private static void CheckSame(CollectingSink onGpu, CollectingSink onCpu, int index)
    {
        Assert.That(onGpu.Last.Error?.Message, Is.EqualTo(onCpu.Last.Error?.Message), $"request {index}");
        Assert.That(onGpu.Tokens(), Is.EqualTo(onCpu.Tokens()), $"request {index}");
        TokenLogprob[] found = Logprobs(onGpu), expected = Logprobs(onCpu);
        Assert.That(found.Select(l => l.TokenId), Is.EqualTo(expected.Select(l => l.TokenId)), $"request {index}");
        for (int i = 0; i < found.Length && i < expected.Length; i++)
        {
            Assert.That(found[i].Logprob, Is.EqualTo(expected[i].Logprob).Within(1e-4), $"request {index}, {i}");
            Assert.That(found[i].Rank, Is.EqualTo(expected[i].Rank), $"request {index}, {i}");
        }
    }

    private static TokenLogprob[] Logprobs(CollectingSink sink) =>
    [
        .. sink.Events.SelectMany(e => e.Logprobs ?? []),
        .. sink.Events.SelectMany(e => e.PromptLogprobs ?? []).SelectMany(list => list ?? []),
    ];
}
