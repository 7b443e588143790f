using System.Collections.Concurrent;

namespace Engine.Server.Http.Generation;

/// <summary>
/// Wakes requests whose events have come. A step has events for every stream at once: a few pool threads take the
/// streams one after the other, in place of a work item, and a thread's wake-up, for each.
/// </summary>
internal sealed class EventWaker : IThreadPoolWorkItem
{
    // Another thread joins in for so many streams that wait.
    private const int StreamsPerThread = 32;

    private static readonly EventWaker _shared = new();

    private readonly ConcurrentQueue<EventQueue> _ready = new();
    private readonly int _maxThreads = Math.Max(1, Environment.ProcessorCount / 2);
    private int _numReady;
    private int _numThreads;

    private EventWaker()
    {
    }

    /// <summary>Runs what waits for a queue's events, on a pool thread.</summary>
    public static void Wake(EventQueue queue) => _shared.Add(queue);

    void IThreadPoolWorkItem.Execute()
    {
        while (true)
        {
            while (_ready.TryDequeue(out EventQueue? queue))
            {
                Interlocked.Decrement(ref _numReady);
                queue.Complete();
            }

            Interlocked.Decrement(ref _numThreads);
            if (_ready.IsEmpty || !TryJoin())
            {
                return;
            }
        }
    }

    private void Add(EventQueue queue)
    {
        _ready.Enqueue(queue);
        Interlocked.Increment(ref _numReady);
        if (TryJoin())
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    // True if the caller, or an item that it starts, is to be one of the threads.
    private bool TryJoin()
    {
        int numThreads = Volatile.Read(ref _numThreads);
        while (numThreads < _maxThreads && numThreads * StreamsPerThread < Math.Max(1, Volatile.Read(ref _numReady)))
        {
            int found = Interlocked.CompareExchange(ref _numThreads, numThreads + 1, numThreads);
            if (found == numThreads)
            {
                return true;
            }

            numThreads = found;
        }

        return false;
    }
}
