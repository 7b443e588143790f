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
from .outputs import BeamSearchOutput, BeamSearchSequence, CompletionOutput, Logprob, RequestOutput
from .sampling_params import BeamSearchParams, RequestOutputKind, SamplingParams
from .tokenizer import Tokenizer

__version__ = version()
__all__ = [
    "AsyncLLM", "BeamSearchOutput", "BeamSearchParams", "BeamSearchSequence", "BufferTooSmallError",
    "ChatParser", "CompletionOutput", "CorruptDataError", "DeviceLostError", "EngineError", "EngineFailedError", "EngineIOError",
    "EngineOutOfMemoryError", "EngineTimeoutError", "ForkedError", "InternalError",
    "InvalidArgumentError", "InvalidHandleError", "LLM", "Logprob", "NotFoundError", "QueueFullError",
    "RequestCancelledError", "RequestOutput", "RequestOutputKind", "SamplingParams",
    "ShuttingDownError", "Tokenizer", "UnsupportedError", "has_feature", "version",
]
