using System.Threading.Channels;
using Engine.Hosting;

namespace Engine.Server.Http.Generation;

/// <summary>
/// Carries events from the engine's thread to the request's. Never blocks the engine: a client
/// that does not read while its stream goes on loses the request, not the server its memory.
/// </summary>
internal sealed class EventQueue : IRequestSink
{
    private readonly Channel<RequestEvent> _channel = Channel.CreateUnbounded<RequestEvent>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly int _maxBacklog;
    private int _backlog;
    private volatile bool _isReaderBlocked;
    private int _hasOverflowed;
    private Task<bool>? _pendingWait;

    /// <param name="maxBacklog">Events that may wait while the client does not read; 0 is no limit.</param>
    public EventQueue(int maxBacklog = 0) => _maxBacklog = maxBacklog;

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
        int backlog = Interlocked.Increment(ref _backlog);
        if (_maxBacklog > 0 && backlog > _maxBacklog && _isReaderBlocked
            && Interlocked.Exchange(ref _hasOverflowed, 1) == 0 && OnOverflow is { } onOverflow)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static state => state(), onOverflow, preferLocal: false);
        }

        _channel.Writer.TryWrite(e);
    }

    public bool TryRead(out RequestEvent e)
    {
        if (!_channel.Reader.TryRead(out e!))
        {
            return false;
        }

        Interlocked.Decrement(ref _backlog);
        return true;
    }

    /// <summary>True when an event is there, false after the timeout.</summary>
    public async ValueTask<bool> WaitAsync(TimeSpan timeout, CancellationToken cancellation)
    {
        if (_pendingWait is null)
        {
            ValueTask<bool> ready = _channel.Reader.WaitToReadAsync(CancellationToken.None);
            if (ready.IsCompletedSuccessfully)
            {
                return true;
            }

            _pendingWait = ready.AsTask();
        }

        try
        {
            // A wait that timed out is taken up again: the channel allows one at a time.
            await _pendingWait.WaitAsync(timeout, cancellation);
            _pendingWait = null;
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
