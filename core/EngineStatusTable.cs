namespace Engine;

/// <summary>How one status looks at every door.</summary>
/// <param name="Status">The code.</param>
/// <param name="HttpStatus">The HTTP server's answer.</param>
/// <param name="HttpType">error.type of the HTTP body.</param>
/// <param name="PythonException">Class name in the Python package.</param>
/// <param name="PythonBase">The built-in exception it also is.</param>
/// <param name="GoError">Sentinel of the Go module, for errors.Is.</param>
/// <param name="Message">What it means when nothing more is known.</param>
public sealed record EngineStatusRow(
    EngineStatus Status,
    int HttpStatus,
    string HttpType,
    string PythonException,
    string PythonBase,
    string GoError,
    string Message);

/// <summary>The one table from which the C ABI, the bindings and the HTTP server take their errors.</summary>
public static class EngineStatusTable
{
    /// <summary>One row per status, in the order of the enum's declaration.</summary>
    public static IReadOnlyList<EngineStatusRow> Rows { get; } =
    [
        new(EngineStatus.Ok, 200, "", "", "", "", "the call did what it says"),
        new(EngineStatus.Idle, 200, "", "", "", "", "nothing to do"),
        new(EngineStatus.InvalidArgument, 400, "BadRequestError",
            "InvalidArgumentError", "ValueError", "ErrInvalidArgument", "an argument is out of range"),
        new(EngineStatus.InvalidHandle, 500, "InternalServerError",
            "InvalidHandleError", "ValueError", "ErrInvalidHandle",
            "the handle is null, stale, released or of another kind"),
        new(EngineStatus.NotFound, 404, "NotFoundError",
            "NotFoundError", "LookupError", "ErrNotFound", "a file, model, request or key does not exist"),
        new(EngineStatus.BufferTooSmall, 500, "InternalServerError",
            "BufferTooSmallError", "BufferError", "ErrBufferTooSmall",
            "the buffer is too small; the size needed is returned"),
        new(EngineStatus.WouldBlock, 429, "RateLimitError",
            "QueueFullError", "BlockingIOError", "ErrWouldBlock", "the queue is full; try again later"),
        new(EngineStatus.OutOfMemory, 503, "ServiceUnavailableError",
            "EngineOutOfMemoryError", "MemoryError", "ErrOutOfMemory", "memory is exhausted"),
        new(EngineStatus.Cancelled, 499, "ClientClosedRequest",
            "RequestCancelledError", "RuntimeError", "ErrCancelled", "the request was cancelled"),
        new(EngineStatus.Timeout, 504, "TimeoutError",
            "EngineTimeoutError", "TimeoutError", "ErrTimeout", "the wait ended first"),
        new(EngineStatus.Unsupported, 400, "BadRequestError",
            "UnsupportedError", "NotImplementedError", "ErrUnsupported",
            "known, but not available in this build, on this machine or for this model"),
        new(EngineStatus.CorruptData, 500, "InternalServerError",
            "CorruptDataError", "ValueError", "ErrCorruptData", "a file's content is malformed"),
        new(EngineStatus.Io, 500, "InternalServerError",
            "EngineIOError", "OSError", "ErrIO", "reading or writing failed"),
        new(EngineStatus.EngineFailed, 503, "ServiceUnavailableError",
            "EngineFailedError", "RuntimeError", "ErrEngineFailed", "the engine failed and does no more work"),
        new(EngineStatus.ShuttingDown, 503, "ServiceUnavailableError",
            "ShuttingDownError", "RuntimeError", "ErrShuttingDown", "the engine is draining or shut down"),
        new(EngineStatus.Forked, 500, "InternalServerError",
            "ForkedError", "RuntimeError", "ErrForked",
            "the process has forked since the library was initialized"),
        new(EngineStatus.Internal, 500, "InternalServerError",
            "InternalError", "RuntimeError", "ErrInternal", "an unexpected error, contained"),
        new(EngineStatus.DeviceLost, 503, "ServiceUnavailableError",
            "DeviceLostError", "RuntimeError", "ErrDeviceLost",
            "the GPU or its driver failed for good; restart the process"),
    ];

    /// <summary>The row of a status; an unknown one is Internal's.</summary>
    public static EngineStatusRow Of(EngineStatus status)
    {
        foreach (EngineStatusRow row in Rows)
        {
            if (row.Status == status)
            {
                return row;
            }
        }

        return Of(EngineStatus.Internal);
    }
}
