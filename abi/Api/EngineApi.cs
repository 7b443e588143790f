using System.Text.Json;
using Engine.Abi.Events;
using Engine.Abi.Handles;
using Engine.Abi.Params;
using Engine.Abi.Types;
using Engine.Diagnostics;
using Engine.Hosting;

namespace Engine.Abi.Api;

/// <summary>Engines.</summary>
internal static unsafe class EngineApi
{
    /// <summary>Makes an engine: one scheduler on a thread of its own, with its own KV cache.</summary>
    /// <param name="model">The model; it may be released right after.</param>
    /// <param name="parameters">Params of kind ENGINE, or NULL.</param>
    /// <param name="outEngine">Takes the engine; release it.</param>
    [AbiFunction("engine_create")]
    public static EngineStatus Create(ModelHandle model, ParamsHandle parameters, EngineHandle* outEngine)
    {
        Interop.Required(outEngine, "out_engine");
        using HandlePin<ModelObject> pin = ModelApi.PinOf(model);
        var engine = new EngineObject(pin.Target, Options(parameters));
        try
        {
            *outEngine = new EngineHandle(HandleTable.Publish(engine));
        }
        catch
        {
            engine.DestroyAndUnlink();
            throw;
        }

        Log.Write(LogLevel.Info, "engine started");
        return EngineStatus.Ok;
    }

    /// <summary>Hands a request to the engine and returns at once. Text is tokenized on the calling thread.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="args">The request; set struct_size.</param>
    /// <param name="outId">Takes the engine's own id of the request, or NULL.</param>
    /// <param name="outRequest">Takes a handle to release, or NULL if none is wanted.</param>
    /// <returns>ENGINE_E_WOULD_BLOCK if the queue is full: try again later. No event follows an error.</returns>
    [AbiFunction("engine_submit")]
    public static EngineStatus Submit(
        EngineHandle engine, [In] SubmitArgs* args, ulong* outId, RequestHandleValue* outRequest)
    {
        using HandlePin<EngineObject> pin = PinOf(engine);
        SubmitArgs value = Interop.ReadStruct<SubmitArgs>(args, "args");
        bool own = value.Flags switch
        {
            SubmitFlags.None => false,
            SubmitFlags.OwnQueue when outRequest is not null => true,
            SubmitFlags.OwnQueue => throw EngineException.Invalid(
                "out_request", "is null, so that nobody could poll the request's own queue"),
            _ => throw EngineException.Invalid("args.flags", $"{(int)value.Flags} has unknown flags"),
        };
        GenerationRequest request = Read(value);
        RequestObject? target = outRequest is null ? null : new RequestObject(pin.Target, own);
        long id;
        try
        {
            RequestHandle submitted = pin.Target.Worker.Submit(request, target?.OwnQueue ?? pin.Target.Queue);
            id = submitted.Id;
            if (target is not null)
            {
                target.Request = submitted;
                *outRequest = new RequestHandleValue(HandleTable.Publish(target));
            }
        }
        catch
        {
            target?.Request?.Cancel();
            target?.DestroyAndUnlink();
            throw;
        }

        if (outId is not null)
        {
            *outId = (ulong)id;
        }

        return EngineStatus.Ok;
    }

    /// <summary>Waits for events of the engine's requests, but for those with a queue of their own. What the events
    /// point to lives until the next poll of this engine: let one thread poll, or copy under a lock.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="timeoutMs">How long to wait for the first; 0 not at all, -1 without end.</param>
    /// <param name="events">Takes the events; set struct_size of the first: it is the array's stride.</param>
    /// <param name="capacity">How many fit.</param>
    /// <param name="count">How many came; 0 if the time is over or engine_wake was called.</param>
    /// <returns>ENGINE_E_SHUTTING_DOWN if the engine is released meanwhile.</returns>
    [AbiFunction("engine_poll")]
    public static EngineStatus Poll(
        EngineHandle engine, int timeoutMs, EngineEvent* events, ulong capacity, ulong* count)
    {
        using HandlePin<EngineObject> pin = PinOf(engine);
        return pin.Target.Queue.Poll(timeoutMs, events, capacity, count);
    }

    /// <summary>Makes the engine_poll that waits, or else the next one, return.</summary>
    /// <param name="engine">The engine.</param>
    [AbiFunction("engine_wake")]
    public static EngineStatus Wake(EngineHandle engine)
    {
        using HandlePin<EngineObject> pin = PinOf(engine);
        pin.Target.Queue.Wake();
        return EngineStatus.Ok;
    }

