using System.Diagnostics;
using Engine.Diagnostics;
using Engine.Scheduling;

namespace Engine.Hosting;

/// <summary>The engine's thread.</summary>
public sealed partial class EngineWorker
{
    private void Run()
    {
        var output = new StepOutput();
        try
        {
            while (!MayStop())
            {
                if (_cancelAll)
                {
                    CancelAll();
                }

                if (Sleeps(output))
                {
                    continue;
                }

                if (_engine.HasWork)
                {
                    StepOnce(output);
                }
                else
                {
                    _wake.WaitOne();
                }
            }
        }
#pragma warning disable CA1031 // A defect of the loop itself: everybody must be told, and the host must live.
        catch (Exception e)
#pragma warning restore CA1031
        {
            FailAll($"the engine's loop failed: {e.GetType().Name}: {e.Message}");
        }
        finally
        {
            EndOrders();
            if (_disposesRunner)
            {
                DisposeRunner();
            }

            _hasStopped.Set();
        }
    }

    /// <summary>Nothing is left, and nothing can come.</summary>
    private bool MayStop()
    {
        if (!_isDraining || !_live.IsEmpty)
        {
            return false;
        }

        // A Submit that passed the gate before draining began has put its request into _live by now.
        lock (_gate)
        {
            return _live.IsEmpty;
        }
    }

    private void StepOnce(StepOutput output)
    {
        long begun = Stopwatch.GetTimestamp();
        EngineStatus status = _engine.Step(output);
        if (status == EngineStatus.EngineFailed)
        {
            _failure ??= _engine.Failure ?? "unknown";
        }

        long started = _engine.Scheduler.NumStarted - _numStarted;
        _numStarted += started;
        Interlocked.Add(ref _numQueued, -(int)started);
        Volatile.Write(ref _lastProgress, _time.GetTimestamp());

        // Counters first: who has seen its last event finds it counted.
        PublishGauges(output.NumTokens);
        _processor.Process(output);
        _stepTicks += Stopwatch.GetTimestamp() - begun;
    }

    private void PublishGauges(int numTokens)
    {
        Scheduler scheduler = _engine.Scheduler;
        bool works = _failure == null;
        if (_engine.JumpAhead is { NumTokens: > 0 } foreseen)
        {
            _metrics.ObserveJumpAhead(foreseen.NumTokens, foreseen.NumAccepted);
        }

        if (_engine.Speculation is { } speculation)
        {
            _metrics.ObserveSpeculation(speculation);
        }

        _metrics.ObserveStep(numTokens, new EngineGauges
        {
            NumRunning = works ? scheduler.NumRunning : 0,
            NumWaiting = works ? scheduler.NumWaiting : 0,
            NumReferencedBlocks = scheduler.Cache.NumReferenced,
            NumBlocks = _runner.NumBlocks,
            BlockSize = _runner.BlockSize,
            PrefixCacheQueries = scheduler.NumPrefixQueries,
            PrefixCacheHits = scheduler.NumPrefixHits,
            NumPreemptions = scheduler.NumPreemptions,
            NumSteps = scheduler.NumSteps,
            StepSeconds = (double)_stepTicks / Stopwatch.Frequency,
            KernelSeconds = (double)_runner.KernelTicks / Stopwatch.Frequency,
        });
    }

    /// <summary>A request is about to get its terminal event.</summary>
    private void Forget(RequestRecord record)
    {
        if (record.Request.ScheduledTimestamp == null)
        {
            Interlocked.Decrement(ref _numQueued);
        }

        _live.TryRemove(record.Handle.Id, out _);
        PublishGauges(0);
    }

    private void CancelAll()
    {
        foreach (long id in _live.Keys)
        {
            _engine.Abort(id);
        }
    }

    private void FailAll(string reason)
    {
        lock (_gate)
        {
            _failure ??= reason;
        }

        _processor.FailAll(_live.Values, reason);
    }
}
