using Engine.Abi.Events;
using Engine.Abi.Handles;
using Engine.Abi.Types;

namespace Engine.Abi.Api;

/// <summary>Requests that have a handle.</summary>
internal static unsafe class RequestApi
{
    /// <summary>The engine's own id of a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="outId">Takes the id.</param>
    [AbiFunction("engine_request_id")]
    public static EngineStatus Id(RequestHandleValue request, ulong* outId)
    {
        Interop.Required(outId, "out_id");
        using HandlePin<RequestObject> pin = PinOf(request);
        *outId = (ulong)pin.Target.Id;
        return EngineStatus.Ok;
    }

    /// <summary>Asks the engine to end a request, even in prefill. Its terminal event still comes. Idempotent; nothing
    /// happens to a request that has ended.</summary>
    /// <param name="request">The request.</param>
    [AbiFunction("engine_request_cancel")]
    public static EngineStatus Cancel(RequestHandleValue request)
    {
        using HandlePin<RequestObject> pin = PinOf(request);
        pin.Target.Cancel();
        return EngineStatus.Ok;
    }

    /// <summary>Waits for events of one request, submitted with ENGINE_SUBMIT_OWN_QUEUE.</summary>
    /// <param name="request">The request.</param>
    /// <param name="timeoutMs">How long to wait for the first; 0 not at all, -1 without end.</param>
    /// <param name="events">Takes the events; set struct_size of the first: it is the array's stride.</param>
    /// <param name="capacity">How many fit.</param>
    /// <param name="count">How many came; 0 if the time is over.</param>
    /// <returns>ENGINE_E_INVALID_ARGUMENT if its events go to engine_poll.</returns>
    [AbiFunction("engine_request_poll")]
    public static EngineStatus Poll(
        RequestHandleValue request, int timeoutMs, EngineEvent* events, ulong capacity, ulong* count)
    {
        using HandlePin<RequestObject> pin = PinOf(request);
        return QueueOf(pin.Target).Poll(timeoutMs, events, capacity, count);
    }

    /// <summary>A descriptor that is readable while engine_request_poll would not wait; as engine_fd.</summary>
    /// <param name="request">The request.</param>
    /// <param name="outFd">Takes the descriptor.</param>
    [AbiFunction("engine_request_fd")]
    public static EngineStatus Fd(RequestHandleValue request, int* outFd)
    {
        Interop.Required(outFd, "out_fd");
        using HandlePin<RequestObject> pin = PinOf(request);
        *outFd = QueueOf(pin.Target).Descriptor();
        return EngineStatus.Ok;
    }

    /// <summary>Lets go of a request; NULL is a no-op. One with a queue of its own is cancelled, since nobody can poll
    /// it; any other goes on.</summary>
    /// <param name="request">The request or NULL.</param>
    /// <returns>ENGINE_E_INVALID_HANDLE if it was released before.</returns>
    [AbiFunction("engine_request_release", NoError = true)]
    public static EngineStatus Release(RequestHandleValue request) =>
        HandleTable.Release(request.Value, HandleKind.Request);

    private static HandlePin<RequestObject> PinOf(RequestHandleValue handle) =>
        HandleTable.Pin<RequestObject>(handle.Value, HandleKind.Request);

    private static EventQueue QueueOf(RequestObject request) => request.OwnQueue
        ?? throw EngineException.Invalid("request", "its events go to engine_poll: it has no queue of its own");
}
