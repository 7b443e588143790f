using Engine.Hosting;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Tests.Scheduling;

public sealed class SchedulerTests
{
    [Test]
    public void EqualPrioritiesRunInOrderOfArrival()
    {
        var harness = new Harness(new EngineOptions { MaxNumSeqs = 1, NumBlocks = 20, BlockSize = 4 });
        long[] ids = [harness.Add(4), harness.Add(4), harness.Add(4)];
        harness.RunAll();
        Assert.That(harness.EndOrder, Is.EqualTo(ids));
    }

    [Test]
    public void ALowerPriorityNumberRunsFirst()
    {
        var harness = new Harness(new EngineOptions { MaxNumSeqs = 1, NumBlocks = 20, BlockSize = 4 });
        long[] ids = [harness.Add(4, priority: 5), harness.Add(4, priority: 0), harness.Add(4, priority: -3)];
        harness.RunAll();
        Assert.That(harness.EndOrder, Is.EqualTo(Enumerable.Reverse(ids)));
    }

    [Test]
    public void ALongPromptIsSpreadOverStepsOfTheBudget()
    {
        var harness = new Harness(new EngineOptions { MaxNumBatchedTokens = 10, NumBlocks = 40, BlockSize = 4 });
        harness.Add(35);
        harness.RunAll();
        Assert.That(harness.StepTokens.Take(4), Is.EqualTo(new[] { 10, 10, 10, 5 }));
    }

    [Test]
    public void WithoutChunkingAPromptWaitsForAStepThatHoldsItWhole()
    {
        var harness = new Harness(new EngineOptions
        {
            MaxNumBatchedTokens = 10,
            EnableChunkedPrefill = false,
            NumBlocks = 40,
            BlockSize = 4,
            EnablePrefixCaching = false,
        });
        harness.Add(6);
        harness.Add(6);
        harness.RunAll();
        Assert.That(harness.StepTokens.Take(2), Is.EqualTo(new[] { 6, 7 }));
    }

    [Test]
    public void WithoutChunkingAPromptLongerThanTheBudgetStillRuns()
    {
        var harness = new Harness(new EngineOptions
        {
            MaxNumBatchedTokens = 10,
            EnableChunkedPrefill = false,
            NumBlocks = 40,
            BlockSize = 4,
        });
        harness.Add(25);
        harness.RunAll();
        Assert.That(harness.StepTokens.Take(3), Is.EqualTo(new[] { 10, 10, 5 }));
    }

    [Test]
    public void ALongPromptLeavesATokenForEachOutputUnderWay()
    {
        var harness = new Harness(new EngineOptions { MaxNumBatchedTokens = 8, NumBlocks = 80, BlockSize = 4 });
        harness.Add(1, maxTokens: 20);
        harness.Step();
        harness.Add(40, priority: -1, maxTokens: 2);
        for (int i = 0; i < 5; i++)
        {
            harness.Step();
            Assert.That((harness.StepTokens[^1], harness.StepSamples[^1]), Is.EqualTo((8, 1)));
        }
    }

    [Test]
    public void NoMoreThanMaxNumSeqsRun()
    {
        var harness = new Harness(new EngineOptions { MaxNumSeqs = 3, NumBlocks = 100, BlockSize = 4 });
        for (int i = 0; i < 10; i++)
        {
            harness.Add(5, n: 3);
        }

        harness.RunAll(() => Assert.That(harness.Engine.Scheduler.NumRunning, Is.LessThanOrEqualTo(3)));
        Assert.That(harness.EndOrder, Has.Count.EqualTo(10));
    }

    [Test]
    public void OutputsOfOneRequestShareTheBlocksOfItsPrompt()
    {
        var harness = new Harness(new EngineOptions { NumBlocks = 100, BlockSize = 4 });
        harness.Add(41, n: 8, maxTokens: 4);
        harness.Step();
        Assert.That(harness.Engine.Scheduler.Cache.NumReferenced, Is.EqualTo(11));
        harness.Step();
        Assert.That(harness.Engine.Scheduler.Cache.NumReferenced, Is.EqualTo(10 + 8));
        harness.RunAll();
    }

