"""The online API: AsyncLLM on asyncio."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any, AsyncIterator

from . import errors
from ._engine import Collector, Engine, Event, Prompt
from .outputs import CompletionOutput, RequestOutput
from .sampling_params import RequestOutputKind, SamplingParams
from .tokenizer import Tokenizer


class AsyncLLM:
    """A model for asyncio; mirrors vLLM's AsyncLLM. Use one from one event loop. No threads: the loop
    watches the engine's descriptor."""

    def __init__(self, model: str, *, use_tqdm: bool = False, **settings: Any):
        self._engine = Engine(model, use_tqdm, **settings)
        self._queues: dict[int, asyncio.Queue[Event]] = {}
        self._requests: dict[str, set[int]] = {}
        self._ids = itertools.count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fd = -1

    async def generate(
        self,
        prompt: Any,
        sampling_params: SamplingParams | None = None,
        request_id: str | None = None,
        *,
        priority: int = 0,
        add_special_tokens: bool = True,
    ) -> AsyncIterator[RequestOutput]:
        """Yields the request's output as it grows (CUMULATIVE), what is new (DELTA), or once at the end
        (FINAL_ONLY). Leaving the loop, or cancelling its task, cancels the request."""
        sampling = sampling_params or SamplingParams.from_optional(**self._engine.default_params())
        parsed = Prompt.of(prompt)
        self._watch()
        tag = next(self._ids)
        name = request_id if request_id is not None else str(tag)
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._queues[tag] = queue
        try:
            request = self._engine.submit(
                parsed, sampling, tag, priority=priority or None, request_id=request_id,
                add_special_tokens=None if add_special_tokens else False)
        except BaseException:
            del self._queues[tag]
            raise
        self._requests.setdefault(name, set()).add(request)
        collector = Collector(self._engine, name, parsed, sampling)
        finished = False
        try:
            while not finished:
                before = [(len(o.text), len(o.token_ids)) for o in collector.output.outputs]
                changed = False
                event = await queue.get()
                while True:
                    finished = collector.add(event)
                    changed = changed or finished or event.text != "" or event.token >= 0
                    if finished or queue.empty():
                        break
                    event = queue.get_nowait()
                if finished or (changed and sampling.output_kind != RequestOutputKind.FINAL_ONLY):
                    yield _view(collector.output, before, sampling.output_kind)
        finally:
            if not finished:
                self._engine.cancel(request)
            self._queues.pop(tag, None)
            self._requests[name].discard(request)
            if not self._requests[name]:
                del self._requests[name]

    async def chat(
        self, messages: Any, sampling_params: SamplingParams | None = None,
        request_id: str | None = None, **template: Any,
    ) -> AsyncIterator[RequestOutput]:
        """As generate, for a conversation through the model's chat template."""
        template.setdefault("add_generation_prompt", True)
        text = self._engine.tokenizer.apply_chat_template(messages, tokenize=False, **template)
        async for output in self.generate(
                text, sampling_params, request_id, add_special_tokens=False):
            yield output

    async def abort(self, request_id: str) -> None:
        """Ends the requests of that name; their outputs finish with reason "abort"."""
        for request in list(self._requests.get(request_id, ())):
            self._engine.cancel(request)

    async def check_health(self) -> None:
        """Raises unless the engine works."""
        self._engine.health()

    async def get_tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        return self._engine.tokenizer

    def shutdown(self) -> None:
        """Ends all requests and frees engine and model now."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
        self._loop = None
        self._engine.close()

    async def __aenter__(self) -> "AsyncLLM":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.shutdown()

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        if self._loop is not None and not self._loop.is_closed():
            raise errors.InvalidArgumentError("an AsyncLLM belongs to one event loop")
        self._fd = self._engine.fileno()
        loop.add_reader(self._fd, self._drain)
        self._loop = loop

    def _drain(self) -> None:
        for event in self._engine.poll(0):
            queue = self._queues.get(event.user_tag)
            if queue is not None:
                queue.put_nowait(event)


def _view(output: RequestOutput, before: list[tuple[int, int]], kind: RequestOutputKind) -> RequestOutput:
    """A copy that later events do not change."""
    items = []
    for item, (text, tokens) in zip(output.outputs, before):
        if kind != RequestOutputKind.DELTA:
            text = tokens = 0
        items.append(CompletionOutput(
            item.index, item.text[text:], item.token_ids[tokens:], item.cumulative_logprob,
            item.logprobs[tokens:] if item.logprobs is not None else None, item.finish_reason,
            item.stop_reason))
    return RequestOutput(
        output.request_id, output.prompt, output.prompt_token_ids, output.prompt_logprobs, items,
        output.finished, output.metrics, output.num_cached_tokens)
