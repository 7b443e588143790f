using Engine.Devices;
using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Scheduling;
using Engine.Speculation;

namespace Engine.Tests.Scheduling;

/// <summary>The fake runner with random faults, and a check of all invariants while a plan is open.</summary>
internal sealed class SimulatedRunner(FakeModelOptions options, int numBlocks, int blockSize, Random random)
    : IModelRunner
{
    public const string Injected = "injected sequence error";

    private readonly FakeModelRunner _fake = new(options, numBlocks, blockSize);

    public InferenceEngine? Engine { get; set; }

    public int OutOfMemoryPercent { get; init; }

    public int SequenceErrorPercent { get; init; }

    public int PostponePercent { get; init; }

    /// <summary>Drawn from apart, so that the seeds of old still drive what they drove.</summary>
    public Random Postponing { get; init; } = new(1);

    public long NumPostponed { get; private set; }

    public long NumOutOfMemory { get; private set; }

    public long NumCopies { get; private set; }

    public int NumBlocks => _fake.NumBlocks;

    public int BlockSize => _fake.BlockSize;

    public int VocabSize => _fake.VocabSize;

    public int MaxModelLen => _fake.MaxModelLen;

    public IDraftProposer? Proposer => _fake.Proposer;

    public string? LastError { get; private set; }

    public EngineStatus Execute(StepPlan plan, SampledTokens results)
    {
        Engine!.Scheduler.CheckIntegrity();
        NumCopies += plan.BlockCopies.Length;
        CheckCopies(plan.BlockCopies);
        if (random.Next(100) < OutOfMemoryPercent)
        {
            NumOutOfMemory++;
            LastError = "injected memory";
            return EngineStatus.OutOfMemory;
        }

        EngineStatus status = _fake.Execute(plan, results);
        if (random.Next(100) < SequenceErrorPercent)
        {
            results.Fail(random.Next(plan.NumSequences), EngineStatus.Internal, Injected);
        }

        int postponed = Postponing.Next(plan.NumSequences);
        if (Postponing.Next(100) < PostponePercent && plan.Sequences[postponed].Samples)
        {
            NumPostponed++;
            results.Postpone(postponed);
        }

        return status;
    }

    /// <summary>A device may do them in any order, or all at once.</summary>
    private static void CheckCopies(ReadOnlySpan<BlockCopy> copies)
    {
        for (int i = 0; i < copies.Length; i++)
        {
            for (int j = 0; j < copies.Length; j++)
            {
                Invariant.Check(copies[i].Destination != copies[j].Source, "a copy overwrites another's source");
                Invariant.Check(i == j || copies[i].Destination != copies[j].Destination, "two copies collide");
            }
        }
    }

    public void Dispose() => _fake.Dispose();
}
