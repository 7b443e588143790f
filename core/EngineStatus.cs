namespace Engine;

/// <summary>Result codes, one to one with the C ABI's engine_status. Values are never renumbered.</summary>
public enum EngineStatus
{
    /// <summary>The call did what it says.</summary>
    Ok = 0,

    /// <summary>Nothing to do: no request is runnable.</summary>
    Idle = 1,

    /// <summary>A value is out of range or of the wrong shape; the error names it.</summary>
    InvalidArgument = -1,

    /// <summary>A handle is stale, released, or of another kind.</summary>
    InvalidHandle = -2,

    /// <summary>A file, model, request or key does not exist.</summary>
    NotFound = -3,

    /// <summary>The caller's buffer is too small; the size needed is returned.</summary>
    BufferTooSmall = -4,

    /// <summary>A queue is full; try again later.</summary>
    WouldBlock = -5,

    /// <summary>Host or device memory is exhausted.</summary>
    OutOfMemory = -6,

    /// <summary>The request was cancelled.</summary>
    Cancelled = -7,

    /// <summary>The wait ended without an event.</summary>
    Timeout = -8,

    /// <summary>Known but not available in this build, on this machine, or for this model.</summary>
    Unsupported = -9,

    /// <summary>A file's content is malformed; the error names file, item, expected and found.</summary>
    CorruptData = -10,

    /// <summary>Reading or writing a file or socket failed.</summary>
    Io = -11,

    /// <summary>The engine met a broken invariant or a device fault and does no more work.</summary>
    EngineFailed = -12,

    /// <summary>The engine is draining or shut down.</summary>
    ShuttingDown = -13,

    /// <summary>The process has forked since the library was initialized.</summary>
    Forked = -14,

    /// <summary>A defect: an unexpected exception, reported and contained.</summary>
    Internal = -15,

    /// <summary>The GPU or its driver failed for good: only a new process can use it again.</summary>
    DeviceLost = -16,
}

/// <summary>Questions asked of a status.</summary>
public static class EngineStatusExtensions
{
    /// <summary>True for every negative code.</summary>
    public static bool IsError(this EngineStatus status) => (int)status < 0;
}
