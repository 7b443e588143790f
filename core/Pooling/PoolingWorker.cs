using System.Diagnostics;
using Engine.Diagnostics;

namespace Engine.Pooling;

/// <summary>
/// Runs texts on a thread of its own, as many at once as fit a batch. Every member is safe from any thread.
/// </summary>
public sealed class PoolingWorker : IDisposable
{
    private readonly PoolingRunner _runner;
    private readonly Queue<Job> _queue = new();
    private readonly List<Job> _batch = [];
    private readonly int _maxQueueSize;
    private readonly Thread _thread;
    private readonly EngineMetrics _metrics;
    private bool _isStopping;
    private bool _isFreed;
    private long _numBatches;
    private int _numRunning;

    /// <summary>Starts the thread.</summary>
    /// <param name="model">Must outlive it.</param>
    /// <param name="options">MaxNumBatchedTokens, MaxNumSeqs and MaxQueueSize count.</param>
    /// <exception cref="EngineException">OutOfMemory.</exception>
    public PoolingWorker(PoolingModel model, EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        Model = model;
        _metrics = new EngineMetrics(model.MaxTokens);
        _maxQueueSize = options.MaxQueueSize > 0 ? options.MaxQueueSize : 16 * options.MaxNumSeqs;
        _runner = new PoolingRunner(
            model, Math.Max(options.MaxNumBatchedTokens, model.MaxTokens), Math.Max(1, options.MaxNumSeqs));
        _thread = new Thread(Run) { Name = "engine-pooling", IsBackground = true };
        _thread.Start();
    }

    /// <summary>The model.</summary>
    public PoolingModel Model { get; }

    /// <summary>Counters and histograms; what only generation has is zero.</summary>
    public EngineMetricsSnapshot Metrics
    {
        get
        {
            ObserveGauges(0);
            return _metrics.Snapshot();
        }
    }

    /// <summary>Hands a text in.</summary>
    /// <returns>Its result; a failure is an EngineException.</returns>
    /// <exception cref="EngineException">InvalidArgument names the field; Unsupported; WouldBlock if the queue is full;
    /// ShuttingDown.</exception>
    public Task<PoolingResult> SubmitAsync(PoolingRequest request, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        Model.Check(request);
        var sink = new TaskSink(cancellation);
        Submit([request], sink);
        return sink.Done.Task;
    }

    /// <summary>Takes nothing new, lets what was taken end, and ends with ShuttingDown what did not in time.
    /// Idempotent.</summary>
    /// <param name="drainTimeout">How long texts may take; infinite waits for all.</param>
    /// <returns>True if all ended by themselves.</returns>
    public bool Shutdown(TimeSpan drainTimeout)
    {
        lock (_queue)
        {
            _isStopping = true;
            Monitor.Pulse(_queue);
        }

        if (_thread.Join(drainTimeout)) return true;
        Job[] left;
        lock (_queue)
        {
            left = [.. _queue];
            _queue.Clear();
        }

        var error = new EngineException(EngineStatus.ShuttingDown, "the engine is shut down");
        foreach (Job job in left) job.Sink.OnFailed(job.Index, error);
        _thread.Join();
        return left.Length == 0;
    }

    /// <summary>Ends what waits with ShuttingDown, waits for the batch under way, and frees the memory.</summary>
    public void Dispose()
    {
        Shutdown(TimeSpan.Zero);
        if (Interlocked.Exchange(ref _isFreed, true)) return;
        _runner.Dispose();
    }

    /// <summary>Hands in texts that have been checked; all are taken or none. They count against MaxQueueSize only
    /// once they wait: room for one is room for all.</summary>
    /// <exception cref="EngineException">WouldBlock; ShuttingDown.</exception>
    internal void Submit(IReadOnlyList<PoolingRequest> requests, IPoolingSink sink)
    {
        long arrived = Stopwatch.GetTimestamp();
        List<Job> cancelled = [];
        lock (_queue)
        {
            if (_queue.Count >= _maxQueueSize) RemoveCancelled(cancelled);
        }

        Drop(cancelled);
        lock (_queue)
        {
            if (_isStopping) throw new EngineException(EngineStatus.ShuttingDown, "the engine takes no new requests");
            if (_queue.Count >= _maxQueueSize)
            {
                throw new EngineException(
                    EngineStatus.WouldBlock, $"the queue is full: {_queue.Count} texts are waiting");
            }

            for (int i = 0; i < requests.Count; i++) _queue.Enqueue(new Job(requests[i], sink, i, arrived));
            Monitor.Pulse(_queue);
        }
    }

