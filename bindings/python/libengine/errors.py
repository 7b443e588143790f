# Generated from the C# sources by abi/Generator; do not edit.
"""The exceptions of libengine, one per status; each is a built-in exception too."""

from __future__ import annotations


class EngineError(Exception):
    """What a call of the library failed with."""

    status: int = 0
    http_status: int = 500

    def __init__(self, message: str, parameter: str | None = None, retryable: bool = False):
        super().__init__(message)
        self.message = message
        self.parameter = parameter
        self.retryable = retryable


class InvalidArgumentError(EngineError, ValueError):
    """An argument is out of range."""

    status = -1
    http_status = 400


class InvalidHandleError(EngineError, ValueError):
    """The handle is null, stale, released or of another kind."""

    status = -2
    http_status = 500


class NotFoundError(EngineError, LookupError):
    """A file, model, request or key does not exist."""

    status = -3
    http_status = 404


class BufferTooSmallError(EngineError, BufferError):
    """The buffer is too small; the size needed is returned."""

    status = -4
    http_status = 500


class QueueFullError(EngineError, BlockingIOError):
    """The queue is full; try again later."""

    status = -5
    http_status = 429


class EngineOutOfMemoryError(EngineError, MemoryError):
    """Memory is exhausted."""

    status = -6
    http_status = 503


class RequestCancelledError(EngineError, RuntimeError):
    """The request was cancelled."""

    status = -7
    http_status = 499


class EngineTimeoutError(EngineError, TimeoutError):
    """The wait ended first."""

    status = -8
    http_status = 504


class UnsupportedError(EngineError, NotImplementedError):
    """Known, but not available in this build, on this machine or for this model."""

    status = -9
    http_status = 400


class CorruptDataError(EngineError, ValueError):
    """A file's content is malformed."""

    status = -10
    http_status = 500


class EngineIOError(EngineError, OSError):
    """Reading or writing failed."""

    status = -11
    http_status = 500


class EngineFailedError(EngineError, RuntimeError):
    """The engine failed and does no more work."""

    status = -12
    http_status = 503


class ShuttingDownError(EngineError, RuntimeError):
    """The engine is draining or shut down."""

    status = -13
    http_status = 503


class ForkedError(EngineError, RuntimeError):
    """The process has forked since the library was initialized."""

    status = -14
    http_status = 500


class InternalError(EngineError, RuntimeError):
    """An unexpected error, contained."""

    status = -15
    http_status = 500


class DeviceLostError(EngineError, RuntimeError):
    """The GPU or its driver failed for good; restart the process."""

    status = -16
    http_status = 503


BY_STATUS: dict[int, type[EngineError]] = {
    -1: InvalidArgumentError,
    -2: InvalidHandleError,
    -3: NotFoundError,
    -4: BufferTooSmallError,
    -5: QueueFullError,
    -6: EngineOutOfMemoryError,
    -7: RequestCancelledError,
    -8: EngineTimeoutError,
    -9: UnsupportedError,
    -10: CorruptDataError,
    -11: EngineIOError,
    -12: EngineFailedError,
    -13: ShuttingDownError,
    -14: ForkedError,
    -15: InternalError,
    -16: DeviceLostError,
}