    /// <summary>A descriptor that is readable while engine_poll would not wait (level-triggered; an eventfd). It
    /// belongs to the engine: never read or close it.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="outFd">Takes the descriptor.</param>
    [AbiFunction("engine_fd")]
    public static EngineStatus Fd(EngineHandle engine, int* outFd)
    {
        Interop.Required(outFd, "out_fd");
        using HandlePin<EngineObject> pin = PinOf(engine);
        *outFd = pin.Target.Queue.Descriptor();
        return EngineStatus.Ok;
    }

    /// <summary>Asks the engine to end a request by its id. Idempotent; unknown ids and ended requests are
    /// no error.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="requestId">What engine_submit gave.</param>
    [AbiFunction("engine_cancel")]
    public static EngineStatus Cancel(EngineHandle engine, ulong requestId)
    {
        using HandlePin<EngineObject> pin = PinOf(engine);
        if (requestId <= long.MaxValue)
        {
            pin.Target.Worker.Cancel((long)requestId);
        }

        return EngineStatus.Ok;
    }

    /// <summary>Whether the engine works.</summary>
    /// <param name="engine">The engine.</param>
    /// <returns>ENGINE_E_ENGINE_FAILED if it failed, ENGINE_E_DEVICE_LOST if its GPU did, ENGINE_E_TIMEOUT if work is
    /// pending and no step ends, ENGINE_E_SHUTTING_DOWN if it drains.</returns>
    [AbiFunction("engine_health")]
    public static EngineStatus Health(EngineHandle engine)
    {
        using HandlePin<EngineObject> pin = PinOf(engine);
        EngineHealth health = pin.Target.Worker.Health;
        EngineStatus status = health.State switch
        {
            EngineHealthState.Healthy => EngineStatus.Ok,
            EngineHealthState.Stalled => EngineStatus.Timeout,
            EngineHealthState.Failed => health.Status,
            _ => EngineStatus.ShuttingDown,
        };
        return health.Message is null || !status.IsError()
            ? status
            : throw new EngineException(status, health.Message);
    }

    /// <summary>Takes nothing new, lets running requests end, cancels the rest and stops the thread.
    /// Idempotent.</summary>
    /// <param name="engine">The engine; it is still to be polled to the end and released.</param>
    /// <param name="timeoutMs">How long requests may take to end; 0 cancels at once, -1 waits for all.</param>
    /// <returns>ENGINE_E_TIMEOUT if requests had to be cancelled.</returns>
    [AbiFunction("engine_stop")]
    public static EngineStatus Stop(EngineHandle engine, int timeoutMs)
    {
        using HandlePin<EngineObject> pin = PinOf(engine);
        return pin.Target.Stop(Lifetime.DrainTime(timeoutMs)) ? EngineStatus.Ok : EngineStatus.Timeout;
    }

    /// <summary>Lets go of an engine; NULL is a no-op. It is freed, its remaining requests cancelled, once
    /// the handles of
    /// its requests are released too.</summary>
    /// <param name="engine">The engine or NULL.</param>
    /// <returns>ENGINE_E_INVALID_HANDLE if it was released before.</returns>
    [AbiFunction("engine_release", NoError = true)]
    public static EngineStatus Release(EngineHandle engine) =>
        HandleTable.Release(engine.Value, HandleKind.Engine);

    public static HandlePin<EngineObject> PinOf(EngineHandle handle) =>
        HandleTable.Pin<EngineObject>(handle.Value, HandleKind.Engine);

    public static EngineOptions Options(ParamsHandle parameters)
    {
        if (parameters.Value == 0)
        {
            return OptionsReader.Engine(null);
        }

        using HandlePin<ParamSet> pin = ParamsApi.PinOf(parameters, ParamsKind.Engine);
        return OptionsReader.Engine(pin.Target);
    }

    private static GenerationRequest Read(SubmitArgs args)
    {
        if (args.Params.Value != 0 && args.Json is not null)
        {
            throw EngineException.Invalid("args.json", "given beside params");
        }

        Dictionary<string, JsonElement> values = [];
        if (args.Params.Value != 0)
        {
            using HandlePin<ParamSet> pin = ParamsApi.PinOf(args.Params, ParamsKind.Request);
            values = pin.Target.Snapshot();
        }
        else if (args.Json is not null)
        {
            ReadOnlySpan<byte> json = Interop.Bytes(args.Json, args.JsonLen, "args.json");
            values = ParamSet.FromJson(ParamsKind.Request, json).Snapshot();
        }

        return RequestReader.Read(
            values,
            args.Prompt is null ? null : Interop.Text(args.Prompt, args.PromptLen, "prompt"),
            args.Tokens is null ? null : Interop.Ids(args.Tokens, args.TokensLen, "prompt_token_ids"),
            args.UserTag);
    }
}