    private void Run()
    {
        while (TakeBatch())
        {
            if (_batch.Count == 0) continue; // all were cancelled
            Volatile.Write(ref _numRunning, _batch.Count);
            try
            {
                PoolingResult[] results = _runner.Run([.. _batch.Select(job => job.Request)]);
                Interlocked.Increment(ref _numBatches);
                ObserveGauges(results.Sum(result => result.NumTokens));
                for (int i = 0; i < results.Length; i++)
                {
                    double seconds = Stopwatch.GetElapsedTime(_batch[i].Arrived).TotalSeconds;
                    _metrics.ObservePooled(results[i].NumTokens, seconds);
                    _batch[i].Sink.OnResult(_batch[i].Index, results[i]);
                }
            }
            catch (Exception e)
            {
                EngineException error = e as EngineException ?? new EngineException(
                    e is OutOfMemoryException ? EngineStatus.OutOfMemory : EngineStatus.Internal,
                    $"{e.GetType().Name}: {e.Message}", null, e);
                _batch.ForEach(job => job.Sink.OnFailed(job.Index, error));
            }

            Volatile.Write(ref _numRunning, 0);
        }
    }

    private void ObserveGauges(int numTokens)
    {
        int numWaiting;
        lock (_queue) numWaiting = _queue.Count;
        _metrics.ObserveStep(numTokens, new EngineGauges
        {
            NumRunning = Volatile.Read(ref _numRunning),
            NumWaiting = numWaiting,
            NumSteps = Interlocked.Read(ref _numBatches),
            BlockSize = 16,
        });
    }

    // Waits for work and takes what fits, in the order of arrival.
    private bool TakeBatch()
    {
        _batch.Clear();
        List<Job> cancelled = [];
        int numTokens = 0;
        bool goesOn;
        lock (_queue)
        {
            while (_queue.Count == 0 && !_isStopping) Monitor.Wait(_queue);
            while (_batch.Count < _runner.MaxTexts && _queue.TryPeek(out Job? job)
                && numTokens + job.Request.TokenIds.Count <= _runner.MaxTokens)
            {
                _queue.Dequeue();
                if (job.Sink.IsCancelled)
                {
                    cancelled.Add(job);
                    continue;
                }

                _batch.Add(job);
                numTokens += job.Request.TokenIds.Count;
            }

            goesOn = _batch.Count > 0 || !_isStopping || _queue.Count > 0;
        }

        Drop(cancelled);
        return goesOn;
    }

    private void RemoveCancelled(List<Job> removed)
    {
        for (int i = _queue.Count; i > 0; i--)
        {
            Job job = _queue.Dequeue();
            if (job.Sink.IsCancelled)
            {
                removed.Add(job);
            }
            else
            {
                _queue.Enqueue(job);
            }
        }
    }

    // Without the lock: sinks are others' code.
    private static void Drop(List<Job> cancelled)
    {
        if (cancelled.Count == 0) return;
        var error = new EngineException(EngineStatus.Cancelled, "the text was cancelled");
        cancelled.ForEach(job => job.Sink.OnFailed(job.Index, error));
    }

    private sealed record Job(PoolingRequest Request, IPoolingSink Sink, int Index, long Arrived);

    private sealed class TaskSink(CancellationToken cancellation) : IPoolingSink
    {
        public TaskCompletionSource<PoolingResult> Done { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsCancelled => cancellation.IsCancellationRequested;

        public void OnResult(int index, PoolingResult result) => Done.TrySetResult(result);

        public void OnFailed(int index, EngineException error)
        {
            if (error.Status == EngineStatus.Cancelled)
            {
                Done.TrySetCanceled(cancellation);
            }
            else
            {
                Done.TrySetException(error);
            }
        }
    }
}

/// <summary>Takes what comes of texts, on the worker's thread; must not throw.</summary>
internal interface IPoolingSink
{
    /// <summary>True if nobody wants what has not been computed yet.</summary>
    bool IsCancelled { get; }

    /// <summary>A text was computed.</summary>
    /// <param name="index">Its place among those handed in together.</param>
    /// <param name="result">What came of it.</param>
    void OnResult(int index, PoolingResult result);

    /// <summary>A text failed.</summary>
    /// <param name="index">Its place among those handed in together.</param>
    /// <param name="error">Why; Cancelled if nobody wants it any more.</param>
    void OnFailed(int index, EngineException error);
}
