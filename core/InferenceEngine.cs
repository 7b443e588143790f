using Engine.Diagnostics;
using Engine.Hosting;
using Engine.KvCache;
using Engine.Scheduling;
using Engine.Speculation;

namespace Engine;

/// <summary>
/// Submit, Abort, Step: the loop. Submit and Abort are safe from any thread and take effect at the next Step;
/// everything else belongs to the thread that steps.
/// </summary>
public sealed class InferenceEngine
{
    private readonly Lock _lock = new();
    private readonly Scheduler _scheduler;
    private readonly IModelRunner _runner;
    private readonly TimeProvider _time;
    private readonly DraftPolicy? _drafts;
    private readonly SampledTokens _sampledTokens;
    private readonly Dictionary<long, Request> _requests = [];
    private List<Command> _incoming = [];
    private List<Command> _draining = [];

    /// <summary>Creates an engine over a runner.</summary>
    /// <param name="runner">Computes steps; not owned.</param>
    /// <param name="options">Every limit.</param>
    /// <param name="time">A clock; null is the system's.</param>
    public InferenceEngine(IModelRunner runner, EngineOptions options, TimeProvider? time = null)
        : this(runner, options, time, null)
    {
    }

    internal InferenceEngine(
        IModelRunner runner, EngineOptions options, TimeProvider? time, BlockHash? hash)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(options);
        Check(options.MaxNumSeqs, 1, 65536, "max_num_seqs");
        Check(options.MaxNumBatchedTokens, 1, 1 << 24, "max_num_batched_tokens");
        Check(runner.BlockSize, 1, 1 << 16, "block_size");
        Check(runner.NumBlocks, 1, 1 << 28, "num_blocks");
        Check(options.MaxModelLen ?? 1, 1, int.MaxValue, "max_model_len");
        _runner = runner;
        MaxModelLen = Math.Min(runner.MaxModelLen, options.MaxModelLen ?? int.MaxValue);
        var cache = new KvCacheManager(
            runner.NumBlocks, runner.BlockSize, MaxModelLen, options.MaxNumSeqs,
            options.EnablePrefixCaching, hash);
        _time = time ?? TimeProvider.System;
        _drafts = runner.Proposer is { } proposer ? new DraftPolicy(proposer, options.Speculative) : null;
        JumpAhead = runner.VerifiesDrafts ? new GrammarDrafts() : null;
        _scheduler = new Scheduler(cache, options, runner.VocabSize, _time, _drafts, JumpAhead);
        int given = JumpAhead is null ? 0 : GrammarDrafts.MaxTokens;
        _sampledTokens = new SampledTokens(
            options.MaxNumSeqs, 1 + Math.Max(given, runner.Proposer?.MaxDraftTokens ?? 0));
    }

    /// <summary>Longest prompt plus output.</summary>
    public int MaxModelLen { get; }

    /// <summary>Why the engine does no more work; null while it does.</summary>
    public string? Failure { get; private set; }

    /// <summary>EngineFailed, or DeviceLost where the device is gone for good; Ok while it works.</summary>
    public EngineStatus FailureStatus { get; private set; }

    /// <summary>True if a Step would do something.</summary>
    public bool HasWork
    {
        get
        {
            lock (_lock)
            {
                return _incoming.Count > 0 || (Failure == null && _scheduler.HasWork);
            }
        }
    }

    internal Scheduler Scheduler => _scheduler;

    /// <summary>Drafts from grammars; null if the runner takes none.</summary>
    internal GrammarDrafts? JumpAhead { get; }

    /// <summary>What came of drafts; null without speculation.</summary>
    internal SpeculationStatistics? Speculation => _drafts?.Statistics;

    /// <summary>Queues a request for the next Step.</summary>
    /// <exception cref="EngineException">InvalidArgument: it could never run.</exception>
    public void Submit(Request request)
    {
        ArgumentNullException.ThrowIfNull(request);
        Sequence sequence = request.Sequences[0];
        int room = request.Sampling.MaxTokens == 0 ? 0 : 1;
        if (sequence.NumPromptTokens > MaxModelLen - room)
        {
            throw EngineException.Invalid(
                "prompt", $"{sequence.NumPromptTokens} tokens and room for {room} more exceed the model's "
                    + $"length of {MaxModelLen}");
        }

        KvCacheManager cache = _scheduler.Cache;
        int needed = cache.NumBlocksFor(sequence.MaxComputedTokens);
        if (needed > cache.NumBlocks)
        {
            bool promptFits = cache.NumBlocksFor(sequence.NumPromptTokens) <= cache.NumBlocks;
            throw EngineException.Invalid(
                promptFits ? "max_tokens" : "prompt",
                $"{sequence.NumPromptTokens} tokens of prompt and what may follow need {needed} KV blocks of "
                    + $"{_runner.BlockSize} tokens; the pool has {cache.NumBlocks}");
        }

        Enqueue(new Command(CommandKind.Submit, request, request.Id));
    }

    /// <summary>Ends a request at the next Step; unknown and ended ids are ignored.</summary>
    public void Abort(long requestId) => Enqueue(new Command(CommandKind.Abort, null, requestId));

    /// <summary>Forgets all cached prefixes at the next Step.</summary>
    /// <param name="restartRunning">Running requests give up their KV too and compute it again.</param>
    public void ResetPrefixCache(bool restartRunning = false) => Enqueue(new Command(
        restartRunning ? CommandKind.RestartRunning : CommandKind.ResetPrefixCache, null, 0));

    /// <summary>
    /// Ends one output now, between steps (a stop string was found in its text); no item of output follows.
    /// </summary>
    public void Stop(Sequence sequence)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        _scheduler.Finish(sequence, FinishReason.Stop);
        Forget(sequence);
    }

    /// <summary>Ends a request now with an error that is its own; items of output follow in the given one.</summary>
    internal void Fail(Request request, EngineStatus status, string message, StepOutput output)
    {
        _scheduler.FailRequest(request, status, message, output);
        _requests.Remove(request.Id);
    }

    /// <summary>The device was lost outside of a step: every request ends so, and no step is made again.</summary>
    internal void Lose(string why, StepOutput output)
    {
        output.Clear();
        Poison($"the device failed ({EngineStatus.DeviceLost}): {why}", output, EngineStatus.DeviceLost);
    }

    /// <summary>Takes what was submitted and ends what was aborted, without a step; output says what ended.</summary>
    internal void TakeIncoming(StepOutput output)
    {
        output.Clear();
        if (Failure == null)
        {
            DrainCommands(output);
            foreach (ref readonly StepOutputItem item in output.Items)
            {
                Forget(item.Sequence);
            }
        }
    }

    /// <summary>Runs one step: schedule, execute, commit.</summary>
    /// <param name="output">What happened; also filled when the step fails.</param>
    /// <returns>Ok; Idle if nothing is runnable; EngineFailed if the engine does no more work, in which case every
    /// request has ended with an error (FailureStatus).</returns>
    public EngineStatus Step(StepOutput output)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.Clear();
        if (Failure != null)
        {
            return Poison(Failure, output, FailureStatus);
        }

        try
        {
            return StepOnce(output);
        }
