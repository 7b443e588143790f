using System.Collections.Concurrent;
using Engine.Diagnostics;
using Engine.Scheduling;
using Engine.Tokenization;

namespace Engine.Hosting;

/// <summary>One scheduler on its own thread. Every member is safe to call from any thread at any time.</summary>
public sealed partial class EngineWorker : IDisposable
{
    private readonly IModelRunner _runner;
    private readonly TimeProvider _time;
    private readonly InferenceEngine _engine;
    private readonly EngineMetrics _metrics;
    private readonly OutputProcessor _processor;
    private readonly RequestAdmission _admission;
    private readonly ConcurrentDictionary<long, RequestRecord> _live = new();
    private readonly int _maxQueueSize;

    // Guards the decision to take a request against the decision to stop.
    private readonly Lock _gate = new();
    private readonly AutoResetEvent _wake = new(false);
    private readonly ManualResetEventSlim _hasStopped = new(false);
    private readonly Thread _thread;
    private int _numQueued;
    private long _lastProgress;
    private long _numStarted;
    private long _stepTicks;
    private volatile bool _isDraining;
    private volatile bool _cancelAll;
    private volatile string? _failure;
    private volatile bool _disposesRunner;
    private int _runnerIsDisposed;

    /// <summary>Starts the thread.</summary>
    /// <param name="runner">Computes steps; owned by the worker from here on.</param>
    /// <param name="tokenizer">Text to ids and back; null takes and gives ids alone.</param>
    /// <param name="model">What must be known of the model.</param>
    /// <param name="options">Every limit.</param>
    /// <exception cref="EngineException">InvalidArgument names the option.</exception>
    public EngineWorker(IModelRunner runner, ITokenizer? tokenizer, ModelInfo model, EngineOptions options)
        : this(runner, tokenizer, model, options, TimeProvider.System)
    {
    }

    /// <summary>Starts an engine on a loaded model, which must outlive it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Every limit.</param>
    /// <exception cref="EngineException">InvalidArgument names the option; OutOfMemory.</exception>
    public EngineWorker(LoadedModel model, EngineOptions options)
        : this(Checked(model).CreateRunner(options), model.Tokenizer, model.Info, options)
    {
    }

    internal EngineWorker(
        IModelRunner runner, ITokenizer? tokenizer, ModelInfo model, EngineOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        _runner = runner;
        _time = time;
        _engine = new InferenceEngine(runner, options, time);
        Tokenizer = tokenizer;
        Model = model with
        {
            MaxModelLen = Math.Min(model.MaxModelLen, _engine.MaxModelLen),
            VocabSize = Math.Min(model.VocabSize, runner.VocabSize),
        };
        Options = options;
        _maxQueueSize = options.MaxQueueSize > 0 ? options.MaxQueueSize : 4 * options.MaxNumSeqs;
        _metrics = new EngineMetrics(Model.MaxModelLen);
        _processor = new OutputProcessor(_engine, _metrics, time) { Ended = Forget };
        _admission = new RequestAdmission(tokenizer, Model, options, runner);
        _lastProgress = time.GetTimestamp();
        PublishGauges(0);
        _thread = new Thread(Run) { Name = "engine-step", IsBackground = true };
        _thread.Start();
    }

    /// <summary>What must be known of the model; MaxModelLen is the one in force.</summary>
    public ModelInfo Model { get; }

    /// <summary>Text to ids and back, or null.</summary>
    public ITokenizer? Tokenizer { get; }

    /// <summary>Every limit.</summary>
    public EngineOptions Options { get; }

    /// <summary>Requests submitted that have not ended.</summary>
    public int NumLive => _live.Count;

    /// <summary>Counters and histograms.</summary>
    public EngineMetricsSnapshot Metrics => _metrics.Snapshot();

    /// <summary>Failed, stalled, draining or healthy. Never waits for the engine.</summary>
    public EngineHealth Health
    {
        get
        {
            if (_failure is string failure)
            {
                return new EngineHealth(EngineHealthState.Failed, failure, FailureStatus);
            }

            TimeSpan since = _time.GetElapsedTime(Volatile.Read(ref _lastProgress));
            if (!_live.IsEmpty && !IsSleeping && since.TotalSeconds > Options.StallThresholdSeconds)
            {
                return new EngineHealth(
                    EngineHealthState.Stalled,
                    $"work is pending and no step has ended for {(long)since.TotalSeconds} s");
            }

            return _isDraining
                ? new EngineHealth(EngineHealthState.Draining, "the engine takes no new requests")
                : new EngineHealth(EngineHealthState.Healthy, null);
        }
    }

