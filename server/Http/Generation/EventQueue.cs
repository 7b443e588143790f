using System.Threading.Tasks.Sources;
using Engine.Hosting;

namespace Engine.Server.Http.Generation;

/// <summary>
/// Carries events from the engine's thread to the request's. Never blocks the engine: a client
/// that does not read while its stream goes on loses the request, not the server its memory.
/// </summary>
internal sealed class EventQueue : IRequestSink, IValueTaskSource<bool>
{
    private readonly Lock _lock = new();
    private readonly int _maxBacklog;
    private readonly int _interval;
    private List<RequestEvent> _incoming = [];
    private List<RequestEvent> _taken = [];
    private int _numRead;
    private ManualResetValueTaskSourceCore<bool> _wait;
    private bool _isWaiting;
    private bool _isDue;
    private bool _hasHadToken;
    private bool _isPingDue;
    private bool _hasNews;
    private bool _isCancelled;
    private volatile bool _isReaderBlocked;
    private int _hasOverflowed;

    /// <param name="maxBacklog">Events that may wait while the client does not read; 0 is no limit.</param>
    /// <param name="interval">
    /// Tokens that are handed over together; the first, and whatever is no token, do not wait.
    /// </param>
    public EventQueue(int maxBacklog = 0, int interval = 1)
    {
        _maxBacklog = maxBacklog;
        _interval = interval;
    }

    /// <summary>Called once, on a pool thread, when more events wait than may.</summary>
    public Action? OnOverflow { get; set; }

    /// <summary>True once the client has been given up.</summary>
    public bool HasOverflowed => Volatile.Read(ref _hasOverflowed) != 0;

    /// <summary>Set around a write that waits for the client.</summary>
    public bool IsReaderBlocked
    {
        set => _isReaderBlocked = value;
    }

    public void OnEvent(RequestEvent e)
    {
        int backlog;
        bool wakes;
        lock (_lock)
        {
            _incoming.Add(e);
            _hasNews = true;
            backlog = _incoming.Count;
            _isDue |= backlog >= _interval || !_hasHadToken || e.Kind != RequestEventKind.Token;
            _hasHadToken |= e.Kind == RequestEventKind.Token;
            wakes = _isDue && TakeWaiter();
        }

        if (wakes)
        {
            EventWaker.Wake(this);
        }

        if (_maxBacklog > 0 && backlog > _maxBacklog && _isReaderBlocked
            && Interlocked.Exchange(ref _hasOverflowed, 1) == 0 && OnOverflow is { } onOverflow)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static state => state(), onOverflow, preferLocal: false);
        }
    }

    /// <summary>The next event, if one is there.</summary>
    public bool TryRead(out RequestEvent e)
    {
        if (_numRead == _taken.Count)
        {
            _taken.Clear();
            _numRead = 0;
            lock (_lock)
            {
                (_incoming, _taken) = (_taken, _incoming);
                _isDue = false;
            }

            if (_taken.Count == 0)
            {
                e = null!;
                return false;
            }
        }

        e = _taken[_numRead++];
        return true;
    }

    /// <summary>True when an event is there, false when a ping is due. One caller at a time.</summary>
    /// <exception cref="OperationCanceledException">Cancel was called.</exception>
    public ValueTask<bool> WaitAsync()
    {
        lock (_lock)
        {
            if (IsReady())
            {
                return new ValueTask<bool>(Outcome());
            }

            _wait.Reset();
            _isWaiting = true;
            return new ValueTask<bool>(this, _wait.Version);
        }
    }

    /// <summary>A wait under way, or the next one, returns false, if nothing has come since the last call.</summary>
    public void Ping()
    {
        if (!Interlocked.Exchange(ref _hasNews, false))
        {
            Signal(ref _isPingDue);
        }
    }

    /// <summary>All waits throw from now on.</summary>
    public void Cancel() => Signal(ref _isCancelled);

    bool IValueTaskSource<bool>.GetResult(short token)
    {
        _wait.GetResult(token);
        lock (_lock)
        {
            return Outcome();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wait.OnCompleted(continuation, state, token, flags);

    /// <summary>Runs what waits, on this thread.</summary>
    internal void Complete() => _wait.SetResult(true);

    private void Signal(ref bool flag)
    {
        bool wakes;
        lock (_lock)
        {
            flag = true;
            wakes = TakeWaiter();
        }

        if (wakes)
        {
            EventWaker.Wake(this);
        }
    }

    private bool TakeWaiter()
    {
        bool wasWaiting = _isWaiting;
        _isWaiting = false;
        return wasWaiting;
    }

    private bool IsReady() => _isCancelled || _isPingDue || _isDue || _numRead < _taken.Count;

    private bool Outcome()
    {
        if (_isCancelled)
        {
            throw new OperationCanceledException();
        }

        bool isPing = _isPingDue && _incoming.Count == 0 && _numRead == _taken.Count;
        _isPingDue = false;
        return !isPing;
    }
}
