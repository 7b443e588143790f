using Engine.Scheduling;

namespace Engine.Hosting;

/// <summary>What becomes of requests under way when an engine is put to sleep.</summary>
public enum SleepMode
{
    /// <summary>They end with Abort.</summary>
    Abort = 0,

    /// <summary>They run to their end first. Later ones may run meanwhile; what is left of them is kept.</summary>
    Wait = 1,

    /// <summary>They go on after WakeUp, as if nothing had been; what their KV held is computed again.</summary>
    Keep = 2,
}

/// <summary>Sleeping: memory given back to the system while nothing is asked; requests are queued.</summary>
public sealed partial class EngineWorker
{
    /// <summary>Deepest level of Sleep.</summary>
    public const int MaxSleepLevel = 2;

    private readonly SemaphoreSlim _orders = new(1);
    private SleepOrder? _order;
    private volatile int _sleepLevel = -1;

    /// <summary>True from Sleep to WakeUp.</summary>
    public bool IsSleeping => _sleepLevel >= 0;

    /// <summary>The level it sleeps at; -1 awake.</summary>
    public int SleepLevel => _sleepLevel;

    /// <summary>
    /// Stops stepping and gives memory back until WakeUp. Requests can be submitted meanwhile; they wait, and those
    /// beyond the queue's size are refused as always.
    /// </summary>
    /// <param name="level">0 only stops; 1 frees the KV cache and what steps need; 2 frees the weights, too.</param>
    /// <param name="mode">What becomes of requests under way.</param>
    /// <param name="cancellation">Stops waiting for requests to end; the engine then stays awake.</param>
    /// <returns>Completes when it sleeps.</returns>
    /// <exception cref="EngineException">InvalidArgument; Unsupported: this engine cannot sleep so deep;
    /// ShuttingDown; EngineFailed.</exception>
    public Task SleepAsync(
        int level = 1, SleepMode mode = SleepMode.Abort, CancellationToken cancellation = default)
    {
        if (level is < 0 or > MaxSleepLevel)
        {
            throw EngineException.Invalid("level", $"must be 0 to {MaxSleepLevel}, found {level}");
        }

        if (!Enum.IsDefined(mode))
        {
            throw EngineException.Invalid("mode", "must be abort, wait or keep");
        }

        if (level > 0)
        {
            _runner.CheckCanSleep(level == MaxSleepLevel);
        }

        return OrderAsync(
            new SleepOrder
            {
                Level = level,
                Mode = mode,
                WaitFor = mode == SleepMode.Wait ? [.. _live.Keys] : [],
            },
            cancellation);
    }

    /// <summary>Takes memory again, loads what was freed, and goes on with the requests that wait.</summary>
    /// <param name="weightsOnly">Loads weights alone: it sleeps on at level 1.</param>
    /// <param name="cancellation">Stops waiting; waking up goes on.</param>
    /// <exception cref="EngineException">OutOfMemory, or what loading throws: it still sleeps, and can be woken again;
    /// ShuttingDown; EngineFailed.</exception>
    public Task WakeUpAsync(bool weightsOnly = false, CancellationToken cancellation = default) =>
        OrderAsync(new SleepOrder { Level = -1, WeightsOnly = weightsOnly }, cancellation);

    private async Task OrderAsync(SleepOrder order, CancellationToken cancellation)
    {
        await _orders.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            lock (_gate)
            {
                ThrowUnlessOpen();
                Volatile.Write(ref _order, order);
            }

            _wake.Set();
            await using (cancellation.Register(() =>
            {
                if (Interlocked.CompareExchange(ref _order, null, order) == order)
                {
                    order.Done.TrySetCanceled(cancellation);
                }
            }).ConfigureAwait(false))
            {
                await order.Done.Task.ConfigureAwait(false);
            }
        }
        finally
        {
            _orders.Release();
        }
    }

    /// <summary>Follows orders; true if there is nothing else to do because the engine sleeps.</summary>
    private bool Sleeps(StepOutput output)
    {
        if (Volatile.Read(ref _order) is { } order && IsDue(order, output)
            && Interlocked.CompareExchange(ref _order, null, order) == order)
        {
            Follow(order, output);
        }

        if (!IsSleeping)
        {
            return false;
        }

        if (_isDraining)
        {
            CancelAll();
        }

        TakeIncoming(output);
        if (!MayStop())
        {
            _wake.WaitOne();
        }

        return true;
    }

    private bool IsDue(SleepOrder order, StepOutput output)
    {
        switch (order.Mode)
        {
            case SleepMode.Wait:
                return order.WaitFor.TrueForAll(id => !_live.ContainsKey(id)) || IsSleeping;
            case SleepMode.Abort when order.Level >= 0 && _failure == null:
                CancelAll();
                TakeIncoming(output);
                return true;
            default:
                return true;
        }
    }

    private void Follow(SleepOrder order, StepOutput output)
    {
        try
        {
            if (order.Level >= 0)
            {
                FallAsleep(order.Level);
            }
            else if (IsSleeping)
            {
                _runner.WakeUp(order.WeightsOnly);
                _sleepLevel = order.WeightsOnly ? Math.Min(_sleepLevel, 1) : -1;
                Volatile.Write(ref _lastProgress, _time.GetTimestamp());
            }

            order.Done.TrySetResult();
        }
        catch (EngineException e)
        {
            if (e.Status == EngineStatus.DeviceLost)
            {
                Lose(e.Message, output);
            }

            order.Done.TrySetException(e);
        }
    }

    /// <summary>The device was lost outside of a step: nothing that waits for it can be done any more.</summary>
    private void Lose(string why, StepOutput output)
    {
        _engine.Lose(why, output);
        lock (_gate)
        {
            _failure ??= _engine.Failure;
        }

        _sleepLevel = -1;
        PublishGauges(0);
        _processor.Process(output);
    }

    private void FallAsleep(int level)
    {
        if (level > 0)
        {
            // What sequences have computed is in the blocks that are about to go.
            _engine.Scheduler.RestartRunning();
            _engine.Scheduler.Cache.ResetPrefixCache();
            _runner.Sleep(level == MaxSleepLevel);
        }

        _sleepLevel = Math.Max(_sleepLevel, level);
    }

    /// <summary>Requests come and go while no step is made.</summary>
    private void TakeIncoming(StepOutput output)
    {
        _engine.TakeIncoming(output);
        PublishGauges(0);
        _processor.Process(output);
    }

    private void EndOrders()
    {
        lock (_gate)
        {
            Interlocked.Exchange(ref _order, null)?.Done.TrySetException(
                new EngineException(EngineStatus.ShuttingDown, "the engine has stopped"));
        }
    }

    private sealed class SleepOrder
    {
        public required int Level { get; init; }

        public SleepMode Mode { get; init; }

        public bool WeightsOnly { get; init; }

        public List<long> WaitFor { get; init; } = [];

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
