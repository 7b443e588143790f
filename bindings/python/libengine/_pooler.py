"""One model with one pooler of the C ABI."""

from __future__ import annotations

import ctypes as C
import json
from typing import Any, Sequence

from . import _abi
from ._lib import Handle, call, call_text, lib, new_handle
from ._model import Host
from .outputs import Floats

TASKS = {
    "embed": _abi.POOLING_EMBED,
    "classify": _abi.POOLING_CLASSIFY,
    "score": _abi.POOLING_SCORE,
    "token_embed": _abi.POOLING_TOKEN_EMBED,
    "encode": _abi.POOLING_TOKEN_EMBED,
}


class PoolingText:
    """A text as text or ids; of a pair both texts."""

    __slots__ = ("text", "token_ids", "pair", "token_type_ids")

    def __init__(
        self, text: str | None, token_ids: Sequence[int] | None, pair: str | None = None,
        token_type_ids: Sequence[int] | None = None,
    ):
        self.text, self.token_ids, self.pair, self.token_type_ids = text, token_ids, pair, token_type_ids


class Pooler(Host):
    """Threads may submit at any time."""

    def __init__(self, handles: tuple[Handle, Handle]):
        super().__init__(handles, lib.engine_pooler_create, lib.engine_pooler_release)
        info = _abi.PoolerInfo()
        info.struct_size = C.sizeof(info)
        call(lib.engine_pooler_get_info, self._engine.value, C.byref(info))
        self.embeds = bool(info.embeds)
        self.dimensions, self.max_tokens = info.dimensions, info.max_tokens
        self.labels = [
            call_text(lib.engine_pooler_label, self._engine.value, i, guess=64) for i in range(info.num_labels)]

    def submit(self, task: int, texts: Sequence[PoolingText], settings: dict[str, Any]) -> "Pooling":
        """Hands in texts."""
        inputs = (_abi.PoolingInput * len(texts))()
        keep: list[Any] = []  # What the inputs point to.
        for raw, text in zip(inputs, texts):
            _fill(raw, text, keep)
        if len(texts):
            inputs[0].struct_size = C.sizeof(_abi.PoolingInput)
        body = json.dumps(settings, allow_nan=False).encode()
        args = _abi.PoolingArgs()
        args.struct_size, args.task = C.sizeof(args), task
        args.json, args.json_len = C.cast(C.c_char_p(body), C.c_void_p), len(body)
        args.inputs, args.inputs_len = inputs, len(texts)
        return Pooling(new_handle(
            lib.engine_pooler_submit, lib.engine_pooling_release, self._engine.value, C.byref(args)), len(texts))

    def metrics(self) -> dict[str, Any]:
        """Counters and histograms under vLLM's names."""
        return json.loads(call_text(lib.engine_pooler_metrics_json, self._engine.value, guess=16384))


class Pooling:
    """Texts under way, and what came of them."""

    def __init__(self, handle: Handle, count: int):
        self._handle, self.count = handle, count

    def wait(self, timeout_ms: int) -> int:
        """How many have ended once all have or the time is over."""
        ended = C.c_uint64()
        call(lib.engine_pooling_wait, self._handle.value, timeout_ms, C.byref(ended))
        return ended.value

    def fileno(self) -> int:
        """Readable once all have ended."""
        out = C.c_int32()
        call(lib.engine_pooling_fd, self._handle.value, C.byref(out))
        return out.value

    def cancel(self) -> None:
        """Ends what has not ended."""
        call(lib.engine_pooling_cancel, self._handle.value)

    def result(self, index: int) -> tuple[Floats, list[int]]:
        """A copy of a text's numbers, [rows, columns], and its ids; raises what it failed with."""
        raw = _abi.PoolingResult()
        raw.struct_size = C.sizeof(raw)
        call(lib.engine_pooling_get_result, self._handle.value, index, C.byref(raw))
        data = C.string_at(raw.values, 4 * raw.rows * raw.columns)
        values: Floats = memoryview(data).cast("f", shape=[raw.rows, raw.columns])
        return values, raw.tokens[: raw.tokens_len] if raw.tokens_len else []

    def close(self) -> None:
        """Cancels what has not ended and frees the results."""
        self._handle.close()


def _fill(raw: Any, text: PoolingText, keep: list[Any]) -> None:
    for name, value in (("text", text.text), ("pair", text.pair)):
        if value is not None:
            data = value.encode("utf-8", "replace")
            keep.append(data)
            setattr(raw, name, C.cast(C.c_char_p(data), C.c_void_p))
            setattr(raw, name + "_len", len(data))
    if text.token_ids is not None:
        ids = (C.c_int32 * max(len(text.token_ids), 1))(*text.token_ids)
        raw.tokens, raw.tokens_len = ids, len(text.token_ids)
        keep.append(ids)
    if text.token_type_ids is not None:
        types = (C.c_int32 * max(len(text.token_type_ids), 1))(*text.token_type_ids)
        raw.token_types = types
        keep.append(types)
