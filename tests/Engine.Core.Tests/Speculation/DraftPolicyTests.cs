using Engine.Sampling;
using Engine.Scheduling;
using Engine.Speculation;

namespace Engine.Tests.Speculation;

/// <summary>When drafts pay and when they do not, with costs and acceptance set by the test.</summary>
public sealed class DraftPolicyTests
{
    private static readonly SpeculativeOptions Options = new() { NumSpeculativeTokens = 4 };

    [Test]
    public void AStepWithoutDraftsIsMeasuredFirstAndThenDraftsAreTried() =>
        Assert.That(Course(Options, batch: 1, rate: 1, rows => 1, steps: 2), Is.EqualTo(4));

    [Test]
    public void WhereARowMoreCostsLittleAllAreDrafted() => Assert.That(
        Course(Options, batch: 1, rate: 0.9, rows => 1 + (0.03 * (rows - 1)), steps: 400), Is.EqualTo(4).Within(0.2));

    [Test]
    public void WhereNothingIsAcceptedHardlyAnythingIsDrafted() => Assert.That(
        Course(Options, batch: 1, rate: 0, rows => 1 + (0.2 * (rows - 1)), steps: 2000), Is.LessThan(0.1));

    [Test]
    public void WhereARowMoreCostsAWholeStepHardlyAnythingIsDrafted() => Assert.That(
        Course(Options, batch: 1, rate: 0.9, rows => rows, steps: 2000), Is.LessThan(0.1));

    [Test]
    public void ALargeBatchThatCostsByTheRowHardlyDrafts() => Assert.That(
        Course(Options, batch: 32, rate: 0.7, rows => 1 + (0.1 * rows), steps: 2000), Is.LessThan(0.1));

    [Test]
    public void ABatchTooLargeToMeasureDraftsNothing() => Assert.That(
        Course(Options, batch: 300, rate: 1, rows => 1, steps: 20), Is.Zero);

    [Test]
    public void FewerAreDraftedWhereFewAreAccepted() => Assert.That(
        Course(Options, batch: 1, rate: 0.5, rows => 1 + (0.2 * (rows - 1)), steps: 2000), Is.InRange(0.5, 2.5));

    [Test]
    public void DraftsComeBackWhenTheyPayAgain()
    {
        double rate = 0;
        var policy = new DraftPolicy(new Proposer(), Options);
        double Cost(int rows) => 1 + (0.2 * (rows - 1));
        Run(policy, () => rate, 1, Cost, 2000);
        rate = 1;
        Run(policy, () => rate, 1, Cost, 600);
        Assert.That(Run(policy, () => rate, 1, Cost, 100), Is.EqualTo(4).Within(0.1));
    }

    [Test]
    public void ABatchAboveTheLimitDraftsNothing() => Assert.That(
        Course(Options with { DisableByBatchSize = 2 }, batch: 3, rate: 1, rows => 1, steps: 50), Is.Zero);

    [Test]
    public void WithoutAdaptionAllAreDraftedAlways() => Assert.That(
        Course(Options with { Adaptive = false }, batch: 8, rate: 0, rows => rows, steps: 200), Is.EqualTo(4));

    [TestCase(false, 0)]
    [TestCase(true, 2)]
    public void RequestsThatOptOutAndMirostatAreLeftAlone(bool speculative, int mirostat)
    {
        var policy = new DraftPolicy(new Proposer(), Options);
        Sequence sequence = NewSequence(
            new SamplingParams { Speculative = speculative, MirostatMode = mirostat, MaxTokens = 50 });
        policy.BeginStep(1);
        Assert.That(policy.Propose(sequence, 4), Is.Zero);
    }

    [Test]
    public void GradesAreJudgedApart()
    {
        var proposer = new GradedProposer();
        var policy = new DraftPolicy(proposer, Options);
        double Cost(int rows) => 1 + (0.2 * (rows - 1));
        double drafts = Run(policy, () => proposer.Last == 1 ? 1 : 0, 1, Cost, 4000);
        Assert.Multiple(() =>
        {
            Assert.That(drafts, Is.EqualTo(2).Within(0.2), "half of the steps draft all four");
            Assert.That(proposer.NumDrafted[0], Is.LessThan(0.05 * proposer.NumDrafted[1]));
        });
    }

    [Test]
    public void NothingIsDraftedWhereTheProposerHasNothing()
    {
        var policy = new DraftPolicy(new GradedProposer { First = -1 }, Options);
        policy.BeginStep(1);
        Assert.That(policy.Propose(NewSequence(new() { MaxTokens = 50 }), 4), Is.Zero);
    }

    private static double Course(
        SpeculativeOptions options, int batch, double rate, Func<int, double> cost, int steps) =>
        Run(new DraftPolicy(new Proposer(), options), () => rate, batch, cost, steps);

    /// <summary>Mean number of drafts per sequence and step in the second half of the steps.</summary>
    private static double Run(
        DraftPolicy policy, Func<double> rate, int batch, Func<int, double> cost, int steps)
    {
        var random = new Random(1);
        Sequence[] sequences = [.. Enumerable.Range(0, batch).Select(_ => NewSequence(new() { MaxTokens = 50 }))];
        var plan = new StepPlan(batch);
        long drafted = 0;
        for (int step = 0; step < steps; step++)
        {
            policy.BeginStep(batch);
            plan.Clear(step);
            foreach (Sequence sequence in sequences)
            {
                int count = policy.Propose(sequence, 40);
                plan.Add(new ScheduledSequence(sequence, 0, 1 + count, true, NumDraftTokens: count));
                drafted += step >= steps / 2 ? count : 0;
            }

            policy.ObserveStep(plan, cost(plan.NumTokens));
            foreach (ScheduledSequence scheduled in plan.Sequences)
            {
                int accepted = 0;
                while (accepted < scheduled.NumDraftTokens && random.NextDouble() < rate())
                {
                    accepted++;
                }

                policy.Observe(scheduled.Sequence, scheduled.NumDraftTokens, accepted);
            }
        }

        return drafted / (double)batch / Math.Max(1, steps - (steps / 2));
    }

    private static Sequence NewSequence(SamplingParams sampling)
    {
        Sequence sequence = new Request(1, [1, 2, 3], sampling, 1000, 1).Sequences[0];
        sequence.Reserve(sequence.MaxTokensTotal);
        return sequence;
    }

    private sealed class Proposer : IDraftProposer
    {
        public int MaxDraftTokens => 4;

        public double LastDraftSeconds => 0;

        public int Propose(Sequence sequence, Span<int> drafts) => drafts.Length;
    }
    /// <summary>Two grades in turns.</summary>
    private sealed class GradedProposer : IDraftProposer
    {
        public int First { get; init; }

        public int Last { get; private set; } = 1;

        public long[] NumDrafted { get; } = new long[2];

        public int MaxDraftTokens => 4;

        public double LastDraftSeconds => 0;

        public int Grade(Sequence sequence) => Last = First < 0 ? First : 1 - Last;

        public int Propose(Sequence sequence, Span<int> drafts)
        {
            NumDrafted[Last] += drafts.Length;
            return drafts.Length;
        }
    }
}
