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
    private bool _isStopping;
    private readonly EngineMetrics _metrics;
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
        var job = new Job(request, cancellation);
        lock (_queue)
        {
            if (_isStopping) throw new EngineException(EngineStatus.ShuttingDown, "the engine takes no new requests");
            if (_queue.Count >= _maxQueueSize)
            {
                throw new EngineException(
                    EngineStatus.WouldBlock, $"the queue is full: {_queue.Count} texts are waiting");
            }

            _queue.Enqueue(job);
            Monitor.Pulse(_queue);
        }

        return job.Done.Task;
    }

    /// <summary>Ends what waits with ShuttingDown, waits for the batch under way, and frees the memory.</summary>
    public void Dispose()
    {
        lock (_queue)
        {
            if (_isStopping) return;
            _isStopping = true;
            while (_queue.TryDequeue(out Job? job))
            {
                job.Done.TrySetException(new EngineException(EngineStatus.ShuttingDown, "the engine is shut down"));
            }

            Monitor.Pulse(_queue);
        }

        _thread.Join();
        _runner.Dispose();
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
                    _batch[i].Done.TrySetResult(results[i]);
                }
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                EngineException error = e as EngineException
                    ?? new EngineException(EngineStatus.Internal, $"{e.GetType().Name}: {e.Message}", null, e);
                _batch.ForEach(job => job.Done.TrySetException(error));
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
        int numTokens = 0;
        lock (_queue)
        {
            while (_queue.Count == 0 && !_isStopping) Monitor.Wait(_queue);
            while (_batch.Count < _runner.MaxTexts && _queue.TryPeek(out Job? job)
                && numTokens + job.Request.TokenIds.Count <= _runner.MaxTokens)
            {
                _queue.Dequeue();
                if (job.Cancellation.IsCancellationRequested)
                {
                    job.Done.TrySetCanceled(job.Cancellation);
                    continue;
                }

                _batch.Add(job);
                numTokens += job.Request.TokenIds.Count;
            }

            return _batch.Count > 0 || !_isStopping || _queue.Count > 0;
        }
    }

    private sealed record Job(PoolingRequest Request, CancellationToken Cancellation)
    {
        public long Arrived { get; } = Stopwatch.GetTimestamp();

        public TaskCompletionSource<PoolingResult> Done { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
