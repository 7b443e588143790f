"""Text to ids and back, and chat templates, with the names of transformers."""

from __future__ import annotations

import json
import os
import weakref
from typing import Any, Sequence

from . import _abi
from ._lib import Handle, call, call_ids, call_text, lib, new_handle


class Tokenizer:
    """A tokenizer from a folder or file: Tokenizer(path). Safe for concurrent use."""

    def __init__(self, path: str | os.PathLike[str], *, _handle: Handle | None = None):
        if _handle is None:
            name = os.fspath(path).encode()
            _handle = new_handle(
                lib.engine_tokenizer_load, lib.engine_tokenizer_release, name, len(name))
        self._handle = _handle
        self._finalizer = weakref.finalize(self, _handle.close)
        self._finalizer.atexit = False

    @property
    def vocab_size(self) -> int:
        """Largest id + 1."""
        info = _abi.TokenizerInfo()
        info.struct_size = _abi.C.sizeof(info)
        call(lib.engine_tokenizer_get_info, self._handle.value, _abi.C.byref(info))
        return info.vocab_size

    def __len__(self) -> int:
        return self.vocab_size

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """Ids of a text."""
        data = text.encode("utf-8", "replace")
        flags = _abi.TEXT_ADD_SPECIAL if add_special_tokens else 0
        return call_ids(
            lib.engine_tokenize, self._handle.value, data, len(data), flags, guess=len(data) + 16)

    def __call__(self, text: str | Sequence[str], add_special_tokens: bool = True) -> dict[str, Any]:
        if isinstance(text, str):
            ids = self.encode(text, add_special_tokens)
            return {"input_ids": ids, "attention_mask": [1] * len(ids)}
        rows = [self.encode(item, add_special_tokens) for item in text]
        return {"input_ids": rows, "attention_mask": [[1] * len(row) for row in rows]}

    def decode(self, token_ids: int | Sequence[int], skip_special_tokens: bool = False) -> str:
        """Text of ids."""
        ids = [token_ids] if isinstance(token_ids, int) else list(token_ids)
        array = (_abi.C.c_int32 * max(len(ids), 1))(*ids)
        flags = _abi.TEXT_SKIP_SPECIAL if skip_special_tokens else 0
        return call_text(
            lib.engine_detokenize, self._handle.value, array, len(ids), flags, guess=16 * len(ids) + 64)

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> Any:
        """Ids of tokens as the file spells them; None for unknown ones."""
        if not isinstance(tokens, str):
            return [self.convert_tokens_to_ids(token) for token in tokens]
        out = _abi.C.c_int32()
        data = tokens.encode()
        status = lib.engine_token_to_id(self._handle.value, data, len(data), _abi.C.byref(out), None)
        return out.value if status == 0 else None

    def convert_ids_to_tokens(self, ids: int | Sequence[int]) -> Any:
        """Tokens as the file spells them."""
        if not isinstance(ids, int):
            return [self.convert_ids_to_tokens(item) for item in ids]
        return call_text(lib.engine_id_to_token, self._handle.value, ids, guess=256)

    def apply_chat_template(
        self,
        conversation: Sequence[dict[str, Any]],
        tools: Sequence[dict[str, Any]] | None = None,
        chat_template: str | None = None,
        add_generation_prompt: bool = False,
        tokenize: bool = True,
        **kwargs: Any,
    ) -> Any:
        """The prompt of a conversation: ids, or text with tokenize=False.

        kwargs become variables of the template, but for continue_final_message and, for the ids, add_special_tokens
        and allow_control_tokens. What messages spell never becomes a control token in the ids, unless
        allow_control_tokens=True; tokenizing the text yourself gives no such promise.
        Raises NotFoundError if there is no template, InvalidArgumentError if it refuses the conversation."""
        data = _chat_body(conversation, tools, chat_template, add_generation_prompt, kwargs)
        return self._chat_ids(data) if tokenize else self._chat_text(data)

    def render_chat(
        self,
        conversation: Sequence[dict[str, Any]],
        tools: Sequence[dict[str, Any]] | None = None,
        chat_template: str | None = None,
        add_generation_prompt: bool = False,
        **kwargs: Any,
    ) -> tuple[str, list[int]]:
        """Text and ids of a conversation's prompt; see apply_chat_template."""
        data = _chat_body(conversation, tools, chat_template, add_generation_prompt, kwargs)
        return self._chat_text(data), self._chat_ids(data)

    def _chat_text(self, data: bytes) -> str:
        return call_text(lib.engine_chat_template_apply, self._handle.value, data, len(data), guess=8192)

    def _chat_ids(self, data: bytes) -> list[int]:
        return call_ids(lib.engine_chat_tokenize, self._handle.value, data, len(data), guess=2048)

    def close(self) -> None:
        """Frees the tokenizer now."""
        self._finalizer()

    def __enter__(self) -> "Tokenizer":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _chat_body(
    conversation: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]] | None, chat_template: str | None,
    add_generation_prompt: bool, more: dict[str, Any],
) -> bytes:
    body: dict[str, Any] = dict(more)
    body.update(messages=list(conversation), add_generation_prompt=add_generation_prompt)
    if tools is not None:
        body["tools"] = list(tools)
    if chat_template is not None:
        body["chat_template"] = chat_template
    return json.dumps(body).encode()
