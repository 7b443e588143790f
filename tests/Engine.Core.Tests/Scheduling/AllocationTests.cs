using System.Diagnostics;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Tests.Scheduling;

[NonParallelizable]
public sealed class AllocationTests
{
    [Test]
    public void AStepInSteadyStateAllocatesNothing()
    {
        InferenceEngine engine = FullEngine(64, 600, new ConstantRunner(64 * 50, 16));
        var output = new StepOutput();
        for (int i = 0; i < 100; i++)
        {
            engine.Step(output);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 400; i++)
        {
            engine.Step(output);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(output.NumSequences, Is.EqualTo(64));
    }

    [Test]
    public void StepsThatPreemptAndAdmitAgainAllocateNothing()
    {
        // Half of the blocks that all would need, so that sequences are preempted and come back.
        InferenceEngine engine = FullEngine(32, 400, new ConstantRunner(32 * 13, 16));
        var output = new StepOutput();
        for (int i = 0; i < 200; i++)
        {
            engine.Step(output);
        }

        long preemptions = engine.Scheduler.NumPreemptions;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 150; i++)
        {
            engine.Step(output);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(engine.Scheduler.NumPreemptions, Is.GreaterThan(preemptions));
    }

    [Test]
    [Explicit("A measurement: schedule and commit of 256 sequences, without a model.")]
    public void MeasureStep()
    {
        InferenceEngine engine = FullEngine(256, 3000, new ConstantRunner(256 * 200, 16));
        var output = new StepOutput();
        for (int i = 0; i < 1000; i++)
        {
            engine.Step(output);
        }

        double[] microseconds = new double[1500];
        for (int i = 0; i < microseconds.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            engine.Step(output);
            microseconds[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        Array.Sort(microseconds);
        TestContext.Out.WriteLine(
            $"256 sequences, us/step: {microseconds[0]:F1} at best, median {microseconds[750]:F1}, "
            + $"90 % {microseconds[1350]:F1}, 99 % {microseconds[1485]:F1}, mean {microseconds.Average():F1}");
    }

    private static InferenceEngine FullEngine(int numSeqs, int maxTokens, ConstantRunner runner)
    {
        var options = new EngineOptions
        {
            MaxNumSeqs = numSeqs,
            NumBlocks = runner.NumBlocks,
            MaxNumBatchedTokens = 2048,
        };
        var engine = new InferenceEngine(runner, options);
        for (int i = 0; i < numSeqs; i++)
        {
            int[] prompt = [i, .. Enumerable.Range(0, 20)];
            engine.Submit(new Request(
                i, prompt, new SamplingParams { MaxTokens = maxTokens }, engine.MaxModelLen, 0));
        }

        return engine;
    }

    /// <summary>As little as a runner can do.</summary>
    private sealed class ConstantRunner(int numBlocks, int blockSize) : IModelRunner
    {
        public int NumBlocks => numBlocks;

        public int BlockSize => blockSize;

        public int VocabSize => 1000;

        public int MaxModelLen => 4096;

        public string? LastError => null;

        public EngineStatus Execute(StepPlan plan, SampledTokens results)
        {
            for (int i = 0; i < plan.NumSequences; i++)
            {
                if (plan.Sequences[i].Samples)
                {
                    results.Add(i, i % 7);
                }
            }

            return EngineStatus.Ok;
        }

        public void Dispose()
        {
        }
    }
}
