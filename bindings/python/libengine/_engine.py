"""One model and one engine of the C ABI, and how events become outputs."""

from __future__ import annotations

import ctypes as C
import json
from typing import Any, Iterator, Sequence

from . import _abi, errors
from ._lib import Handle, call, call_text, error_of, lib, new_handle
from ._model import SLICE_MS, Host, is_pooling, load
from ._pooler import Pooler
from .outputs import BeamSearchOutput, BeamSearchSequence, CompletionOutput, Logprob, RequestOutput
from .sampling_params import BeamSearchParams, SamplingParams

REASONS = {
    _abi.FINISH_STOP: "stop",
    _abi.FINISH_LENGTH: "length",
    _abi.FINISH_ABORT: "abort",
    _abi.FINISH_ERROR: "error",
}
SLEEP_MODES = {"abort": _abi.SLEEP_ABORT, "wait": _abi.SLEEP_WAIT, "keep": _abi.SLEEP_KEEP}
TAGS = ("weights", "kv_cache")
_BATCH = 256


def weights_only(tags: Sequence[str] | None) -> bool:
    """What vLLM's tags of wake_up mean; None is everything."""
    for tag in tags or ():
        if tag not in TAGS:
            raise errors.InvalidArgumentError(f"tags: must be of {', '.join(TAGS)}, found {tag!r}", "tags")
    return bool(tags) and "kv_cache" not in tags


class Event:
    """A copy of an engine_event, alive after the next poll."""

    __slots__ = (
        "kind", "user_tag", "request_id", "index", "token", "text", "finish_reason", "status",
        "logprobs", "tokens", "prompt_logprobs", "num_cached_tokens", "stop_reason", "parameter")

    def __init__(self, raw: _abi.Event):
        self.kind = raw.kind
        self.user_tag = raw.user_tag
        self.request_id = raw.request_id
        self.index = raw.output_index
        self.token = raw.token
        self.text = C.string_at(raw.text, raw.text_len).decode() if raw.text_len else ""
        self.finish_reason = REASONS.get(raw.finish_reason)
        self.status = raw.status
        entries = [(e.token, e.logprob, e.rank) for e in raw.logprobs[: raw.logprobs_len]] \
            if raw.logprobs_len else []
        self.logprobs = entries
        self.tokens = raw.tokens[: raw.tokens_len] if raw.tokens_len else None
        self.prompt_logprobs = None
        if raw.logprob_counts:
            self.prompt_logprobs, start = [], 0
            for count in raw.logprob_counts[: raw.tokens_len]:
                self.prompt_logprobs.append(entries[start: start + count] or None)
                start += count
        self.num_cached_tokens = raw.num_cached_tokens
        self.stop_reason: int | str | None = None if raw.stop_token < 0 else raw.stop_token
        if raw.stop_text:
            self.stop_reason = C.string_at(raw.stop_text, raw.stop_text_len).decode()
        self.parameter = C.string_at(raw.parameter).decode() if raw.parameter else None

    def error(self) -> errors.EngineError:
        """The exception of a FAILED event."""
        kind = errors.BY_STATUS.get(self.status, errors.EngineError)
        return kind(self.text, self.parameter)


