"""Loads libengine, checks that it is the library this package was made for, and wraps its calls."""

from __future__ import annotations

import ctypes as C
import json
import os
import threading
from typing import Any, Callable

from . import _abi, errors

SONAME = "libengine.so.0"


def _path() -> str:
    """ENGINE_LIB, else beside this file (wheel), else lib/ of the installed tree; always absolute."""
    chosen = os.environ.get("ENGINE_LIB")
    if chosen:
        return os.path.abspath(chosen)
    here = os.path.dirname(os.path.abspath(__file__))
    beside = os.path.join(here, SONAME)
    tree = os.path.join(os.path.dirname(os.path.dirname(here)), "lib", SONAME)
    for path in (beside, tree):
        if os.path.exists(path):
            return path
    raise ImportError(f"{SONAME} is neither at {beside} nor at {tree}; set ENGINE_LIB to its path")


def _load() -> C.CDLL:
    path = _path()
    library = C.CDLL(path)
    for name, (result, arguments) in _abi.PROTOTYPES.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(f"{path} has no {name}: it is older than this package") from None
        function.restype = result
        function.argtypes = arguments
    found = library.engine_abi_version()
    if found >> 16 != _abi.ABI_VERSION >> 16:
        raise ImportError(f"{path} has ABI version {found >> 16}, expected {_abi.ABI_VERSION >> 16}")
    _check_layout(library, path)
    return library


def _check_layout(library: C.CDLL, path: str) -> None:
    """A library may know longer structs than this package; what both know must agree."""
    layout = json.loads(read_bytes(library.engine_abi_layout_json).decode())
    structs = {s["name"]: s["offsets"] for s in layout["structs"]}
    for name, offsets in structs.items():
        ours = getattr(_abi, "".join(w.capitalize() for w in name.split("_")[1:]), None)
        if ours is None:
            continue
        for field, _ in ours._fields_:
            if offsets.get(field) != getattr(ours, field).offset:
                raise ImportError(f"{path}: {name}.{field} is not where this package expects it")


def read_bytes(call: Callable[..., int], *arguments: Any, guess: int = 4096) -> bytes:
    """Calls a function that fills (buffer, capacity, length), again with more room if need be."""
    length = C.c_uint64()
    while True:
        buffer = C.create_string_buffer(max(guess, 1))
        status = call(*arguments, buffer, guess, C.byref(length))
        if status == _abi.E_BUFFER_TOO_SMALL and length.value > guess:
            guess = length.value
            continue
        if status < 0:
            raise error_of(status, None)
        return buffer.raw[: length.value]


def error_of(status: int, err: C.c_void_p | None) -> errors.EngineError:
    """The exception of a failed call; takes and releases the error object."""
    kind = errors.BY_STATUS.get(status, errors.EngineError)
    if err is None or not err.value:
        message = lib.engine_status_message(status).decode()
        return kind(message)
    message = lib.engine_error_message(err).decode("utf-8", "replace")
    parameter = lib.engine_error_parameter(err)
    retryable = bool(lib.engine_error_retryable(err))
    lib.engine_error_release(err)
    return kind(message, parameter.decode("utf-8", "replace") if parameter else None, retryable)


def call(function: Callable[..., int], *arguments: Any) -> int:
    """Calls a function with a trailing engine_error **; raises on failure."""
    err = C.c_void_p()
    status = function(*arguments, C.byref(err))
    if status < 0:
        raise error_of(status, err)
    return status


def call_text(function: Callable[..., int], *arguments: Any, guess: int = 4096) -> str:
    """The same for functions that fill a text buffer before the engine_error **."""
    return _call_buffer(function, arguments, C.c_char, guess).raw.decode()


def call_ids(function: Callable[..., int], *arguments: Any, guess: int = 1024) -> list[int]:
    """The same for functions that fill a buffer of ids."""
    return list(_call_buffer(function, arguments, C.c_int32, guess))


def _call_buffer(function: Callable[..., int], arguments: tuple, kind: Any, guess: int) -> Any:
    length = C.c_uint64()
    while True:
        buffer = (kind * max(guess, 1))()
        err = C.c_void_p()
        status = function(*arguments, buffer, guess, C.byref(length), C.byref(err))
        if status == _abi.E_BUFFER_TOO_SMALL and length.value > guess:
            lib.engine_error_release(err)
            guess = length.value
            continue
        if status < 0:
            raise error_of(status, err)
        return (kind * length.value).from_buffer_copy(buffer, 0) if length.value else (kind * 0)()


class Handle:
    """An owned handle. close() releases it once; interpreter exit needs no call, and gets none."""

    def __init__(self, value: C.c_void_p, release: Callable[[Any], int]):
        self._value: int | None = value.value
        self._release = release
        self._lock = threading.Lock()
        self._pid = os.getpid()

    @property
    def value(self) -> int:
        if self._value is None:
            raise errors.InvalidHandleError("closed")
        return self._value

    def close(self) -> None:
        with self._lock:
            value, self._value = self._value, None
        if value is not None and os.getpid() == self._pid:
            self._release(value)


def new_handle(function: Callable[..., int], release: Callable[[Any], int], *arguments: Any) -> Handle:
    """Calls a function that makes a handle, its last argument before the engine_error **."""
    out = C.c_void_p()
    call(function, *arguments, C.byref(out))
    return Handle(out, release)


def params(kind: int, settings: dict[str, Any]) -> Handle:
    """Params of a kind from keyword settings; None stands for the default."""
    body = json.dumps({k: v for k, v in settings.items() if v is not None}, allow_nan=False).encode()
    return new_handle(
        lib.engine_params_from_json, lib.engine_params_release, kind, body, len(body))


def version() -> str:
    """The library's version."""
    return lib.engine_version_string().decode()


def has_feature(name: str) -> bool:
    """Whether this build has a feature, such as "lora"."""
    return bool(lib.engine_has_feature(name.encode()))


lib = _load()