#pragma warning disable CA1031 // Whatever a runner throws is a defect: contained here, reported, and final.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            string kind = exception is InvariantException ? "broken invariant" : exception.GetType().Name;
            return Poison($"{kind}: {exception.Message}", output);
        }
    }

    private EngineStatus StepOnce(StepOutput output)
    {
        DrainCommands(output);
        StepPlan plan = _scheduler.Schedule();
        if (plan.IsEmpty)
        {
            return output.Items.Length > 0 || _scheduler.HasWork ? EngineStatus.Ok : EngineStatus.Idle;
        }

        _sampledTokens.Clear(plan.NumSequences);
        long start = _drafts == null ? 0 : _time.GetTimestamp();
        EngineStatus status = _runner.Execute(plan, _sampledTokens);
        if (status == EngineStatus.OutOfMemory)
        {
            _scheduler.ShrinkBudget(plan, _runner.LastError, output);
        }
        else if (status.IsError())
        {
            _scheduler.Rollback(plan);
            return Poison(
                $"the device failed ({status}): {_runner.LastError ?? "no reason given"}", output,
                status == EngineStatus.DeviceLost ? status : EngineStatus.EngineFailed);
        }
        else
        {
            _drafts?.ObserveStep(plan, _time.GetElapsedTime(start).TotalSeconds);
            _scheduler.Commit(plan, _sampledTokens, output);
        }

        foreach (ref readonly StepOutputItem item in output.Items)
        {
            Forget(item.Sequence);
        }

        return EngineStatus.Ok;
    }

    private void DrainCommands(StepOutput output)
    {
        if (!TakeCommands())
        {
            return;
        }

        foreach (Command command in _draining)
        {
            switch (command.Kind)
            {
                case CommandKind.Submit:
                    _requests.Add(command.RequestId, command.Request!);
                    _scheduler.Add(command.Request!);
                    break;
                case CommandKind.Abort:
                    if (_requests.Remove(command.RequestId, out Request? request))
                    {
                        _scheduler.Abort(request, output);
                    }

                    break;
                case CommandKind.RestartRunning:
                    _scheduler.RestartRunning();
                    _scheduler.Cache.ResetPrefixCache();
                    break;
                default:
                    _scheduler.Cache.ResetPrefixCache();
                    break;
            }
        }

        _draining.Clear();
    }

    private bool TakeCommands()
    {
        lock (_lock)
        {
            if (_incoming.Count == 0)
            {
                return false;
            }

            (_incoming, _draining) = (_draining, _incoming);
            return true;
        }
    }

    /// <summary>Ends everything without touching the scheduler, whose state may be what broke.</summary>
    private EngineStatus Poison(
        string reason, StepOutput output, EngineStatus status = EngineStatus.EngineFailed)
    {
        Failure = reason;
        FailureStatus = status;
        foreach (Request request in _requests.Values)
        {
            FailOutputs(request, status, reason, output);
        }

        _requests.Clear();
        do
        {
            foreach (Command command in _draining)
            {
                FailOutputs(command.Request, status, reason, output);
            }

            _draining.Clear();
        }
        while (TakeCommands());

        return EngineStatus.EngineFailed;
    }

    private static void FailOutputs(
        Request? request, EngineStatus status, string reason, StepOutput output)
    {
        foreach (Sequence sequence in request == null ? default : request.Sequences)
        {
            if (!sequence.IsFinished)
            {
                sequence.State = SequenceState.Finished;
                sequence.FinishReason = FinishReason.Error;
                (sequence.SamplerState as IDisposable)?.Dispose();
                sequence.SamplerState = null;
                output.Add(new StepOutputItem(
                    sequence, -1, null, null, FinishReason.Error, -1, status, reason));
            }
        }
    }

    private void Forget(Sequence sequence)
    {
        if (sequence.Request.NumUnfinished == 0)
        {
            _requests.Remove(sequence.RequestId);
        }
    }

    private void Enqueue(Command command)
    {
        lock (_lock)
        {
            _incoming.Add(command);
        }
    }

    private static void Check(int value, int low, int high, string name)
    {
        if (value < low || value > high)
        {
            throw EngineException.Invalid(name, $"{value} is outside of {low} to {high}");
        }
    }

    private enum CommandKind
    {
        Submit,
        Abort,
        ResetPrefixCache,
        RestartRunning,
    }

    private readonly record struct Command(CommandKind Kind, Request? Request, long RequestId);
}