class Engine(Host):
    """One model with one scheduler. Threads may submit and cancel at any time; one at a time polls."""

    def __init__(self, handles: tuple[Handle, Handle]):
        super().__init__(handles, lib.engine_create, lib.engine_release)
        self._events = (_abi.Event * _BATCH)()
        self._events[0].struct_size = C.sizeof(_abi.Event)
        self._pieces: dict[int, str] = {}

    def default_params(self) -> dict[str, Any]:
        """What generation_config.json recommends."""
        handle = new_handle(
            lib.engine_model_default_params, lib.engine_params_release, self._model.value)
        try:
            return json.loads(call_text(lib.engine_params_json, handle.value))
        finally:
            handle.close()

    def submit(self, prompt: "Prompt", sampling: SamplingParams, user_tag: int, **more: Any) -> int:
        """Hands in a request; returns the engine's id of it."""
        body = sampling.to_json(**{k: v for k, v in more.items() if v is not None})
        args = _abi.SubmitArgs()
        args.struct_size = C.sizeof(args)
        args.user_tag = user_tag
        body_buffer = C.create_string_buffer(body, len(body))
        args.json, args.json_len = C.addressof(body_buffer), len(body)
        if prompt.token_ids is not None:
            ids = (C.c_int32 * max(len(prompt.token_ids), 1))(*prompt.token_ids)
            args.tokens, args.tokens_len = ids, len(prompt.token_ids)
        else:
            text = (prompt.text or "").encode("utf-8", "replace")
            text_buffer = C.create_string_buffer(text, max(len(text), 1))
            args.prompt, args.prompt_len = C.addressof(text_buffer), len(text)
        out = C.c_uint64()
        call(lib.engine_submit, self._engine.value, C.byref(args), C.byref(out), None)
        return out.value

    def poll(self, timeout_ms: int = SLICE_MS) -> list[Event]:
        """Events, none if the time is over."""
        count, err = C.c_uint64(), C.c_void_p()
        with self._gate:
            status = lib.engine_poll(
                self._engine.value, timeout_ms, self._events, _BATCH, C.byref(count), C.byref(err))
            if status < 0:
                raise error_of(status, err)
            return [Event(self._events[i]) for i in range(count.value)]

    def cancel(self, request_id: int) -> None:
        """Ends a request; its terminal event still comes."""
        call(lib.engine_cancel, self._engine.value, request_id)

    def fileno(self) -> int:
        """Readable while poll would not wait."""
        out = C.c_int32()
        call(lib.engine_fd, self._engine.value, C.byref(out))
        return out.value

    def health(self) -> None:
        """Raises unless the engine works."""
        call(lib.engine_health, self._engine.value)

    def sleep(self, level: int = 1, mode: str = "abort", timeout_ms: int = -1) -> None:
        """Gives memory back until wake_up."""
        if mode not in SLEEP_MODES:
            raise errors.InvalidArgumentError(f"mode: must be abort, wait or keep, found {mode!r}", "mode")
        call(lib.engine_sleep, self._engine.value, level, SLEEP_MODES[mode], timeout_ms)

    def wake_up(self, weights_only: bool = False) -> None:
        """Takes memory again and goes on."""
        call(lib.engine_wake_up, self._engine.value, int(weights_only))

    def sleep_level(self) -> int:
        """How deep it sleeps; -1 awake."""
        out = C.c_int32()
        call(lib.engine_sleep_level, self._engine.value, C.byref(out))
        return out.value

    def metrics(self) -> dict[str, Any]:
        """Counters and histograms under vLLM's names."""
        return json.loads(call_text(lib.engine_metrics_json, self._engine.value, guess=16384))

    def beam_search(self, prompt: "Prompt", beams: BeamSearchParams) -> BeamSearchOutput:
        """Waits for the beams of one prompt."""
        body: dict[str, Any] = {
            "beam_width": beams.beam_width, "max_tokens": beams.max_tokens,
            "length_penalty": beams.length_penalty, "ignore_eos": beams.ignore_eos}
        if prompt.token_ids is not None:
            body["prompt_token_ids"] = list(prompt.token_ids)
        else:
            body["prompt"] = prompt.text
        data = json.dumps(body, allow_nan=False).encode()
        handle = new_handle(
            lib.engine_beam_search, lib.engine_json_release, self._engine.value, data, len(data))
        try:
            text, length = C.c_char_p(), C.c_uint64()
            call(lib.engine_json_text, handle.value, C.byref(text), C.byref(length))
            found = json.loads(text.value or b"{}")
        finally:
            handle.close()
        return BeamSearchOutput([
            BeamSearchSequence(
                found["prompt_token_ids"] + item["token_ids"], [], item["cum_logprob"], item["text"],
                item["finish_reason"])
            for item in found["sequences"]])

    def piece(self, token: int) -> str:
        """A token's text alone, as Logprob.decoded_token has it."""
        text = self._pieces.get(token)
        if text is None:
            try:
                text = self.tokenizer.decode([token])
            except errors.EngineError:
                text = ""
            self._pieces[token] = text
        return text


