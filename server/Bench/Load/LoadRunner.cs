using System.Diagnostics;

namespace Engine.Server.Bench.Load;

/// <summary>The shape of a load.</summary>
internal sealed record LoadShape
{
    public required int NumRequests { get; init; }

    /// <summary>Requests under way at the same time, at most.</summary>
    public required int MaxConcurrency { get; init; }

    /// <summary>Words of a prompt.</summary>
    public required int NumPromptWords { get; init; }

    public required int NumOutputTokens { get; init; }

    public required int Seed { get; init; }
}

/// <summary>One run of a load.</summary>
/// <param name="Records">What became of each request.</param>
/// <param name="Seconds">Wall clock.</param>
/// <param name="CpuSeconds">CPU time of the answerer's process; null where it does not tell.</param>
internal sealed record LoadRun(IReadOnlyList<LoadRecord> Records, double Seconds, double? CpuSeconds)
{
    public IEnumerable<LoadRecord> Good => Records.Where(record => record.Failure is null);

    public int NumFailed => Records.Count - Good.Count();
}

/// <summary>Puts a load on a target: as many requests at once as may be, the next as soon as one ends.</summary>
internal static class LoadRunner
{
    private static readonly string[] _words =
        "the a fox river garden story quiet blue lantern walked found happy friend hill book said small".Split(' ');

    public static async Task<LoadRun> RunAsync(
        LoadTarget target, LoadShape shape, int run, CancellationToken cancellation)
    {
        LoadRequest[] requests = Requests(shape, run);
        var records = new LoadRecord[requests.Length];
        int next = -1;
        double? cpuBefore = await target.CpuSecondsAsync(cancellation);
        long started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Math.Min(shape.MaxConcurrency, requests.Length)).Select(async _ =>
        {
            for (int i = Interlocked.Increment(ref next); i < requests.Length; i = Interlocked.Increment(ref next))
            {
                records[i] = await target.AskAsync(requests[i], cancellation);
            }
        }));
        cancellation.ThrowIfCancellationRequested();
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return new LoadRun(records, seconds, await target.CpuSecondsAsync(cancellation) - cpuBefore);
    }

    // A run's prompts differ from every other run's, so that no prefix cache helps; targets get the same ones.
    private static LoadRequest[] Requests(LoadShape shape, int run)
    {
        var random = new Random(unchecked((shape.Seed * 1_000_003) + run));
        return [.. Enumerable.Range(0, shape.NumRequests).Select(_ => new LoadRequest(
            string.Join(' ', Enumerable.Range(0, shape.NumPromptWords).Select(_ => _words[random.Next(_words.Length)])),
            shape.NumOutputTokens))];
    }
}
