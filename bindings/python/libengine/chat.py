"""Content, reasoning and tool calls out of a model's text, while it comes."""

from __future__ import annotations

import json
import weakref
from typing import Any, Sequence

from . import _abi
from ._lib import call, lib, new_handle


class ChatParser:
    """Reads one output. Parsers have vLLM's names, or "auto" for what the chat template shows.

    feed() and finish() return what became final, as dicts: {"kind": "content" | "reasoning" | "arguments", "text"},
    {"kind": "tool_call", "name"}; those of a call have its "index", and "id" if the model wrote one.
    """

    def __init__(
        self,
        tool_parser: str | None = None,
        reasoning_parser: str | None = None,
        tools: Sequence[dict[str, Any]] | None = None,
        prompt: str | None = None,
        chat_template: str | None = None,
    ):
        options = {
            "tool_parser": tool_parser, "reasoning_parser": reasoning_parser, "tools": tools, "prompt": prompt,
            "chat_template": chat_template}
        body = json.dumps({k: v for k, v in options.items() if v is not None}).encode()
        self._handle = new_handle(
            lib.engine_chat_parser_create, lib.engine_chat_parser_release, body, len(body))
        self._finalizer = weakref.finalize(self, self._handle.close)
        self._finalizer.atexit = False

    def feed(self, text: str | bytes) -> list[dict[str, Any]]:
        """Takes the next piece; bytes may be cut inside a character."""
        data = text.encode("utf-8", "replace") if isinstance(text, str) else text
        return _deltas(lib.engine_chat_parser_feed, self._handle.value, data, len(data))

    def finish(self) -> list[dict[str, Any]]:
        """Ends the output; gives what was held back."""
        return _deltas(lib.engine_chat_parser_finish, self._handle.value)

    def close(self) -> None:
        self._handle.close()

    def __enter__(self) -> "ChatParser":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _deltas(function: Any, *arguments: Any) -> list[dict[str, Any]]:
    handle = new_handle(function, lib.engine_json_release, *arguments)
    try:
        text, length = _abi.C.c_char_p(), _abi.C.c_uint64()
        call(lib.engine_json_text, handle.value, _abi.C.byref(text), _abi.C.byref(length))
        return json.loads(text.value or b"[]")
    finally:
        handle.close()
