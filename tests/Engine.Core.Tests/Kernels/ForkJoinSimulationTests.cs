namespace Engine.Tests.Kernels;

/// <summary>
/// A model of the pool's fork and join on more processors than a test machine has. Writing a cache line that several
/// processors write takes one transfer after the other; reading what another wrote takes one; the rest is free.
/// </summary>
public sealed class ForkJoinSimulationTests
{
    private const double TransferNs = 80;
    private const double WorkNs = 1_000_000;
    private const int ItemsPerThread = 4;
    private const int OneForAll = 512;
    private const int Eight = 8;

    [Test]
    public void LinesOfEightWorkersKeepAForkCheapAtSixtyFourThreads()
    {
        TestContext.Out.WriteLine("threads  one line  lines of 8  (ns per fork and join, without the work)");
        for (int threads = 1; threads <= 64; threads *= 2)
        {
            TestContext.Out.WriteLine(
                $"{threads,7}  {Overhead(threads, OneForAll),8:F0}  {Overhead(threads, Eight),10:F0}");
        }

        Assert.Multiple(() =>
        {
            Assert.That(Overhead(8, Eight), Is.EqualTo(Overhead(8, OneForAll)).Within(1));
            Assert.That(Overhead(64, Eight), Is.LessThan(Overhead(64, OneForAll) / 2));
            // Nine forks in each of 22 layers: a millisecond of a token's time.
            Assert.That(Overhead(64, Eight) * 9 * 22, Is.LessThan(1_000_000));
        });
    }

    // Time from the call of run to its return, less a thread's share of the work.
    private static double Overhead(int threads, int workersPerLine)
    {
        int gates = threads > 1 ? ((threads - 2) / workersPerLine) + 1 : 0, groups = Math.Max(gates, 1);
        double transfer = threads > 1 ? TransferNs : 0;
        Line[] states = [.. Enumerable.Range(0, groups).Select(_ => new Line(transfer))];
        Line[] counters = [.. Enumerable.Range(0, groups).Select(_ => new Line(transfer))];
        int items = threads * ItemsPerThread;
        int[] left = [.. Enumerable.Range(0, groups).Select(g => (items * (g + 1) / groups) - (items * g / groups))];
        double start = 0;
        for (int g = 0; g < gates; g++) start = states[g].Write(start) + transfer;
        var ready = new PriorityQueue<int, double>();
        ready.Enqueue(0, start);
        for (int i = 1; i < threads; i++)
        {
            ready.Enqueue(i, states[(i - 1) / workersPerLine].Write(start + transfer));
        }

        double end = 0, lastLeft = 0;
        while (ready.TryDequeue(out int thread, out double now))
        {
            int own = thread > 0 ? (thread - 1) / workersPerLine : 0;
            if (TryTake(own, left, counters, transfer, ref now))
            {
                ready.Enqueue(thread, now + (WorkNs / items));
            }
            else if (thread == 0)
            {
                end = now;
            }
            else
            {
                lastLeft = Math.Max(lastLeft, states[own].Write(now));
            }
        }

        for (int g = 0; g < gates; g++) end = states[g].Write(end);
        return Math.Max(end, lastLeft) + transfer - (WorkNs / threads);
    }

    // The own counter first, then the others; one that has run out is only read.
    private static bool TryTake(int own, int[] left, Line[] counters, double transfer, ref double now)
    {
        for (int i = 0; i < left.Length; i++)
        {
            int g = (own + i) % left.Length;
            if (left[g] > 0)
            {
                left[g]--;
                now = counters[g].Write(now);
                return true;
            }

            now += transfer;
        }

        return false;
    }

    private sealed class Line(double transfer)
    {
        private double _free;

        /// <summary>When a processor that asks at some time has the line and is done with it.</summary>
        public double Write(double now) => _free = Math.Max(_free, now) + transfer;
    }
}
