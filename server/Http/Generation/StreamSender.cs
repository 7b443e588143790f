using System.Collections.Concurrent;
using System.Diagnostics;

namespace Engine.Server.Http.Generation;

/// <summary>
/// Serves streams whose events have come, on a thread of its own. A step has events for every stream at once: they are
/// taken one after the other, in place of a work item, and a thread's wake-up, for each.
/// <para>
/// A write costs several times what its bytes do, and the more streams there are the less a reader gains by having each
/// token in one of its own. So paced streams are served in rounds, and a round of many writes is not followed by the
/// next before their share of the machine's time has passed; what comes meanwhile is written together.
/// </para>
/// </summary>
internal static class StreamSender
{
    // Of 10 to 20 us each, as the model has emptied the caches: up to 2.5 % of a processor's time, for each processor.
    private const int WritesPerSecondAndProcessor = 1250;

    // Who reads along is not ahead of text that comes ten times a second.
    private const double MostSecondsBetweenRounds = 0.1;

    private const int Idle = 0;
    private const int Pausing = 1;
    private const int Busy = 2;

    private static readonly Lane _urgent = new();
    private static readonly Lane _paced = new();
    private static readonly AutoResetEvent _wake = new(false);
    private static long _nextRound;
    private static int _state = Busy;

    static StreamSender() => new Thread(Run) { Name = "stream-sender", IsBackground = true }.Start();

    /// <summary>How long after a round of so many writes the next one begins.</summary>
    public static TimeSpan PauseAfter(int numWrites, int numProcessors) => TimeSpan.FromSeconds(
        Math.Min(MostSecondsBetweenRounds, (double)numWrites / WritesPerSecondAndProcessor / numProcessors));

    /// <summary>Serves a queue soon: with the next round, or at once.</summary>
    public static void Add(EventQueue queue, bool isUrgent)
    {
        (isUrgent ? _urgent : _paced).Add(queue);
        if (Interlocked.CompareExchange(ref _state, Busy, Idle) == Idle
            || (isUrgent && Interlocked.CompareExchange(ref _state, Busy, Pausing) == Pausing))
        {
            _wake.Set();
        }
    }

    private static void Run()
    {
        while (true)
        {
            _urgent.Serve();
            long now = Stopwatch.GetTimestamp();
            if (now >= _nextRound && _paced.Serve() is var numWrites and > 0)
            {
                TimeSpan pause = PauseAfter(numWrites, Environment.ProcessorCount);
                _nextRound = now + (long)(pause.TotalSeconds * Stopwatch.Frequency);
            }
            else
            {
                Pause(now);
            }
        }
    }

    // Until something urgent comes, or the next round is due, or, with nothing to do, anything comes.
    private static void Pause(long now)
    {
        bool waitsForRound = !_paced.IsEmpty;
        Interlocked.Exchange(ref _state, waitsForRound ? Pausing : Idle);

        // What was added before that has seen a busy sender and woken nobody.
        if (_urgent.IsEmpty && waitsForRound == !_paced.IsEmpty)
        {
            _wake.WaitOne(waitsForRound
                ? (int)Math.Ceiling(Stopwatch.GetElapsedTime(now, Math.Max(now, _nextRound)).TotalMilliseconds)
                : Timeout.Infinite);
        }

        Interlocked.Exchange(ref _state, Busy);
    }

    /// <summary>Queues that wait to be served; of many, other threads of a large machine take a share.</summary>
    private sealed class Lane : IThreadPoolWorkItem
    {
        private const int QueuesPerThread = 32;

        private static readonly int _mostHelpers = (Environment.ProcessorCount / 2) - 1;

        private readonly ConcurrentQueue<EventQueue> _queues = new();
        private int _numLeft;

        public bool IsEmpty => _queues.IsEmpty;

        public void Add(EventQueue queue) => _queues.Enqueue(queue);

        /// <summary>Serves what waits now; returns how many that were.</summary>
        public int Serve()
        {
            if (_queues.IsEmpty)
            {
                return 0;
            }

            int count = _queues.Count;
            Volatile.Write(ref _numLeft, count);
            for (int i = Math.Min(_mostHelpers, (count / QueuesPerThread) - 1); i > 0; i--)
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            }

            Execute();
            return count;
        }

        public void Execute()
        {
            while (Interlocked.Decrement(ref _numLeft) >= 0 && _queues.TryDequeue(out EventQueue? queue))
            {
                queue.Serve();
            }
        }
    }
}
