"""The online API: AsyncLLM on asyncio."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any, AsyncIterator, Sequence

from . import errors
from ._engine import Collector, Engine, Event, Prompt, open_model, weights_only
from ._pooler import TASKS, Pooler, PoolingText
from .outputs import CompletionOutput, PoolingOutput, PoolingRequestOutput, RequestOutput
from .pooling_params import PoolingParams
from .sampling_params import RequestOutputKind, SamplingParams
from .tokenizer import Tokenizer


class AsyncLLM:
    """A model for asyncio; mirrors vLLM's AsyncLLM. Use one from one event loop. No threads: the loop
    watches the engine's descriptor."""

    def __init__(self, model: str, *, use_tqdm: bool = False, **settings: Any):
        self._host = open_model(model, use_tqdm, **settings)
        self._queues: dict[int, asyncio.Queue[Event]] = {}
        self._requests: dict[str, set[int]] = {}
        self._ids = itertools.count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fd = -1

    @property
    def _engine(self) -> Engine:
        if isinstance(self._host, Engine):
            return self._host
        raise errors.UnsupportedError("the model makes vectors or scores of texts, it does not write: use encode", "model")

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
        text, ids = self._engine.tokenizer.render_chat(messages, **template)
        prompt = {"prompt": text, "prompt_token_ids": ids}
        async for output in self.generate(prompt, sampling_params, request_id):
            yield output

    async def encode(
        self,
        prompt: Any,
        pooling_params: PoolingParams | None = None,
        request_id: str | None = None,
        *,
        pooling_task: str = "token_embed",
    ) -> AsyncIterator[PoolingRequestOutput[PoolingOutput]]:
        """Yields the numbers of a text once: LLM.encode has their shapes; "score" takes a pair (text, text). Leaving
        the loop, or cancelling its task, cancels the text."""
        if not isinstance(self._host, Pooler):
            raise errors.UnsupportedError("the model writes: make it with runner=\"pooling\"", "model")
        if pooling_task not in TASKS:
            raise errors.InvalidArgumentError(f"pooling_task: expected one of {', '.join(TASKS)}", "pooling_task")
        if pooling_task == "score":
            text = PoolingText(prompt[0], None, prompt[1])
        else:
            parsed = Prompt.of(prompt)
            text = PoolingText(None if parsed.token_ids is not None else parsed.text, parsed.token_ids)
        pooling = self._host.submit(TASKS[pooling_task], [text], (pooling_params or PoolingParams()).to_body())
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        descriptor = pooling.fileno()
        loop.add_reader(descriptor, lambda: ended.done() or ended.set_result(None))
        try:
            try:
                await ended
            finally:
                loop.remove_reader(descriptor)
            values, ids = pooling.result(0)
        finally:
            pooling.close()
        if TASKS[pooling_task] != TASKS["token_embed"]:
            values = values.cast("B").cast("f")
        yield PoolingRequestOutput(
            request_id if request_id is not None else str(next(self._ids)), PoolingOutput(values), ids)

    async def abort(self, request_id: str) -> None:
        """Ends the requests of that name; their outputs finish with reason "abort"."""
        for request in list(self._requests.get(request_id, ())):
            self._engine.cancel(request)

    async def check_health(self) -> None:
        """Raises unless the engine works."""
        if isinstance(self._host, Engine):
            self._host.health()

    async def sleep(self, level: int = 1, mode: str = "abort") -> None:
        """As LLM.sleep; requests that come meanwhile wait."""
        await asyncio.to_thread(self._engine.sleep, level, mode)

    async def wake_up(self, tags: Sequence[str] | None = None) -> None:
        """As LLM.wake_up."""
        await asyncio.to_thread(self._engine.wake_up, weights_only(tags))

    async def is_sleeping(self) -> bool:
        """True from sleep to wake_up."""
        return self._engine.sleep_level() >= 0

    async def get_tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        return self._host.tokenizer

    def shutdown(self) -> None:
        """Ends all requests and frees engine and model now."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
        self._loop = None
        self._host.close()

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