    [Test]
    public void TheLastPartialBlockIsCopiedOnWrite()
    {
        var harness = new Harness(new EngineOptions { NumBlocks = 100, BlockSize = 4 });
        harness.Add(7, n: 3, maxTokens: 4);
        harness.RunAll();
        Assert.That(harness.Runner.NumCopies, Is.EqualTo(2));
    }

    [Test]
    public void ATightPoolPreemptsNobodyMoreThanTheBound([Range(1, 10)] int seed)
    {
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var harness = new Harness(new EngineOptions
        {
            NumBlocks = 12,
            BlockSize = 2,
            MaxNumSeqs = 12,
            MaxNumBatchedTokens = 16,
            EnablePrefixCaching = seed % 2 == 0,
        });
        for (int i = 0; i < 60; i++)
        {
            harness.Add(random.Next(1, 12), maxTokens: random.Next(1, 12), priority: random.Next(3));
        }

        harness.RunAll();
        Assert.That(harness.EndOrder, Has.Count.EqualTo(60));
        Assert.That(harness.Engine.Scheduler.NumPreemptions, Is.Positive);
        Assert.That(harness.MaxPreemptions, Is.LessThanOrEqualTo(Scheduler.ProtectAfterPreemptions));
    }

    [Test]
    public void PromptLogprobsAreComputedEvenWhenThePromptIsCached()
    {
        var harness = new Harness(new EngineOptions { NumBlocks = 40, BlockSize = 4 });
        harness.Add(20);
        harness.RunAll();
        harness.Add(20, promptLogprobs: 0);
        harness.RunAll();
        Assert.That(harness.NumPromptLogprobs, Is.EqualTo(19));
    }

    [Test]
    public void AnAbortFreesEverythingWithinTwoStepsInEveryState([Range(0, 12)] int afterSteps)
    {
        var harness = new Harness(new EngineOptions
        {
            NumBlocks = 100,
            BlockSize = 4,
            MaxNumBatchedTokens = 8,
            MaxNumSeqs = 2,
        });
        long running = harness.Add(30, n: 4, maxTokens: 30);
        long waiting = harness.Add(30, n: 2);
        for (int i = 0; i < afterSteps; i++)
        {
            harness.Step();
        }

        harness.Engine.Abort(running);
        harness.Engine.Abort(waiting);
        harness.Engine.Abort(running);
        harness.Step();
        Assert.That(harness.Engine.Scheduler.Cache.NumReferenced, Is.Zero);
        Assert.That(harness.Engine.HasWork, Is.False);
        Assert.That(harness.EndOrder, Is.EquivalentTo(new[] { running, waiting }));
    }

    [Test]
    public void ALateOrDuplicateCommitIsABrokenInvariant()
    {
        var harness = new Harness(new EngineOptions { NumBlocks = 40, BlockSize = 4 });
        harness.Add(5);
        harness.Engine.Step(new StepOutput());
        Scheduler scheduler = harness.Engine.Scheduler;
        StepPlan plan = scheduler.Schedule();
        var results = new SampledTokens(256);
        results.Add(0, 1);
        scheduler.Commit(plan, results, new StepOutput());
        Assert.Throws<Engine.Diagnostics.InvariantException>(
            () => scheduler.Commit(plan, results, new StepOutput()));
        Assert.Throws<Engine.Diagnostics.InvariantException>(() => scheduler.Rollback(plan));
    }

    [TestCase(-1)]
    [TestCase(258)]
    [TestCase(int.MaxValue)]
    public void ATokenOutsideOfTheVocabularyFailsItsRequestAlone(int token)
    {
        var harness = new Harness(new EngineOptions { NumBlocks = 40, BlockSize = 4 });
        harness.Add(5);
        harness.Add(5);
        harness.Engine.Step(new StepOutput());
        Scheduler scheduler = harness.Engine.Scheduler;
        StepPlan plan = scheduler.Schedule();
        var results = new SampledTokens(256);
        results.Add(0, token);
        results.Add(1, 3);
        var output = new StepOutput();
        scheduler.Commit(plan, results, output);
        Assert.That(output.Items[0].Status, Is.EqualTo(EngineStatus.Internal));
        Assert.That(output.Items[1].Token, Is.EqualTo(3));
    }
}