    /// <summary>Hands a request to the engine. Tokenizes on the calling thread.</summary>
    /// <param name="request">The prompt and how to continue it.</param>
    /// <param name="sink">Takes its events, on the engine's thread: Prompt, Token ..., OutputFinished for each
    /// output, then exactly one of Finished or Failed. Must not block or throw; the first event may come before Submit
    /// returns.</param>
    /// <exception cref="EngineException">InvalidArgument names the field; WouldBlock if the queue is full;
    /// ShuttingDown; EngineFailed; DeviceLost. No event follows.</exception>
    public RequestHandle Submit(GenerationRequest request, IRequestSink sink)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        ThrowUnlessOpen();
        _admission.Validate(request);
        if (Interlocked.Increment(ref _numQueued) > _maxQueueSize)
        {
            Interlocked.Decrement(ref _numQueued);
            throw new EngineException(
                EngineStatus.WouldBlock, $"the queue is full: {_maxQueueSize} requests are waiting");
        }

        try
        {
            int[] ids = _admission.Tokenize(request);
            RequestRecord record = _admission.Create(this, request, sink, ids, _time.GetTimestamp());
            Enqueue(record);
            return record.Handle;
        }
        catch
        {
            Interlocked.Decrement(ref _numQueued);
            throw;
        }
    }

    /// <summary>Ends a request: its outputs with Abort, then it is Finished. Idempotent.</summary>
    public void Cancel(RequestHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        Cancel(handle.Id);
    }

    /// <summary>The same by id; false if no such request is under way.</summary>
    public bool Cancel(long id)
    {
        if (!_live.ContainsKey(id))
        {
            return false;
        }

        _engine.Abort(id);
        _wake.Set();
        return true;
    }

    /// <summary>Forgets all cached prefixes.</summary>
    /// <param name="restartRunning">Running requests give up their KV too and compute it again.</param>
    public void ResetPrefixCache(bool restartRunning = false)
    {
        _engine.ResetPrefixCache(restartRunning);
        _wake.Set();
    }

    /// <summary>
    /// Takes nothing new, lets requests end for up to drainTimeout, then cancels what is left and stops the thread.
    /// Idempotent. Called from a sink it does not wait.
    /// </summary>
    /// <returns>True if all requests ended by themselves.</returns>
    public bool Shutdown(TimeSpan drainTimeout)
    {
        lock (_gate)
        {
            _isDraining = true;
        }

        _wake.Set();
        if (Thread.CurrentThread == _thread)
        {
            // Called from a sink: nobody else can make the steps that it would wait for.
            _cancelAll = true;
            return false;
        }

        TimeSpan drain = drainTimeout < TimeSpan.Zero ? TimeSpan.Zero : drainTimeout;
        if (_hasStopped.Wait(drain.TotalMilliseconds > int.MaxValue ? TimeSpan.FromDays(24) : drain))
        {
            return !_cancelAll && _failure == null;
        }

        _cancelAll = true;
        _wake.Set();

        // A step that hangs is left behind: its thread is a background one.
        _hasStopped.Wait(TimeSpan.FromSeconds(10));
        return false;
    }

    /// <summary>
    /// Shutdown without drain, and frees the runner. Waits for the step under way, however long it takes: it uses the
    /// model's memory, which the caller is about to free. From a sink the thread frees the runner when it ends.
    /// </summary>
    public void Dispose()
    {
        _disposesRunner = true;
        Shutdown(TimeSpan.Zero);
        if (Thread.CurrentThread != _thread)
        {
            _thread.Join();
            DisposeRunner();
        }
    }

    private static LoadedModel Checked(LoadedModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model;
    }

    private EngineStatus FailureStatus =>
        _engine.FailureStatus == EngineStatus.DeviceLost ? EngineStatus.DeviceLost : EngineStatus.EngineFailed;

    private void DisposeRunner()
    {
        if (Interlocked.Exchange(ref _runnerIsDisposed, 1) == 0)
        {
            _runner.Dispose();
        }
    }

    private void ThrowUnlessOpen()
    {
        if (_failure is string failure)
        {
            throw new EngineException(FailureStatus, $"the engine has failed: {failure}");
        }

        if (_isDraining)
        {
            throw new EngineException(EngineStatus.ShuttingDown, "the engine takes no new requests");
        }
    }

    private void Enqueue(RequestRecord record)
    {
        lock (_gate)
        {
            ThrowUnlessOpen();
            if (_live.IsEmpty)
            {
                Volatile.Write(ref _lastProgress, _time.GetTimestamp());
            }

            _live[record.Handle.Id] = record;
            try
            {
                _engine.Submit(record.Request);
            }
            catch
            {
                _live.TryRemove(record.Handle.Id, out _);
                throw;
            }
        }

        _wake.Set();
    }
}
