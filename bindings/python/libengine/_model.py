"""Loads a model of the C ABI, of whichever kind it is."""

from __future__ import annotations

import ctypes as C
import os
import threading
import weakref
from typing import Any

from . import _abi
from ._lib import Handle, call, lib, new_handle, params
from ._progress import ProgressBar
from .tokenizer import Tokenizer

SLICE_MS = 100  # Blocking calls are cut up so that Ctrl-C is seen.


def load_model(path: str, settings: dict[str, Any], show_progress: bool) -> Handle:
    """Loads a model; Ctrl-C cancels the load."""
    name = os.fspath(path).encode()
    options = params(_abi.PARAMS_MODEL, settings)
    try:
        load = new_handle(
            lib.engine_load_start, lib.engine_load_release, name, len(name), options.value)
    finally:
        options.close()
    bar = ProgressBar(f"loading {path}", 0, show_progress, "B")
    try:
        progress = _abi.LoadProgress()
        progress.struct_size = C.sizeof(progress)
        while not progress.is_done:
            call(lib.engine_load_poll, load.value, SLICE_MS, C.byref(progress))
            stage = C.string_at(progress.stage).decode() if progress.stage else ""
            bar.update(progress.done_bytes, progress.total_bytes, stage)
        return new_handle(lib.engine_load_finish, lib.engine_model_release, load.value)
    finally:
        bar.close()
        load.close()


def load(path: str, settings: dict[str, Any], show_progress: bool) -> tuple[Handle, Handle]:
    """A model, and params of what runs it; some settings are both's. Bad ones are refused before anything is read."""
    own = {k: v for k, v in settings.items() if k in _abi.MODEL_KEYS}
    limits = {k: v for k, v in settings.items() if k not in _abi.MODEL_KEYS or k in _abi.ENGINE_KEYS}
    options = params(_abi.PARAMS_ENGINE, limits)
    try:
        return load_model(path, own, show_progress), options
    except BaseException:
        options.close()
        raise


def is_pooling(model: Handle) -> bool:
    """Whether a model makes vectors or scores and does not write."""
    info = _abi.ModelInfo()
    info.struct_size = C.sizeof(info)
    call(lib.engine_model_get_info, model.value, C.byref(info))
    return bool(info.is_pooling)


class Host:
    """A model with what runs it: an engine or a pooler."""

    def __init__(self, handles: tuple[Handle, Handle], create: Any, release: Any):
        self._model, options = handles
        try:
            self._engine = new_handle(create, release, self._model.value, options.value)
        except BaseException:
            self._model.close()
            raise
        finally:
            options.close()
        self._gate = threading.Lock()
        self._tokenizer: Tokenizer | None = None
        self._finalizer = weakref.finalize(self, _close, self._engine, self._model)
        self._finalizer.atexit = False

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer; NotFoundError if it has none."""
        with self._gate:
            if self._tokenizer is None:
                handle = new_handle(
                    lib.engine_model_tokenizer, lib.engine_tokenizer_release, self._model.value)
                self._tokenizer = Tokenizer("", _handle=handle)
            return self._tokenizer

    def close(self) -> None:
        """Ends everything under way and frees engine and model now."""
        if self._tokenizer is not None:
            self._tokenizer.close()
        self._finalizer()


def _close(engine: Handle, model: Handle) -> None:
    engine.close()
    model.close()
