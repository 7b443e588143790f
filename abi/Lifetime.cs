namespace Engine.Abi;

/// <summary>An engine that engine_shutdown can stop.</summary>
internal interface IStoppable
{
    /// <summary>Takes nothing new, waits, cancels the rest.</summary>
    /// <returns>True if all ended by themselves.</returns>
    bool Stop(TimeSpan drainTimeout);
}

/// <summary>Every engine of the process.</summary>
internal static class Lifetime
{
    private static readonly HashSet<IStoppable> _engines = [];
    private static readonly Lock _gate = new();

    public static void Add(IStoppable engine)
    {
        lock (_gate)
        {
            _engines.Add(engine);
        }
    }

    public static void Remove(IStoppable engine)
    {
        lock (_gate)
        {
            _engines.Remove(engine);
        }
    }

    public static TimeSpan DrainTime(int timeoutMs) => timeoutMs < 0
        ? Timeout.InfiniteTimeSpan
        : TimeSpan.FromMilliseconds(timeoutMs);

    public static EngineStatus Shutdown(int timeoutMs)
    {
        IStoppable[] engines;
        lock (_gate)
        {
            engines = [.. _engines];
        }

        bool drained = true;
        long deadline = Environment.TickCount64 + Math.Max(timeoutMs, 0);
        foreach (IStoppable engine in engines)
        {
            TimeSpan left = timeoutMs < 0
                ? Timeout.InfiniteTimeSpan
                : TimeSpan.FromMilliseconds(Math.Max(0, deadline - Environment.TickCount64));
            drained &= engine.Stop(left);
        }

        return drained ? EngineStatus.Ok : EngineStatus.Timeout;
    }
}
