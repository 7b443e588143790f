"""What requests produce, with vLLM's names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    Floats = memoryview[float]
else:
    Floats = memoryview


@dataclass
class Logprob:
    """A token's log probability, its rank (1 is the best) and its text."""

    logprob: float
    rank: int | None = None
    decoded_token: str | None = None


@dataclass
class CompletionOutput:
    """One of the n outputs of a request."""

    index: int
    text: str
    token_ids: list[int]
    cumulative_logprob: float | None = None
    logprobs: list[dict[int, Logprob]] | None = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None

    def finished(self) -> bool:
        """Whether this output has ended."""
        return self.finish_reason is not None


@dataclass
class RequestOutput:
    """A request with its outputs so far."""

    request_id: str
    prompt: str | None
    prompt_token_ids: list[int] | None
    prompt_logprobs: list[dict[int, Logprob] | None] | None
    outputs: list[CompletionOutput]
    finished: bool
    metrics: Any = None
    num_cached_tokens: int | None = None


@dataclass
class BeamSearchSequence:
    """One beam."""

    tokens: list[int]
    logprobs: list[dict[int, Logprob]]
    cum_logprob: float = 0.0
    text: str | None = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None


@dataclass
class BeamSearchOutput:
    """The best beams, best first."""

    sequences: list[BeamSearchSequence] = field(default_factory=list)


@dataclass
class PoolingOutput:
    """Numbers of a text as float32: a memoryview with shape and tolist(), [tokens, width] of a token-level task, else
    [n]. numpy.asarray and torch.frombuffer take it without a copy."""

    data: Floats

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PoolingOutput) and self.data == other.data


@dataclass
class EmbeddingOutput:
    """A text's vector."""

    embedding: list[float]

    @property
    def hidden_size(self) -> int:
        """Its width."""
        return len(self.embedding)


@dataclass
class ClassificationOutput:
    """What each label got, in the order of the model's labels."""

    probs: list[float]

    @property
    def num_classes(self) -> int:
        """How many labels there are."""
        return len(self.probs)


@dataclass
class ScoringOutput:
    """How well a pair fits."""

    score: float


T = TypeVar("T")


@dataclass
class PoolingRequestOutput(Generic[T]):
    """A text with what came of it."""

    request_id: str
    outputs: T
    prompt_token_ids: list[int]
    finished: bool = True
    num_cached_tokens: int = 0


class EmbeddingRequestOutput(PoolingRequestOutput[EmbeddingOutput]):
    """What LLM.embed gives for a text."""


class ClassificationRequestOutput(PoolingRequestOutput[ClassificationOutput]):
    """What LLM.classify gives for a text."""


class ScoringRequestOutput(PoolingRequestOutput[ScoringOutput]):
    """What LLM.score gives for a pair."""
