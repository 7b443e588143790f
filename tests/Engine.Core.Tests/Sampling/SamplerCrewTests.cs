using Engine.Sampling;

namespace Engine.Tests.Sampling;

/// <summary>Rows sampled by several threads.</summary>
[TestFixture]
public sealed class SamplerCrewTests
{
    private const int Vocab = 8192;

    private static readonly SamplingParams[] _kinds =
    [
        new() { Temperature = 0 },
        new() { Temperature = 0.8f },
        new() { TopK = 40, TopP = 0.9f },
        new() { MinP = 0.05f, TypicalP = 0.8f, Logprobs = 3 },
        new() { MirostatMode = 2, MirostatTau = 3 },
        new() { RepetitionPenalty = 1.2f, FrequencyPenalty = 0.3f },
        new() { DryMultiplier = 0.8f, NoRepeatNgramSize = 3, LogitBias = new Dictionary<int, float> { [5] = 3 } },
    ];

    [Test]
    public void RowsGiveWhatEachGivesAlone([Values(2, 5)] int threads)
    {
        const int Rows = 70, Steps = 12;
        var sampler = new Sampler(Vocab);
        using var crew = new SamplerCrew(sampler, Vocab, threads);
        SamplerState[] together = States(Rows), alone = States(Rows);
        var found = new int[Rows, Steps];
        for (int step = 0; step < Steps; step++)
        {
            crew.Run(Rows, (row, own) => found[row, step] = Next(own, together, found, row, step));
        }

        var expected = new int[Rows, Steps];
        for (int step = 0; step < Steps; step++)
        {
            for (int row = Rows - 1; row >= 0; row--)
                expected[row, step] = Next(sampler, alone, expected, row, step);
        }

        Assert.That(found, Is.EqualTo(expected));
    }

    [Test]
    public void WhatARowThrowsEndsTheRunAndNotTheCrew()
    {
        using var crew = new SamplerCrew(new Sampler(64), 64, 3);
        Assert.That(
            () => crew.Run(50, (row, _) => { if (row == 20) throw new InvalidOperationException("row 20"); }),
            Throws.InvalidOperationException.With.Message.EqualTo("row 20"));
        int done = 0;
        crew.Run(50, (_, _) => Interlocked.Increment(ref done));
        Assert.That(done, Is.EqualTo(50));
    }

    [Test]
    public void ASamplerTakesTheBytesThatAPlanCounts()
    {
        const int Large = 150_000;
        long before = GC.GetAllocatedBytesForCurrentThread();
        var sampler = new Sampler(Large);
        long taken = GC.GetAllocatedBytesForCurrentThread() - before;
        GC.KeepAlive(sampler);
        Assert.That(taken, Is.EqualTo(Sampler.BytesFor(Large)).Within(2).Percent);
    }

    [Test]
    public void EveryRowIsSampledOnceHoweverManyRunsFollowOneAnother()
    {
        using var crew = new SamplerCrew(new Sampler(64), 64, 4);
        var times = new int[9];
        Action<int, Sampler> work = (row, _) => Interlocked.Increment(ref times[row]);
        for (int run = 0; run < 20_000; run++) crew.Run(1 + (run % 9), work);
        IEnumerable<int> runs = Enumerable.Range(0, 20_000);
        int[] expected = [.. Enumerable.Range(0, 9).Select(row => runs.Count(r => r % 9 >= row))];
        Assert.That(times, Is.EqualTo(expected));
    }

    [Test]
    public void ARunAllocatesNothing()
    {
        using var crew = new SamplerCrew(new Sampler(64), 64, 2);
        Action<int, Sampler> work = static (_, _) => { };
        for (int run = 0; run < 100; run++) crew.Run(4, work);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int run = 0; run < 100; run++) crew.Run(4, work);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    private static SamplerState[] States(int rows) =>
    [
        .. Enumerable.Range(0, rows).Select(row => new SamplerState(
            SamplingProgram.Compile(_kinds[row % _kinds.Length], Vocab, [], [], []), (ulong)row, 0, 64)),
    ];

    private static int Next(Sampler sampler, SamplerState[] states, int[,] tokens, int row, int step)
    {
        var random = new Random((row * 1000) + step);
        float[] logits = [.. Enumerable.Range(0, Vocab).Select(_ => 8 * random.NextSingle())];
        int[] sequence = [1, 2, .. Enumerable.Range(0, step).Select(s => tokens[row, s])];
        EngineStatus status = sampler.Sample(logits, states[row], sequence, 2, out int token, out _);
        return status == EngineStatus.Ok ? token : -2;
    }
}