def open_model(path: str, show_progress: bool, **settings: Any) -> Engine | Pooler:
    """A model with what its kind needs. vLLM's older "task" stands for the runner."""
    task = settings.pop("task", None)
    if task is not None and "runner" not in settings:
        settings["runner"] = task if task in ("auto", "generate") else "pooling"
    handles = load(path, settings, show_progress)
    return Pooler(handles) if is_pooling(handles[0]) else Engine(handles)


class Prompt:
    """A prompt as text or ids, from any of the forms that generate() takes."""

    __slots__ = ("text", "token_ids")

    def __init__(self, text: str | None, token_ids: Sequence[int] | None):
        self.text, self.token_ids = text, token_ids

    @staticmethod
    def of(value: Any) -> "Prompt":
        """From str, ids, {"prompt": ...} or {"prompt_token_ids": ...}."""
        if isinstance(value, str):
            return Prompt(value, None)
        if isinstance(value, dict):
            if "prompt_token_ids" in value:
                return Prompt(value.get("prompt"), list(value["prompt_token_ids"]))
            if "prompt" in value:
                return Prompt(value["prompt"], None)
        elif isinstance(value, Sequence) and all(isinstance(item, int) for item in value):
            return Prompt(None, list(value))
        raise errors.InvalidArgumentError(
            "prompt: expected text, token ids, {'prompt'} or {'prompt_token_ids'}", "prompt")

    @staticmethod
    def many(value: Any) -> Iterator["Prompt"]:
        """From one prompt or a list of them."""
        single = isinstance(value, (str, dict)) or (
            isinstance(value, Sequence) and len(value) > 0 and isinstance(value[0], int))
        for item in [value] if single else value:
            yield Prompt.of(item)


class Collector:
    """Builds the RequestOutput of one request from its events."""

    def __init__(self, engine: Engine, request_id: str, prompt: Prompt, sampling: SamplingParams):
        self._engine = engine
        self._wants_logprobs = sampling.logprobs is not None
        self.output = RequestOutput(
            request_id, prompt.text, list(prompt.token_ids) if prompt.token_ids is not None else None,
            None, [CompletionOutput(i, "", []) for i in range(max(sampling.n, 1))], False)
        for item in self.output.outputs if self._wants_logprobs else ():
            item.logprobs, item.cumulative_logprob = [], 0.0

    def add(self, event: Event) -> bool:
        """Takes an event; True if it was the last. Raises what a FAILED event says."""
        if event.kind == _abi.EVENT_TOKEN:
            output = self.output.outputs[event.index]
            output.token_ids.append(event.token)
            output.text += event.text
            if self._wants_logprobs and event.logprobs:
                output.logprobs.append(self._logprobs(event.logprobs))
                output.cumulative_logprob += event.logprobs[0][1]
        elif event.kind == _abi.EVENT_PROMPT:
            self.output.prompt_token_ids = event.tokens or self.output.prompt_token_ids
            self.output.num_cached_tokens = event.num_cached_tokens
            if event.prompt_logprobs is not None:
                self.output.prompt_logprobs = [
                    self._logprobs(row) if row else None for row in event.prompt_logprobs]
        elif event.kind == _abi.EVENT_OUTPUT_FINISHED:
            output = self.output.outputs[event.index]
            output.text += event.text
            output.finish_reason = event.finish_reason
            output.stop_reason = event.stop_reason
        elif event.kind == _abi.EVENT_FINISHED:
            self.output.finished = True
            return True
        elif event.kind == _abi.EVENT_FAILED:
            raise event.error()
        return False

    def _logprobs(self, entries: list[tuple[int, float, int]]) -> dict[int, Logprob]:
        return {token: Logprob(value, rank, self._engine.piece(token)) for token, value, rank in entries}
