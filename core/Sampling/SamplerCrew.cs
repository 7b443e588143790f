using System.Runtime.ExceptionServices;

namespace Engine.Sampling;

/// <summary>
/// Threads that sample rows together, each with a sampler of its own. What a row gives does not depend on which of them
/// takes it. They sleep between runs, and one that wakes late is not waited for.
/// </summary>
internal sealed class SamplerCrew : IDisposable
{
    // Set while a run takes helpers; the rest of the word counts those at work.
    private const int Open = 1 << 30;

    private readonly Sampler[] _samplers;
    private readonly Thread[] _threads;
    private readonly SemaphoreSlim _wake = new(0);
    private Action<int, Sampler>? _work;
    private Exception? _failure;
    private int _count;
    private int _next;
    private int _gate;
    private volatile bool _stops;

    /// <param name="first">The caller's own sampler.</param>
    /// <param name="rowLength">As of Sampler.</param>
    /// <param name="threads">The caller's thread included.</param>
    public SamplerCrew(Sampler first, int rowLength, int threads)
    {
        _samplers = new Sampler[threads];
        _samplers[0] = first;
        _threads = new Thread[threads - 1];
        for (int i = 1; i < threads; i++) _samplers[i] = new Sampler(rowLength);
        for (int i = 0; i < _threads.Length; i++)
        {
            Sampler own = _samplers[i + 1];
            _threads[i] = new Thread(() => Serve(own)) { IsBackground = true, Name = $"engine-sampler-{i + 1}" };
            _threads[i].Start();
        }
    }

    /// <summary>Does work(i, sampler) for every i below count, and returns when all are done.</summary>
    /// <param name="count">How many.</param>
    /// <param name="work">Called from any thread; what it throws ends the run and is thrown here.</param>
    public void Run(int count, Action<int, Sampler> work)
    {
        (_work, _count, _next, _failure) = (work, count, 0, null);
        Volatile.Write(ref _gate, Open);
        int asleep = Math.Min(_threads.Length, count - 1) - _wake.CurrentCount;
        if (asleep > 0) _wake.Release(asleep);
        Work(_samplers[0]);
        Interlocked.And(ref _gate, ~Open);
        SpinWait spin = default;
        while (Volatile.Read(ref _gate) != 0) spin.SpinOnce(sleep1Threshold: -1);
        _work = null;
        if (_failure is Exception failure) ExceptionDispatchInfo.Throw(failure);
    }

    public void Dispose()
    {
        if (_stops) return;
        _stops = true;
        if (_threads.Length > 0) _wake.Release(_threads.Length);
        foreach (Thread thread in _threads) thread.Join();
        _wake.Dispose();
    }

    private void Serve(Sampler sampler)
    {
        for (; ; )
        {
            _wake.Wait();
            if (_stops) return;
            if (!Enter()) continue;
            Work(sampler);
            Interlocked.Decrement(ref _gate);
        }
    }

    // Joins the run if it still takes helpers.
    private bool Enter()
    {
        int gate = Volatile.Read(ref _gate);
        while ((gate & Open) != 0)
        {
            int seen = Interlocked.CompareExchange(ref _gate, gate + 1, gate);
            if (seen == gate) return true;
            gate = seen;
        }

        return false;
    }

    private void Work(Sampler sampler)
    {
        try
        {
            for (int i = Interlocked.Increment(ref _next) - 1; i < _count; i = Interlocked.Increment(ref _next) - 1)
                _work!(i, sampler);
        }
        catch (Exception e)
        {
            _failure = e;
            Volatile.Write(ref _next, _count);
        }
    }
}
