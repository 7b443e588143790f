using System.Threading.Tasks.Sources;
using Engine.Hosting;

namespace Engine.Server.Http.Generation;

/// <summary>
/// Carries events from the engine's thread to the request's. Never blocks the engine: a client
/// that does not read while its stream goes on loses the request, not the server its memory.
/// </summary>
internal sealed class EventQueue : IRequestSink, IValueTaskSource<bool>, IThreadPoolWorkItem
{
    private readonly Lock _lock = new();
    private readonly int _maxBacklog;
    private readonly int _interval;
    private readonly bool _isPaced;
    private readonly bool _isStream;
    private List<RequestEvent> _incoming = [];
    private List<RequestEvent> _taken = [];
    private int _numRead;
    private ManualResetValueTaskSourceCore<bool> _wait;
    private bool _isWaiting;
    private Place _place;
    private bool _isDue;
    private bool _hasHadToken;
    private bool _isPingDue;
    private bool _hasNews;
    private bool _isCancelled;
    private volatile bool _isReaderBlocked;
    private int _hasOverflowed;

    /// <param name="maxBacklog">Events that may wait while the client does not read; 0 is no limit.</param>
    /// <param name="interval">
    /// Tokens that are handed over together; the first, and whatever is no token, do not wait. 0 leaves it to the
    /// sender, which hands over what has come when there is time for a write.
    /// </param>
    /// <param name="isStream">False if nobody reads along: the request goes on in the thread pool.</param>
    public EventQueue(int maxBacklog = 0, int interval = 1, bool isStream = true)
    {
        _maxBacklog = maxBacklog;
        _interval = Math.Max(1, interval);
        _isPaced = interval == 0;
        _isStream = isStream;
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
        Place place = Place.None;
        lock (_lock)
        {
            _incoming.Add(e);
            _hasNews = true;
            backlog = _incoming.Count;
            _isDue |= IsDue(e, backlog);
            bool isUrgent = !_isPaced || !_hasHadToken || IsTerminal(e);
            _hasHadToken |= e.Kind == RequestEventKind.Token;
            if (_isDue)
            {
                place = Move(isUrgent ? Place.Urgent : Place.Paced);
            }
        }

        Send(place);
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

    /// <summary>Runs what waits, on this thread, if something has come for it.</summary>
    public void Serve()
    {
        lock (_lock)
        {
            if (_place == Place.None)
            {
                return;
            }

            _place = Place.None;
            _isWaiting = false;
        }

        _wait.SetResult(true);
    }

    void IThreadPoolWorkItem.Execute() => Serve();

    private static bool IsTerminal(RequestEvent e) =>
        e.Kind is RequestEventKind.Finished or RequestEventKind.Failed;

    // Nothing is written of a prompt, and what follows it comes with the same step.
    private bool IsDue(RequestEvent e, int backlog) => e.Kind switch
    {
        RequestEventKind.Token => backlog >= _interval || !_hasHadToken,
        RequestEventKind.Prompt => false,
        _ => true,
    };

    private void Signal(ref bool flag)
    {
        Place place;
        lock (_lock)
        {
            flag = true;
            place = Move(Place.Urgent);
        }

        Send(place);
    }

    // Where the one that waits is to be put now; None if nobody waits or it is there already.
    private Place Move(Place place)
    {
        if (!_isWaiting || place <= _place)
        {
            return Place.None;
        }

        _place = place;
        return place;
    }

    private void Send(Place place)
    {
        if (place == Place.None)
        {
            return;
        }

        if (_isStream)
        {
            StreamSender.Add(this, place == Place.Urgent);
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
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

    // With the sender, in this order of haste.
    private enum Place
    {
        None,
        Paced,
        Urgent,
    }
}
