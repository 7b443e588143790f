using System.Globalization;

namespace Engine.Tests.Scheduling;

/// <summary>
/// ENGINE_SIMULATION_SEEDS and ENGINE_SIMULATION_STEPS make it longer; ENGINE_SIMULATION_FIRST_SEED replays one.
/// </summary>
public sealed class SimulationTests
{
    [Test]
    public void EveryStepKeepsAllInvariantsAndEveryTokenEqualsTheOracles()
    {
        int numSeeds = Setting("ENGINE_SIMULATION_SEEDS", 1100);
        int numSteps = Setting("ENGINE_SIMULATION_STEPS", 1000);
        int firstSeed = Setting("ENGINE_SIMULATION_FIRST_SEED", 1);
        long steps = 0;
        long finished = 0;
        long preemptions = 0;
        long hits = 0;
        long copies = 0;
        long postponed = 0;
        long accepted = 0;
        long rejected = 0;
        Parallel.For(firstSeed, firstSeed + numSeeds, new ParallelOptions { MaxDegreeOfParallelism = 2 }, seed =>
        {
            var simulation = new Simulation(seed);
            try
            {
                simulation.Run(numSteps);
            }
            catch (Exception e)
            {
                throw new AssertionException(
                    $"ENGINE_SIMULATION_FIRST_SEED={seed}, step {simulation.NumSteps}: {e}", e);
            }

            Interlocked.Add(ref steps, simulation.NumSteps);
            Interlocked.Add(ref finished, simulation.NumFinished);
            Interlocked.Add(ref preemptions, simulation.NumPreemptions);
            Interlocked.Add(ref hits, simulation.NumPrefixHits);
            Interlocked.Add(ref copies, simulation.NumForkCopies);
            Interlocked.Add(ref postponed, simulation.NumPostponed);
            if (simulation.Speculation is { } drafts)
            {
                Interlocked.Add(ref accepted, drafts.NumAcceptedTokens);
                Interlocked.Add(ref rejected, drafts.NumDraftTokens - drafts.NumAcceptedTokens);
            }
        });
        TestContext.Out.WriteLine(
            $"seeds {firstSeed}..{firstSeed + numSeeds - 1}: {steps} steps, {finished} requests, "
            + $"{preemptions} preemptions, {hits} cached tokens, {copies} blocks copied on write, "
            + $"{accepted} drafted tokens accepted and {rejected} not");
        Assert.That(steps, Is.GreaterThanOrEqualTo((long)numSeeds * numSteps));
        Assert.That(new[] { finished, preemptions, hits, copies, accepted, rejected, postponed }, Is.All.Positive);
    }

    private static int Setting(string name, int standard) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value)
            ? value
            : standard;
}
