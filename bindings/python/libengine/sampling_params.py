"""How to choose tokens and when to stop, with vLLM's names."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Any


class RequestOutputKind(IntEnum):
    """What AsyncLLM yields."""

    CUMULATIVE = 0
    DELTA = 1
    FINAL_ONLY = 2


@dataclass
class SamplingParams:
    """Parameters of one request. Ranges are checked by the library when the request is submitted."""

    n: int = 1
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    stop: str | list[str] | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool = False
    max_tokens: int | None = 16
    min_tokens: int = 0
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    detokenize: bool = True
    skip_special_tokens: bool = True
    spaces_between_special_tokens: bool = True
    include_stop_str_in_output: bool = False
    output_kind: RequestOutputKind = RequestOutputKind.CUMULATIVE
    logit_bias: dict[int, float] | None = None
    allowed_token_ids: list[int] | None = None
    bad_words: list[str] | None = None
    typical_p: float = 1.0
    no_repeat_ngram_size: int = 0
    speculative: bool = True
    extra_args: dict[str, Any] | None = field(default=None)

    def to_body(self) -> dict[str, Any]:
        """The settings that differ from the defaults, by the keys of the C ABI and the HTTP body."""
        body: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if value == item.default or item.name in ("output_kind", "extra_args"):
                continue
            body[item.name] = value
        if self.max_tokens is None:
            body["max_tokens"] = None
        if self.logit_bias is not None:
            body["logit_bias"] = {str(k): v for k, v in self.logit_bias.items()}
        body.update(self.extra_args or {})
        return body

    def to_json(self, **more: Any) -> bytes:
        """The body as JSON; NaN and infinity are refused here, for JSON cannot say them."""
        body = self.to_body()
        body.update(more)
        return json.dumps(body, allow_nan=False).encode()

    def clone(self) -> "SamplingParams":
        """A copy that may be changed."""
        return SamplingParams(**{item.name: getattr(self, item.name) for item in fields(self)})

    @staticmethod
    def from_optional(**settings: Any) -> "SamplingParams":
        """SamplingParams of those settings that are not None."""
        return SamplingParams(**{k: v for k, v in settings.items() if v is not None})


@dataclass
class BeamSearchParams:
    """Parameters of LLM.beam_search."""

    beam_width: int
    max_tokens: int
    ignore_eos: bool = False
    temperature: float = 0.0
    length_penalty: float = 1.0
    include_stop_str_in_output: bool = False
