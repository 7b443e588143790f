using Engine.Abi.Handles;
using Engine.Hosting;

namespace Engine.Abi.Api;

/// <summary>Engines that give memory back while nothing is asked of them.</summary>
internal static unsafe class SleepApi
{
    /// <summary>Stops stepping and gives memory back until engine_wake_up; returns when the engine sleeps. Requests may
    /// be submitted meanwhile: they wait. Sleeping deeper than before is fine.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="level">0 frees nothing, 1 the KV cache and what steps need, 2 the weights, too.</param>
    /// <param name="mode">What becomes of requests under way.</param>
    /// <param name="timeoutMs">How long it may take, which with ENGINE_SLEEP_WAIT is as long as requests run; -1 without
    /// end.</param>
    /// <returns>ENGINE_E_TIMEOUT if requests still run: the engine stays awake. ENGINE_E_UNSUPPORTED if it cannot sleep
    /// so deep.</returns>
    [AbiFunction("engine_sleep")]
    public static EngineStatus Sleep(EngineHandle engine, int level, SleepMode mode, int timeoutMs)
    {
        using HandlePin<EngineObject> pin = EngineApi.PinOf(engine);
        using CancellationTokenSource limit = timeoutMs < 0 ? new() : new(timeoutMs);
        try
        {
            pin.Target.Worker.SleepAsync(level, mode, limit.Token).GetAwaiter().GetResult();
            return EngineStatus.Ok;
        }
        catch (OperationCanceledException e)
        {
            throw new EngineException(
                EngineStatus.Timeout, $"requests run for longer than {timeoutMs} ms", "timeout_ms", e);
        }
    }

    /// <summary>Takes memory again, loads what was freed, and goes on with the requests that wait; returns when that is
    /// done. An engine that is awake stays as it is.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="weightsOnly">1 loads the weights alone: it sleeps on at level 1.</param>
    /// <returns>ENGINE_E_OUT_OF_MEMORY, or what loading fails with: the engine sleeps on and can be woken
    /// again.</returns>
    [AbiFunction("engine_wake_up")]
    public static EngineStatus WakeUp(EngineHandle engine, int weightsOnly)
    {
        if (weightsOnly is not (0 or 1))
        {
            throw EngineException.Invalid("weights_only", $"must be 0 or 1, found {weightsOnly}");
        }

        using HandlePin<EngineObject> pin = EngineApi.PinOf(engine);
        pin.Target.Worker.WakeUpAsync(weightsOnly == 1).GetAwaiter().GetResult();
        return EngineStatus.Ok;
    }

    /// <summary>How deep an engine sleeps.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="outLevel">Takes 0, 1 or 2; -1 if it is awake.</param>
    [AbiFunction("engine_sleep_level")]
    public static EngineStatus Level(EngineHandle engine, int* outLevel)
    {
        Interop.Required(outLevel, "out_level");
        using HandlePin<EngineObject> pin = EngineApi.PinOf(engine);
        *outLevel = pin.Target.Worker.SleepLevel;
        return EngineStatus.Ok;
    }
}
