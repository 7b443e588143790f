"""The offline API: LLM.generate, chat, beam_search."""

from __future__ import annotations

import itertools
import threading
from typing import Any, Sequence

from . import errors
from ._engine import Collector, Engine, Prompt
from ._progress import ProgressBar
from .outputs import BeamSearchOutput, RequestOutput
from .sampling_params import BeamSearchParams, SamplingParams
from .tokenizer import Tokenizer


class LLM:
    """A model for offline use; mirrors vllm.LLM. Settings are vLLM's: dtype, max_model_len,
    max_num_seqs, max_num_batched_tokens, enable_prefix_caching, seed, ... Fork before making one, or
    use the spawn or forkserver start method: a forked child cannot use the parent's engine."""

    def __init__(self, model: str, *, use_tqdm: bool = True, **settings: Any):
        self._engine = Engine(model, use_tqdm, **settings)
        self._lock = threading.Lock()
        self._ids = itertools.count()

    def generate(
        self,
        prompts: Any,
        sampling_params: SamplingParams | Sequence[SamplingParams] | None = None,
        *,
        use_tqdm: bool = True,
        priority: Sequence[int] | None = None,
        cache_salt: str | None = None,
    ) -> list[RequestOutput]:
        """Completes prompts: text, token ids, {"prompt"} or {"prompt_token_ids"}, one or a list. Outputs
        come in the order of the prompts; all are submitted at once and batched by the engine."""
        return self._run(list(Prompt.many(prompts)), sampling_params, use_tqdm, priority, {
            "cache_salt": cache_salt})

    def chat(
        self,
        messages: Sequence[Any],
        sampling_params: SamplingParams | Sequence[SamplingParams] | None = None,
        *,
        use_tqdm: bool = True,
        chat_template: str | None = None,
        add_generation_prompt: bool = True,
        tools: Sequence[dict[str, Any]] | None = None,
        chat_template_kwargs: dict[str, Any] | None = None,
    ) -> list[RequestOutput]:
        """Answers a conversation, or a list of conversations, through the model's chat template."""
        one = len(messages) > 0 and isinstance(messages[0], dict)
        prompts = [
            Prompt(self.get_tokenizer().apply_chat_template(
                conversation, tools, chat_template, add_generation_prompt, tokenize=False,
                **(chat_template_kwargs or {})), None)
            for conversation in ([messages] if one else messages)]
        return self._run(prompts, sampling_params, use_tqdm, None, {"add_special_tokens": False})

    def beam_search(self, prompts: Any, params: BeamSearchParams) -> list[BeamSearchOutput]:
        """The most likely outputs of each prompt, best first."""
        with self._lock:
            return [self._engine.beam_search(prompt, params) for prompt in Prompt.many(prompts)]

    def get_tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        return self._engine.tokenizer

    def get_default_sampling_params(self) -> SamplingParams:
        """What the model's generation_config.json recommends."""
        return SamplingParams.from_optional(**self._engine.default_params())

    def get_metrics(self) -> dict[str, Any]:
        """Counters and histograms under vLLM's names."""
        return self._engine.metrics()

    def close(self) -> None:
        """Frees engine and model now. Optional: exit and garbage collection do as well."""
        self._engine.close()

    def __enter__(self) -> "LLM":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _run(
        self, prompts: list[Prompt], sampling: Any, use_tqdm: bool, priority: Sequence[int] | None,
        more: dict[str, Any],
    ) -> list[RequestOutput]:
        if sampling is None:
            sampling = self.get_default_sampling_params()
        each = [sampling] * len(prompts) if isinstance(sampling, SamplingParams) else list(sampling)
        if len(each) != len(prompts) or (priority is not None and len(priority) != len(prompts)):
            raise errors.InvalidArgumentError(
                f"{len(prompts)} prompts, {len(each)} sampling_params", "sampling_params")
        with self._lock:
            return _Batch(self._engine, prompts, each, priority, more, self._ids, use_tqdm).run()


class _Batch:
    """One call of generate: submits as the queue takes them, polls, and cleans up when interrupted."""

    def __init__(self, engine: Engine, prompts: list[Prompt], sampling: list[SamplingParams],
                 priority: Sequence[int] | None, more: dict[str, Any], ids: Any, use_tqdm: bool):
        self._engine, self._prompts, self._sampling = engine, prompts, sampling
        self._priority, self._more, self._ids = priority, more, ids
        self._collectors: list[Collector] = []
        self._active: dict[int, tuple[int, Collector]] = {}
        self._bar = ProgressBar("generating", len(prompts), use_tqdm, "req")

    def run(self) -> list[RequestOutput]:
        done = 0
        try:
            while done < len(self._prompts):
                self._submit()
                done += self._collect()
                self._bar.update(done)
        except BaseException:
            self._abandon()
            raise
        finally:
            self._bar.close()
        return [collector.output for collector in self._collectors]

    def _submit(self) -> None:
        while len(self._collectors) < len(self._prompts):
            i = len(self._collectors)
            tag = next(self._ids)
            priority = self._priority[i] if self._priority is not None else None
            try:
                request = self._engine.submit(
                    self._prompts[i], self._sampling[i], tag, priority=priority, **self._more)
            except errors.QueueFullError:
                if self._active:
                    return
                raise
            collector = Collector(self._engine, str(tag), self._prompts[i], self._sampling[i])
            self._collectors.append(collector)
            self._active[tag] = (request, collector)

    def _collect(self) -> int:
        finished = 0
        for event in self._engine.poll():
            if event.user_tag not in self._active:
                continue  # Left over from a call that was interrupted.
            if self._active[event.user_tag][1].add(event):
                del self._active[event.user_tag]
                finished += 1
        return finished

    def _abandon(self) -> None:
        for request, _ in self._active.values():
            try:
                self._engine.cancel(request)
            except errors.EngineError:
                return
