using Engine.Diagnostics;
using Engine.Execution;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Tests.Hosting;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Drafts, their models and heads on the fake GPU.</summary>
[TestFixture(
    """{"method": "ngram", "num_speculative_tokens": 5, "prompt_lookup_min": 1, "adaptive": false}""")]
[TestFixture(
    """{"method": "draft_model", "model": "demo-model/draft", "num_speculative_tokens": 4, "adaptive": false}""")]
[TestFixture("""{"method": "eagle", "model": "demo-model/eagle", "num_speculative_tokens": 3, "adaptive": false}""")]
internal sealed class CudaSpeculationTests(string config)
{
    [Test]
    public async Task Requests_of_every_kind_get_to_the_bit_what_they_get_without_drafts()
    {
        int seed = TestContext.CurrentContext.Random.Next(1000);
        TestContext.Out.WriteLine($"seed {seed}");
        using FakeCuda fake = new(new FakeCudaOptions { Seed = seed });
        using (LoadedModel model = CudaDemo.Load("bfloat16"))
        {
            using EngineWorker plain = new(model, CudaDemo.Options()), drafting = new(model, CudaDemo.Options(config));
            string[] expected = await CudaDemo.CrowdAsync(plain);
            Assert.That(await CudaDemo.CrowdAsync(drafting), Is.EqualTo(expected));
            EngineMetricsSnapshot metrics = drafting.Metrics;
            TestContext.Out.WriteLine(
                $"{metrics.SpecDecodeNumAcceptedTokens} of {metrics.SpecDecodeNumDraftTokens} accepted, "
                + $"{metrics.NumPreemptions} preemptions");
            Assert.That(metrics.NumPreemptions, Is.Positive);
            Assert.That(metrics.SpecDecodeNumAcceptedTokens, Is.Positive);
        }

        Assert.That(fake.Counters.Live, Is.Zero);
    }

    [Test]
    public void The_cpu_s_tokens_come_with_as_many_drafts_accepted()
    {
        using FakeCuda fake = new();
        using LoadedModel gpu = CudaDemo.Load("float32"), cpu = CudaDemo.LoadOnCpu("float32");
        (int[] tokens, long accepted) = Greedy(gpu);
        Assert.That((tokens, accepted), Is.EqualTo(Greedy(cpu)));
        Assert.That(accepted, Is.Positive);

        (int[] Tokens, long Accepted) Greedy(LoadedModel model)
        {
            using EngineWorker worker = new(model, CudaDemo.Options(config) with { NumBlocks = 32 });
            SamplingParams sampling = new() { Temperature = 0, MaxTokens = 40, IgnoreEos = true, Detokenize = false };
            int[] found = EngineWorkerTests.Start(worker, "one two three one two", sampling).WaitForEnd().Tokens();
            return (found, worker.Metrics.SpecDecodeNumAcceptedTokens);
        }
    }

    [Test]
    [NonParallelizable]
    public void A_step_that_drafts_allocates_nothing()
    {
        using FakeCuda fake = new(new FakeCudaOptions { Order = FakeOrder.Eager });
        using LoadedModel model = CudaDemo.Load("bfloat16");
        EngineOptions options = CudaDemo.Options(config) with { NumBlocks = 64, MaxModelLen = 512 };
        using ModelRunner runner = (ModelRunner)model.CreateRunner(options);
        Assert.That(CudaDemo.AllocatedBytes(runner, options, 200), Is.Zero);
    }

    [Test]
    public void A_gpu_that_is_lost_while_it_drafts_fails_every_request()
    {
        using FakeCuda fake = new(new FakeCudaOptions { Order = FakeOrder.Late });
        LoadedModel model = CudaDemo.Load("bfloat16");
        EngineWorker worker = new(model, CudaDemo.Options(config) with { NumBlocks = 32 });
        CollectingSink[] sinks = [.. Enumerable.Range(0, 2).Select(_ => EngineWorkerTests.Start(
            worker, "one two one two", new SamplingParams { Temperature = 0, MaxTokens = 100, IgnoreEos = true }))];
        sinks[0].WaitForToken();
        fake.FailLaunch(9);
        foreach (CollectingSink sink in sinks)
        {
            Assert.That(sink.WaitForEnd().Last.Error?.Status, Is.EqualTo(EngineStatus.DeviceLost));
        }

        worker.Dispose();
        model.Dispose();
        Assert.That(fake.Counters.CallsAfterLost, Is.Zero);
    }

    [Test]
    public void Memory_that_runs_out_while_drafts_are_made_room_for_leaves_nothing()
    {
        using FakeCuda fake = new();
        using (LoadedModel model = CudaDemo.Load("bfloat16"))
        {
            using (model.CreateRunner(CudaDemo.Options(config)))
            {
            }

            long before = fake.Counters.Live;
            int failures = 0;
            for (int n = 0; failures == n; n++)
            {
                fake.FailAllocation(n);
                try
                {
                    model.CreateRunner(CudaDemo.Options(config)).Dispose();
                }
                catch (EngineException e) when (e.Status == EngineStatus.OutOfMemory)
                {
                    failures++;
                    Assert.That(fake.Counters.Live, Is.EqualTo(before), $"allocation {n}");
                }
            }

            Assert.That(failures, Is.GreaterThan(5));
        }

        fake.FailAllocation(-1);
        Assert.That(fake.Counters.Live, Is.Zero);
    }
}
