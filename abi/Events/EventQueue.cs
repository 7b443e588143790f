using Engine.Abi.Types;
using Engine.Hosting;

namespace Engine.Abi.Events;

/// <summary>
/// Events on their way to the caller. The engine's thread adds, any thread polls. Nothing is dropped: what
/// can pile up is bounded by the tokens that the admitted requests may still produce.
/// </summary>
internal sealed unsafe class EventQueue : IRequestSink, IDisposable
{
    private const int MaxEventsPerPoll = 1024;

    private readonly object _gate = new();
    private readonly Queue<RequestEvent> _events = new();
    private readonly RequestEvent[] _batch = new RequestEvent[MaxEventsPerPoll];
    private readonly EventWriter _writer = new();
    private EventFd? _fd;
    private bool _isClosed;
    private int _wakes;

    /// <summary>Takes an event; called on the engine's thread.</summary>
    public void OnEvent(RequestEvent e)
    {
        lock (_gate)
        {
            _events.Enqueue(e);
            if (_events.Count == 1)
            {
                Signal();
            }
        }
    }

    /// <summary>Makes a waiting poll return, or the next one if none waits.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            _wakes++;
            Signal();
        }
    }

    /// <summary>Polls return what is left and then ShuttingDown.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            Signal();
        }
    }

    /// <summary>The descriptor that is readable while events wait.</summary>
    public int Descriptor()
    {
        lock (_gate)
        {
            _fd ??= new EventFd();
            _fd.Set(HasNews);
            return _fd.Descriptor;
        }
    }

    /// <summary>Waits for events and hands out as many as fit.</summary>
    public EngineStatus Poll(int timeoutMs, EngineEvent* events, ulong capacity, ulong* count)
    {
        Interop.Required(count, "count");
        Interop.Required(events, "events");
        uint stride = events->StructSize;
        if (capacity == 0 || stride < sizeof(ulong) || stride > 4096 || stride % sizeof(ulong) != 0)
        {
            throw EngineException.Invalid(
                capacity == 0 ? "capacity" : "events.struct_size",
                capacity == 0 ? "must be at least 1" : $"{stride} is not a struct's size");
        }

        int batch;
        lock (_gate)
        {
            Wait(timeoutMs);
            batch = (int)Math.Min(Math.Min((ulong)_events.Count, capacity), MaxEventsPerPoll);
            if (batch == 0 && _isClosed)
            {
                return EngineStatus.ShuttingDown;
            }

            WriteOut(batch, events, stride);
            _fd?.Set(HasNews);
        }

        *count = (ulong)batch;
        return EngineStatus.Ok;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
            _fd?.Dispose();
            _writer.Dispose();
            Monitor.PulseAll(_gate);
        }
    }

    private bool HasNews => _events.Count > 0 || _isClosed || _wakes > 0;

    private void Signal()
    {
        _fd?.Set(true);
        Monitor.PulseAll(_gate);
    }

    private void Wait(int timeoutMs)
    {
        long deadline = Environment.TickCount64 + timeoutMs;
        while (!HasNews)
        {
            if (timeoutMs < 0)
            {
                Monitor.Wait(_gate);
                continue;
            }

            long left = deadline - Environment.TickCount64;
            if (left <= 0)
            {
                break;
            }

            Monitor.Wait(_gate, (int)left);
        }

        if (_events.Count == 0 && _wakes > 0)
        {
            _wakes--;
        }
    }

    private void WriteOut(int batch, EngineEvent* events, uint stride)
    {
        for (int i = 0; i < batch; i++)
        {
            _batch[i] = _events.Dequeue();
        }

        _writer.Begin(_batch.AsSpan(0, batch));
        for (int i = 0; i < batch; i++)
        {
            _writer.Write(_batch[i], (EngineEvent*)((byte*)events + ((long)i * stride)), stride);
        }

        _batch.AsSpan(0, batch).Clear();
    }
}
