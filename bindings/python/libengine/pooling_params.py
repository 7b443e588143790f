"""What to make of texts, with vLLM's names."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass
class PoolingParams:
    """Parameters of LLM.embed, classify, score and encode; None stands for what the model's files say.

    truncate_prompt_tokens: keeps so many tokens of a text, -1 as many as the model takes; None refuses longer ones.
    dimensions: embed: the leading part of the vector.
    normalize: embed: whether the vector is scaled to length 1.
    use_activation: classify, score: False gives the logits as they are.
    prompt_name: one of the model's prompts to put before each text ("query", "document").
    add_special_tokens: with the tokens that the tokenizer puts around a text.
    """

    truncate_prompt_tokens: int | None = None
    dimensions: int | None = None
    normalize: bool | None = None
    use_activation: bool | None = None
    prompt_name: str | None = None
    add_special_tokens: bool = True

    def to_body(self) -> dict[str, Any]:
        """The settings that differ from the defaults, by the keys of the C ABI."""
        return {
            item.name: getattr(self, item.name) for item in fields(self)
            if getattr(self, item.name) != item.default}

    def clone(self) -> "PoolingParams":
        """A copy that may be changed."""
        return PoolingParams(**{item.name: getattr(self, item.name) for item in fields(self)})
