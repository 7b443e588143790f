# Generated from the C# sources by abi/Generator; do not edit.
"""Constants, structs, prototypes and the status table of libengine's C interface."""

import ctypes as C

ABI_VERSION = (0 << 16) | 1
VERSION = "0.1.0"

OK = 0
IDLE = 1
E_INVALID_ARGUMENT = -1
E_INVALID_HANDLE = -2
E_NOT_FOUND = -3
E_BUFFER_TOO_SMALL = -4
E_WOULD_BLOCK = -5
E_OUT_OF_MEMORY = -6
E_CANCELLED = -7
E_TIMEOUT = -8
E_UNSUPPORTED = -9
E_CORRUPT_DATA = -10
E_IO = -11
E_ENGINE_FAILED = -12
E_SHUTTING_DOWN = -13
E_FORKED = -14
E_INTERNAL = -15

PARAMS_LIBRARY = 0
PARAMS_MODEL = 1
PARAMS_ENGINE = 2
PARAMS_REQUEST = 3

EVENT_TOKEN = 0
EVENT_PROMPT = 1
EVENT_OUTPUT_FINISHED = 2
EVENT_FINISHED = 3
EVENT_FAILED = 4

FINISH_NONE = 0
FINISH_STOP = 1
FINISH_LENGTH = 2
FINISH_ABORT = 3
FINISH_ERROR = 4

LOG_OFF = 0
LOG_ERROR = 1
LOG_WARNING = 2
LOG_INFO = 3
LOG_DEBUG = 4

TEXT_NONE = 0
TEXT_ADD_SPECIAL = 1
TEXT_SKIP_SPECIAL = 2

SUBMIT_NONE = 0
SUBMIT_OWN_QUEUE = 1


# status: (exception, base, http, message)
STATUSES = {
    -1: ("InvalidArgumentError", "ValueError", 400, "an argument is out of range"),
    -2: ("InvalidHandleError", "ValueError", 500, "the handle is null, stale, released or of another kind"),
    -3: ("NotFoundError", "LookupError", 404, "a file, model, request or key does not exist"),
    -4: ("BufferTooSmallError", "BufferError", 500, "the buffer is too small; the size needed is returned"),
    -5: ("QueueFullError", "BlockingIOError", 429, "the queue is full; try again later"),
    -6: ("EngineOutOfMemoryError", "MemoryError", 503, "memory is exhausted"),
    -7: ("RequestCancelledError", "RuntimeError", 499, "the request was cancelled"),
    -8: ("EngineTimeoutError", "TimeoutError", 504, "the wait ended first"),
    -9: ("UnsupportedError", "NotImplementedError", 400, "known, but not available in this build, on this machine or for this model"),
    -10: ("CorruptDataError", "ValueError", 500, "a file's content is malformed"),
    -11: ("EngineIOError", "OSError", 500, "reading or writing failed"),
    -12: ("EngineFailedError", "RuntimeError", 503, "the engine failed and does no more work"),
    -13: ("ShuttingDownError", "RuntimeError", 503, "the engine is draining or shut down"),
    -14: ("ForkedError", "RuntimeError", 500, "the process has forked since the library was initialized"),
    -15: ("InternalError", "RuntimeError", 500, "an unexpected error, contained"),
}

# name: (result, arguments)
PROTOTYPES = {
    "engine_abi_version": (C.c_uint32, []),
    "engine_version_string": (C.c_char_p, []),
    "engine_status_name": (C.c_char_p, [C.c_int32]),
    "engine_status_message": (C.c_char_p, [C.c_int32]),
    "engine_has_feature": (C.c_int32, [C.c_char_p]),
    "engine_abi_layout_json": (C.c_int32, [C.c_void_p, C.c_uint64, C.POINTER(C.c_uint64)]),
    "engine_init": (C.c_int32, [C.c_void_p, C.POINTER(C.c_void_p)]),
    "engine_shutdown": (C.c_int32, [C.c_int32, C.POINTER(C.c_void_p)]),
    "engine_log_set_level": (C.c_int32, [C.c_int32, C.POINTER(C.c_void_p)]),
    "engine_log_drain": (C.c_int32, [C.c_void_p, C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_error_code": (C.c_int32, [C.c_void_p]),
    "engine_error_message": (C.c_char_p, [C.c_void_p]),
    "engine_error_parameter": (C.c_char_p, [C.c_void_p]),
    "engine_error_retryable": (C.c_int32, [C.c_void_p]),
    "engine_error_release": (C.c_int32, [C.c_void_p]),
    "engine_params_create": (C.c_int32, [C.c_int32, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_params_from_json": (C.c_int32, [C.c_int32, C.c_char_p, C.c_uint64, C.POINTER(C.c_void_p), C.POINTER(C.c_void_p)]),
    "engine_params_set_i64": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_int64, C.POINTER(C.c_void_p)]),
    "engine_params_set_f64": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_double, C.POINTER(C.c_void_p)]),
    "engine_params_set_bool": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_int32, C.POINTER(C.c_void_p)]),
    "engine_params_set_str": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_uint64, C.POINTER(C.c_void_p)]),
    "engine_params_set_json": (C.c_int32, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_uint64, C.POINTER(C.c_void_p)]),
    "engine_params_json": (C.c_int32, [C.c_void_p, C.c_void_p, C.c_uint64, C.POINTER(C.c_uint64), C.POINTER(C.c_void_p)]),
    "engine_params_release": (C.c_int32, [C.c_void_p]),
}
