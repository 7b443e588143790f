"""Engine: a serving-class LLM engine as one library. `from libengine import LLM, SamplingParams` is
vLLM's offline API without a Python runtime behind it."""

from ._lib import has_feature, version
from .async_llm import AsyncLLM
from .chat import ChatParser
from .errors import (
    BufferTooSmallError,
    CorruptDataError,
    DeviceLostError,
    EngineError,
    EngineFailedError,
    EngineIOError,
    EngineOutOfMemoryError,
    EngineTimeoutError,
    ForkedError,
    InternalError,
    InvalidArgumentError,
    InvalidHandleError,
    NotFoundError,
    QueueFullError,
    RequestCancelledError,
    ShuttingDownError,
    UnsupportedError,
)
from .llm import LLM
from .outputs import (
    BeamSearchOutput,
    BeamSearchSequence,
    ClassificationOutput,
    ClassificationRequestOutput,
    CompletionOutput,
    EmbeddingOutput,
    EmbeddingRequestOutput,
    Logprob,
    PoolingOutput,
    PoolingRequestOutput,
    RequestOutput,
    ScoringOutput,
    ScoringRequestOutput,
)
from .pooling_params import PoolingParams
from .sampling_params import BeamSearchParams, RequestOutputKind, SamplingParams, StructuredOutputsParams
from .tokenizer import Tokenizer

__version__ = version()
__all__ = [
    "AsyncLLM", "BeamSearchOutput", "BeamSearchParams", "BeamSearchSequence", "BufferTooSmallError", "ChatParser",
    "ClassificationOutput", "ClassificationRequestOutput", "CompletionOutput", "CorruptDataError", "DeviceLostError",
    "EmbeddingOutput", "EmbeddingRequestOutput", "EngineError", "EngineFailedError", "EngineIOError",
    "EngineOutOfMemoryError", "EngineTimeoutError", "ForkedError", "InternalError", "InvalidArgumentError",
    "InvalidHandleError", "LLM", "Logprob", "NotFoundError", "PoolingOutput", "PoolingParams", "PoolingRequestOutput",
    "QueueFullError", "RequestCancelledError", "RequestOutput", "RequestOutputKind", "SamplingParams", "ScoringOutput",
    "ScoringRequestOutput", "ShuttingDownError", "StructuredOutputsParams", "Tokenizer", "UnsupportedError",
    "has_feature", "version",
]
