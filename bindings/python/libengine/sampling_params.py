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
class StructuredOutputsParams:
    """What the output must be: exactly one of the first six.

    json: a JSON Schema, as text or as what it says. regex: a regular expression that the whole output matches.
    choice: texts of which the output is one. grammar: GBNF or EBNF. json_object: any JSON object.
    structural_tag: the JSON of a structural tag. disable_any_whitespace, whitespace_pattern: what stands between the
    tokens of JSON. disable_additional_properties: objects of json take no members but those that it names."""

    json: str | dict[str, Any] | bool | None = None
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None
    json_object: bool | None = None
    structural_tag: str | dict[str, Any] | None = None
    disable_any_whitespace: bool | None = None
    disable_additional_properties: bool | None = None
    whitespace_pattern: str | None = None

    def to_body(self) -> dict[str, Any]:
        """What is set, by the keys of the HTTP body."""
        return {item.name: getattr(self, item.name) for item in fields(self) if getattr(self, item.name) is not None}


@dataclass
class SamplingParams:
    """Parameters of one request. Ranges are checked by the library when the request is submitted: what is out of range
    raises InvalidArgumentError, whose .parameter names it.

    max_tokens: None is as many as the model takes. seed: an integer makes the output repeatable. logprobs,
    prompt_logprobs: how many of the most likely tokens to report beside each. stop: texts that end the output.
    structured_outputs: StructuredOutputsParams, or a dict of its fields. extra_args: further keys of the HTTP body."""

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
    logprob_token_ids: list[int] | None = None
    prompt_logprobs: int | None = None
    detokenize: bool = True
    skip_special_tokens: bool = True
    spaces_between_special_tokens: bool = True
    include_stop_str_in_output: bool = False
    output_kind: RequestOutputKind = RequestOutputKind.CUMULATIVE
    logit_bias: dict[int, float] | None = None
    allowed_token_ids: list[int] | None = None
    bad_words: list[str] | None = None
    structured_outputs: StructuredOutputsParams | dict[str, Any] | None = None
    typical_p: float = 1.0
    top_n_sigma: float = 0.0
    no_repeat_ngram_size: int = 0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = -1
    dry_sequence_breakers: list[str] | None = None
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    dynatemp_range: float = 0.0
    dynatemp_exponent: float = 1.0
    mirostat_mode: int = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    repetition_detection: dict[str, int] | None = None
    thinking_token_budget: int | None = None
    reasoning_parser: str | None = None
    starts_in_thought: bool = False
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
        if isinstance(self.structured_outputs, StructuredOutputsParams):
            body["structured_outputs"] = self.structured_outputs.to_body()
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
