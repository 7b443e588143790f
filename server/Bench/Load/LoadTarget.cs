using System.Diagnostics;

namespace Engine.Server.Bench.Load;

/// <summary>One request of a load: a text and how many tokens to answer with.</summary>
internal sealed record LoadRequest(string Prompt, int NumTokens);

/// <summary>What became of a request; times are Stopwatch timestamps.</summary>
internal sealed class LoadRecord
{
    public long Started { get; } = Stopwatch.GetTimestamp();

    /// <summary>When each piece of the answer arrived.</summary>
    public List<long> Arrivals { get; } = [];

    /// <summary>Tokens, as the answerer counts them.</summary>
    public int NumTokens { get; set; }

    /// <summary>How often it was sent again, because the connection was gone before a byte of the answer.</summary>
    public int NumRetries { get; set; }

    /// <summary>Why it failed; null if it did not.</summary>
    public string? Failure { get; set; }

    public double TtftMs => Stopwatch.GetElapsedTime(Started, Arrivals[0]).TotalMilliseconds;

    /// <summary>Time per token after the first.</summary>
    public double TpotMs =>
        Stopwatch.GetElapsedTime(Arrivals[0], Arrivals[^1]).TotalMilliseconds / Math.Max(1, NumTokens - 1);

    /// <summary>Between one piece and the next.</summary>
    public IEnumerable<double> ItlsMs => Arrivals.Zip(Arrivals.Skip(1))
        .Select(pair => Stopwatch.GetElapsedTime(pair.First, pair.Second).TotalMilliseconds);

    public void Arrived() => Arrivals.Add(Stopwatch.GetTimestamp());
}

/// <summary>Something that answers requests.</summary>
internal abstract class LoadTarget : IDisposable
{
    public abstract string Name { get; }

    /// <summary>Answers one request; a failure is in the record.</summary>
    public abstract Task<LoadRecord> AskAsync(LoadRequest request, CancellationToken cancellation);

    /// <summary>CPU time that the answerer's process has spent so far; null where it does not tell.</summary>
    public abstract Task<double?> CpuSecondsAsync(CancellationToken cancellation);

    public abstract void Dispose();
}
