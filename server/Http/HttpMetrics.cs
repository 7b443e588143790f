using System.Collections.Concurrent;
using System.Diagnostics;

namespace Engine.Server.Http;

/// <summary>Counts requests by route, method and class of status, as vLLM's dashboards expect them.</summary>
internal sealed class HttpMetrics
{
    public static readonly double[] BucketsS = [0.1, 0.5, 1];

    private readonly ConcurrentDictionary<(string Handler, string Method, string Status), StrongCount> _counts = new();
    private readonly ConcurrentDictionary<(string Handler, string Method), Durations> _durations = new();

    public IEnumerable<(string Handler, string Method, string Status, long Count)> Counts =>
        _counts.Select(item => (item.Key.Handler, item.Key.Method, item.Key.Status, item.Value.Value));

    public IEnumerable<(string Handler, string Method, Durations Durations)> DurationsByHandler =>
        _durations.Select(item => (item.Key.Handler, item.Key.Method, item.Value));

    /// <param name="handler">The route's path, never the request's: clients choose that.</param>
    /// <param name="method">The route's method.</param>
    /// <param name="statusCode">What was answered.</param>
    /// <param name="started">Stopwatch.GetTimestamp() at the beginning.</param>
    public void Observe(string handler, string method, int statusCode, long started)
    {
        string status = statusCode switch { < 200 => "1xx", < 300 => "2xx", < 400 => "3xx", < 500 => "4xx", _ => "5xx" };
        _counts.GetOrAdd((handler, method, status), static _ => new StrongCount()).Increment();
        _durations.GetOrAdd((handler, method), static _ => new Durations())
            .Observe(Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>A number that threads add to.</summary>
    internal sealed class StrongCount
    {
        private long _value;

        public long Value => Interlocked.Read(ref _value);

        public void Increment() => Interlocked.Increment(ref _value);
    }

    /// <summary>How long requests of one route took.</summary>
    internal sealed class Durations
    {
        private readonly object _lock = new();
        private readonly long[] _counts = new long[BucketsS.Length + 1];
        private double _sumS;

        public void Observe(double valueS)
        {
            int bucket = 0;
            while (bucket < BucketsS.Length && valueS > BucketsS[bucket])
            {
                bucket++;
            }

            lock (_lock)
            {
                _counts[bucket]++;
                _sumS += valueS;
            }
        }

        public (long[] Counts, double SumS) Snapshot()
        {
            lock (_lock)
            {
                return ((long[])_counts.Clone(), _sumS);
            }
        }
    }
}
