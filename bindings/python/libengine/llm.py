"""The offline API: LLM.generate, chat, beam_search; embed, classify, score, encode."""

from __future__ import annotations

import itertools
import json
import threading
import time
from typing import Any, Sequence

from . import errors
from ._engine import Collector, Engine, Prompt, open_model, weights_only
from ._model import SLICE_MS
from ._pooler import TASKS, Pooler, Pooling, PoolingText
from ._progress import ProgressBar
from .outputs import (
    BeamSearchOutput, ClassificationOutput, ClassificationRequestOutput, EmbeddingOutput, EmbeddingRequestOutput,
    Floats, PoolingOutput, PoolingRequestOutput, RequestOutput, ScoringOutput, ScoringRequestOutput)
from .pooling_params import PoolingParams
from .sampling_params import BeamSearchParams, SamplingParams
from .tokenizer import Tokenizer


class LLM:
    """A model for offline use; mirrors vllm.LLM.

    model: a folder in Hugging Face layout, a .gguf file, a name on the hub, or "fake:" for tests.
    settings: vLLM's names: dtype, max_model_len, max_num_seqs, max_num_batched_tokens, enable_prefix_caching, seed,
    quantization, speculative_config, hf_overrides, runner ("auto", "generate", "pooling"), ... An unknown one raises
    InvalidArgumentError, which names the nearest.

    Raises NotFoundError if there is no such model, UnsupportedError if it is known that it does not run,
    CorruptDataError if a file is malformed, EngineOutOfMemoryError before memory is exhausted.

    Methods are safe from any thread, one at a time per LLM. Fork before making one, or use the spawn or forkserver
    start method: a forked child cannot use the parent's engine (ForkedError)."""

    def __init__(self, model: str, *, use_tqdm: bool = True, **settings: Any):
        self._host = open_model(model, use_tqdm, **settings)
        self._lock = threading.Lock()
        self._ids = itertools.count()

    @property
    def _engine(self) -> Engine:
        if isinstance(self._host, Engine):
            return self._host
        raise errors.UnsupportedError(
            f"the model makes {'vectors' if self._host.embeds else 'scores'} of texts, it does not write: use "
            "embed, classify, score or encode", "model")

    @property
    def _pooler(self) -> Pooler:
        if isinstance(self._host, Pooler):
            return self._host
        raise errors.UnsupportedError(
            "the model writes; to make vectors of texts, make the LLM with runner=\"pooling\"", "model")

    def generate(
        self,
        prompts: Any,
        sampling_params: SamplingParams | Sequence[SamplingParams] | None = None,
        *,
        use_tqdm: bool = True,
        priority: Sequence[int] | None = None,
        cache_salt: str | None = None,
    ) -> list[RequestOutput]:
        """Completes prompts.

        prompts: text, token ids, {"prompt"} or {"prompt_token_ids"}, one or a list; all are submitted at once and
        batched by the engine. sampling_params: one for all, or one for each; None takes what the model's
        generation_config.json recommends. priority: one number per prompt, lower is sooner. cache_salt: prompts of
        other salts share no cached prefix with these.
        Returns one RequestOutput per prompt, in their order: outputs holds sampling_params.n completions, with logprobs
        one dict of {token id: Logprob} per token, natural logarithms of the raw distribution.
        Raises InvalidArgumentError with the field's name in .parameter, QueueFullError if other threads fill the queue,
        EngineFailedError; a request that fails ends the call, and the others are cancelled."""
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
        continue_final_message: bool = False,
        tools: Sequence[dict[str, Any]] | None = None,
        chat_template_kwargs: dict[str, Any] | None = None,
    ) -> list[RequestOutput]:
        """Answers a conversation, or a list of conversations, through the model's chat template.

        messages: [{"role": "user", "content": "Hi"}, ...], or a list of such lists; contents may be lists of text parts.
        What messages and tools write never becomes a control token. tools: as in OpenAI's API. continue_final_message:
        the model goes on with the last message; set add_generation_prompt=False with it.
        Returns as generate; ChatParser splits the text into content, reasoning and tool calls.
        Raises as generate; NotFoundError if the model has no chat template, InvalidArgumentError if it refuses the
        conversation."""
        one = len(messages) > 0 and isinstance(messages[0], dict)
        prompts = [
            Prompt(*self.get_tokenizer().render_chat(
                conversation, tools, chat_template, add_generation_prompt,
                continue_final_message=continue_final_message, **(chat_template_kwargs or {})))
            for conversation in ([messages] if one else messages)]
        return self._run(prompts, sampling_params, use_tqdm, None, {})

    def beam_search(self, prompts: Any, params: BeamSearchParams) -> list[BeamSearchOutput]:
        """The most likely outputs of each prompt, best first.

        params.beam_width beams of at most params.max_tokens tokens; the engine's max_logprobs must be at least
        2 * beam_width. Returns one BeamSearchOutput per prompt, whose sequences hold prompt and output ids, text, and
        cum_logprob, a sum of natural logarithms. Raises InvalidArgumentError with the field's name."""
        with self._lock:
            return [self._engine.beam_search(prompt, params) for prompt in Prompt.many(prompts)]

    def sleep(self, level: int = 1, mode: str = "abort") -> None:
        """Gives memory back to the system until wake_up.

        level: 0 frees nothing, 1 the KV cache, 2 the weights, too. mode: what becomes of requests of other threads,
        "abort", "wait" or "keep". generate() called meanwhile waits.
        Raises InvalidArgumentError with the field's name, UnsupportedError if the engine cannot sleep so deep."""
        self._engine.sleep(level, mode)

    def wake_up(self, tags: Sequence[str] | None = None) -> None:
        """Takes memory again and loads what was freed; tags=["weights"] loads the weights alone.

        Raises what loading fails with: the engine then sleeps on and can be woken again."""
        self._engine.wake_up(weights_only(tags))

    def embed(
        self,
        prompts: Any,
        *,
        truncate_prompt_tokens: int | None = None,
        use_tqdm: bool = True,
        pooling_params: PoolingParams | Sequence[PoolingParams] | None = None,
    ) -> list[EmbeddingRequestOutput]:
        """A vector of each text.

        prompts: text, token ids, {"prompt"} or {"prompt_token_ids"}, one or a list. Texts are computed as many at once
        as fit a batch, without padding; a vector does not depend on the others.
        Returns, in the order of the prompts, outputs.embedding: a list of as many floats as the model's vectors are
        wide (or PoolingParams.dimensions), of length 1 if the model's files or PoolingParams.normalize say so.
        Raises UnsupportedError if the model makes no vectors, InvalidArgumentError for a text that is empty or too
        long; the message names it."""
        return [
            EmbeddingRequestOutput(name, EmbeddingOutput(_row(values)), ids)
            for name, values, ids in self._pool(
                "embed", _texts(prompts), pooling_params, truncate_prompt_tokens, use_tqdm)]

    def classify(
        self,
        prompts: Any,
        *,
        truncate_prompt_tokens: int | None = None,
        use_tqdm: bool = True,
        pooling_params: PoolingParams | Sequence[PoolingParams] | None = None,
    ) -> list[ClassificationRequestOutput]:
        """What each label of a classifier gets, for each text.

        prompts: as for embed.
        Returns, in the order of the prompts, outputs.probs: a float per label, in the order of get_labels(); they add
        up to 1 unless the labels do not exclude one another, and are logits with use_activation=False.
        Raises as embed."""
        return [
            ClassificationRequestOutput(name, ClassificationOutput(_row(values)), ids)
            for name, values, ids in self._pool(
                "classify", _texts(prompts), pooling_params, truncate_prompt_tokens, use_tqdm)]

    def score(
        self,
        data_1: str | Sequence[str],
        data_2: str | Sequence[str],
        /,
        *,
        truncate_prompt_tokens: int | None = None,
        use_tqdm: bool = True,
        pooling_params: PoolingParams | None = None,
    ) -> list[ScoringRequestOutput]:
        """How well texts fit one another: a cross-encoder reads a pair at once; of a model that makes vectors it is
        their cosine.

        data_1, data_2: one text each, one against several, or as many of both.
        Returns, in the order of data_2, outputs.score: a float; of a cross-encoder 0 to 1 unless its files say that
        scores are logits, or use_activation=False; of vectors -1 to 1.
        Raises as embed; UnsupportedError if the model has more than one label."""
        first = [data_1] if isinstance(data_1, str) else list(data_1)
        second = [data_2] if isinstance(data_2, str) else list(data_2)
        if not first or not second or (len(first) != 1 and len(first) != len(second)):
            raise errors.InvalidArgumentError(
                f"data_1: expected one text, or as many as data_2 has ({len(second)}), found {len(first)}", "data_1")
        if len(first) == 1:
            first *= len(second)
        texts = [PoolingText(a, None, b) for a, b in zip(first, second)]
        return [
            ScoringRequestOutput(name, ScoringOutput(_row(values)[0]), ids)
            for name, values, ids in self._pool("score", texts, pooling_params, truncate_prompt_tokens, use_tqdm)]

    def encode(
        self,
        prompts: Any,
        pooling_params: PoolingParams | Sequence[PoolingParams] | None = None,
        *,
        truncate_prompt_tokens: int | None = None,
        use_tqdm: bool = True,
        pooling_task: str = "token_embed",
    ) -> list[PoolingRequestOutput[PoolingOutput]]:
        """Numbers of each text; by default the final hidden state of every token.

        prompts: as for embed. pooling_task: "token_embed" (or "encode"), "embed" or "classify".
        Returns, in the order of the prompts, outputs.data: float32 as a memoryview of shape [tokens, hidden size], or
        [width] of the other tasks. numpy.asarray(outputs.data) makes an array of it without a copy.
        Raises as embed."""
        if pooling_task not in TASKS or pooling_task == "score":
            raise errors.InvalidArgumentError(
                f"pooling_task: expected token_embed, encode, embed or classify, found {pooling_task!r}",
                "pooling_task")
        whole = TASKS[pooling_task] == TASKS["token_embed"]
        return [
            PoolingRequestOutput(
                name, PoolingOutput(values if whole else _flat(values)), ids)
            for name, values, ids in self._pool(
                pooling_task, _texts(prompts), pooling_params, truncate_prompt_tokens, use_tqdm)]

    def get_labels(self) -> list[str]:
        """Labels of a classifier in the order of classify's probs; empty if the model makes vectors."""
        return list(self._pooler.labels)

    def get_tokenizer(self) -> Tokenizer:
        """The model's tokenizer; NotFoundError if it has none."""
        return self._host.tokenizer

    def get_default_sampling_params(self) -> SamplingParams:
        """What the model's generation_config.json recommends."""
        return SamplingParams.from_optional(**self._engine.default_params())

    def get_metrics(self) -> dict[str, Any]:
        """Counters and histograms under vLLM's names; times are in seconds."""
        return self._host.metrics()

    def close(self) -> None:
        """Frees engine and model now. Optional: exit and garbage collection do as well."""
        self._host.close()

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


    def _pool(
        self, task: str, texts: list[PoolingText], pooling: Any, truncate: int | None, use_tqdm: bool,
    ) -> list[tuple[str, Floats, list[int]]]:
        each = [pooling or PoolingParams()] * len(texts) if pooling is None or isinstance(pooling, PoolingParams) \
            else list(pooling)
        if len(each) != len(texts):
            raise errors.InvalidArgumentError(f"{len(texts)} prompts, {len(each)} pooling_params", "pooling_params")
        groups: dict[str, list[int]] = {}  # What has the same settings is handed in together.
        for i, params in enumerate(each):
            body = params.to_body()
            if truncate is not None:
                body["truncate_prompt_tokens"] = truncate
            groups.setdefault(json.dumps(body, sort_keys=True), []).append(i)
        results: list[Any] = [None] * len(texts)
        bar = ProgressBar(task, len(texts), use_tqdm, "text")
        under_way: list[tuple[Pooling, list[int]]] = []
        try:
            for body_text, members in groups.items():
                under_way.append((
                    self._submit_texts(task, [texts[i] for i in members], json.loads(body_text)), members))
            done = 0
            for pooling_handle, members in under_way:
                while (ended := pooling_handle.wait(SLICE_MS)) < len(members):
                    bar.update(done + ended)
                done += ended
                bar.update(done)
                for place, i in enumerate(members):
                    results[i] = (str(next(self._ids)), *_result(pooling_handle, place, i))
        finally:
            bar.close()
            for pooling_handle, _ in under_way:
                pooling_handle.close()
        return results

    def _submit_texts(self, task: str, texts: list[PoolingText], settings: dict[str, Any]) -> Pooling:
        while True:
            try:
                return self._pooler.submit(TASKS[task], texts, settings)
            except errors.QueueFullError:
                time.sleep(0.01)  # Other threads' texts go first.


def _texts(prompts: Any) -> list[PoolingText]:
    return [PoolingText(None if p.token_ids is not None else p.text, p.token_ids) for p in Prompt.many(prompts)]


def _result(pooling: Pooling, place: int, index: int) -> tuple[Floats, list[int]]:
    try:
        return pooling.result(place)
    except errors.EngineError as error:
        raise type(error)(f"prompts[{index}]: {error.message}", error.parameter, error.retryable) from None


def _row(values: Floats) -> list[float]:
    return list(_flat(values))


def _flat(values: Floats) -> Floats:
    return values.cast("B").cast("f")


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
