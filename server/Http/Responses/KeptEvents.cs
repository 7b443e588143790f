using System.Buffers;
using System.IO.Pipelines;
using Engine.Server.Http.Generation;

namespace Engine.Server.Http.Responses;

/// <summary>
/// The events of one stream, from the first on, for readers who come and go. A pipe to be written to; of what is
/// beyond the limit, the oldest go.
/// </summary>
/// <param name="maxBytes">Bytes that are kept.</param>
internal sealed class KeptEvents(long maxBytes) : PipeWriter
{
    private readonly Lock _lock = new();
    private readonly ArrayBufferWriter<byte> _written = new(4096);
    private readonly Queue<byte[]> _events = new();
    private TaskCompletionSource _news = NewSignal();
    private int _numGone;
    private bool _hasEnded;

    /// <summary>What they take.</summary>
    public long SizeBytes { get; private set; }

    public override void Advance(int bytes) => _written.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => _written.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => _written.GetSpan(sizeHint);

    /// <summary>Makes events of what was written.</summary>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        Take(isEnd: false);
        return default;
    }

    /// <summary>No more come.</summary>
    public override void Complete(Exception? exception = null) => Take(isEnd: true);

    public override void CancelPendingFlush()
    {
    }

    /// <summary>Answers with the events behind one, and goes on until the last.</summary>
    /// <param name="context">The reader.</param>
    /// <param name="after">Number of the last event that it has; -1 for none.</param>
    /// <param name="pingInterval">How long nothing may be sent.</param>
    /// <exception cref="ApiException">400: what follows is gone.</exception>
    public async Task StreamAsync(HttpContext context, int after, TimeSpan pingInterval)
    {
        int next = after + 1;
        lock (_lock)
        {
            if (next < _numGone)
            {
                throw ApiException.BadRequest(
                    "starting_after: the events behind it are not kept any more.", "starting_after");
            }
        }

        SseWriter.SetHeaders(context.Response);
        PipeWriter body = context.Response.BodyWriter;
        bool isOpen = true;
        while (isOpen)
        {
            Task news;
            lock (_lock)
            {
                // A reader who was too slow has come to its end.
                isOpen = next >= _numGone;
                foreach (byte[] e in isOpen ? _events.Skip(next - _numGone) : [])
                {
                    body.Write(e);
                    next++;
                }

                isOpen &= !_hasEnded;
                news = _news.Task;
            }

            FlushResult result = await body.FlushAsync(context.RequestAborted);
            if (isOpen && !result.IsCompleted && !await HasNewsAsync(news, pingInterval, context.RequestAborted))
            {
                body.Write(": ping\n\n"u8);
            }

            isOpen &= !result.IsCompleted;
        }
    }

    private static async Task<bool> HasNewsAsync(Task news, TimeSpan limit, CancellationToken cancellation)
    {
        try
        {
            await news.WaitAsync(limit, cancellation);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    // A reader that finds the end must find what came with it.
    private void Take(bool isEnd)
    {
        TaskCompletionSource news;
        lock (_lock)
        {
            ReadOnlySpan<byte> rest = _written.WrittenSpan;
            for (int end; (end = rest.IndexOf("\n\n"u8)) >= 0; rest = rest[(end + 2)..])
            {
                _events.Enqueue(rest[..(end + 2)].ToArray());
                SizeBytes += end + 34;
            }

            _written.ResetWrittenCount();
            for (; SizeBytes > maxBytes && _events.Count > 1; _numGone++)
            {
                SizeBytes -= _events.Dequeue().Length + 32;
            }

            _hasEnded |= isEnd;
            (news, _news) = (_news, NewSignal());
        }

        news.SetResult();
    }
}
