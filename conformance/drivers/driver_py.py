"""The Python driver: reads steps from stdin, writes what happened to stdout. See ../README.md."""

from __future__ import annotations

import asyncio
import ctypes
import json
import sys

import libengine
from libengine import AsyncLLM, ChatParser, SamplingParams, Tokenizer, _abi, errors
from libengine._engine import Collector, Engine, Prompt, open_model
from libengine._lib import lib
from libengine._pooler import TASKS, PoolingText

STATUS = {value: f"ENGINE_{name}" for name, value in vars(_abi).items()
          if isinstance(value, int) and name.startswith("E_")}
current: tuple[str, str] | None = None
engine: Engine | None = None


def open_engine(model: str, limits: str) -> Engine:
    global current, engine
    if current != (model, limits):
        if engine is not None:
            engine.close()
        current, engine = None, None
        engine = open_model(model, False, **json.loads(limits))
        current = (model, limits)
    return engine


def settings(body: dict) -> tuple[Prompt, SamplingParams, dict]:
    body = dict(body)
    prompt = Prompt(body.pop("prompt", None), body.pop("prompt_token_ids", None))
    more = {key: body.pop(key) for key in ("add_special_tokens",) if key in body}
    n = body.get("n", 1)
    logprobs, prompt_logprobs = body.get("logprobs"), body.get("prompt_logprobs")
    params = SamplingParams(
        n=n if isinstance(n, int) and 0 < n < 100 else 1, logprobs=logprobs, prompt_logprobs=prompt_logprobs,
        extra_args=body)
    return prompt, params, more


def entries(row: dict) -> list:
    return [[token, round(e.logprob, 6), e.rank] for token, e in row.items()]


def rendered(output: libengine.RequestOutput) -> dict:
    result = {"prompt_tokens": output.prompt_token_ids, "outputs": []}
    for item in output.outputs:
        row = {"tokens": item.token_ids, "text": item.text, "finish": item.finish_reason}
        if isinstance(item.stop_reason, str):
            row["stop"] = item.stop_reason
        result["outputs"].append(row)
    return result


class Raw(Collector):
    """Keeps log probabilities in the order in which they come, the sampled token's twice."""

    def __init__(self, *args):
        super().__init__(*args)
        self.rows, self.prompt_rows, self.terminals = {}, None, 0

    def add(self, event):
        if event.kind == _abi.EVENT_TOKEN and event.logprobs:
            self.rows.setdefault(event.index, []).append([[t, round(p, 6), r] for t, p, r in event.logprobs])
        if event.kind == _abi.EVENT_PROMPT and event.prompt_logprobs is not None:
            self.prompt_rows = [[[t, round(p, 6), r] for t, p, r in row or []] for row in event.prompt_logprobs]
        self.terminals += event.kind in (_abi.EVENT_FINISHED, _abi.EVENT_FAILED)
        return super().add(event)

    def result(self) -> dict:
        result = rendered(self.output)
        for index, rows in self.rows.items():
            result["outputs"][index]["logprobs"] = rows
        if self.prompt_rows is not None:
            result["prompt_logprobs"] = self.prompt_rows
        return result


def collect(target: Engine, collectors: list[Raw], each=lambda: None) -> None:
    left = len(collectors)
    while left:
        for event in target.poll(1000):
            if event.user_tag < len(collectors):
                left -= collectors[event.user_tag].add(event)
        each()


def generate(target: Engine, body: dict, count: int = 1) -> list[Raw]:
    prompt, params, more = settings(body)
    collectors = [Raw(target, str(i), prompt, params) for i in range(count)]
    for tag in range(count):
        target.submit(prompt, params, tag, **more)
    collect(target, collectors)
    return collectors


def stream(model: str, limits: str, body: dict) -> dict:
    async def run() -> dict:
        async with AsyncLLM(model, **json.loads(limits)) as llm:
            prompt, params, _ = settings(body)
            source = prompt.text if prompt.text is not None else prompt.token_ids
            async for output in llm.generate(source, params):
                pass
            return rendered(output)
    return asyncio.run(run())


def cancel(target: Engine, body: dict, after: int | None) -> dict:
    prompt, params, more = settings(body)
    collector = Raw(target, "0", prompt, params)
    request = target.submit(prompt, params, 0, **more)
    if after == 0:
        target.cancel(request)

    def each() -> None:
        if after is not None and len(collector.output.outputs[0].token_ids) >= after:
            target.cancel(request)

    collect(target, [collector], each)
    target.cancel(request)
    target.cancel(request)
    return {"finish": collector.output.outputs[0].finish_reason, "terminals": collector.terminals}


def lifecycle(op: str, model: str, body: dict) -> dict:
    target = open_model(model, False)
    if op == "double_release":
        value = target._engine.value
        target._model.close()
        target._engine.close()
        return {"status": STATUS[lib.engine_release(value)]}
    if op == "use_after_release":
        value = target._engine.value
        target.close()
        return {"status": STATUS[lib.engine_health(ctypes.c_void_p(value), None)]}
    if op == "reload":
        target.close()
        target = open_model(model, False)
    target._model.close()
    return generate(target, body)[0].result()


def pool(op: str, target: libengine._pooler.Pooler, body: dict, data: str) -> dict:
    if isinstance(target, Engine):
        raise errors.UnsupportedError("the model writes", "model")
    task, *fields = data.split(" ")
    texts = []
    for field in fields:
        parts = field[1:].split(",")
        if field[0] == "i":
            texts.append(PoolingText(None, [int(part) for part in parts if part]))
        else:
            texts.append(PoolingText(None, None))
            first, *second = [bytes.fromhex(part).decode() for part in parts]
            texts[-1].text, texts[-1].pair = first, second[0] if second else None
    pooling = target.submit(TASKS[task], texts, body)
    try:
        if op == "pool_cancel":
            pooling.cancel()
            pooling.cancel()
            return {"ended": pooling.wait(30000)}
        pooling.wait(30000)
        rows = []
        for i in range(len(texts)):
            try:
                values, ids = pooling.result(i)
                rows.append({"rows": values.shape[0], "columns": values.shape[1], "tokens": ids,
                             "values": [value for row in values.tolist() for value in row]})
            except errors.EngineError as error:
                if len(texts) == 1:
                    raise
                rows.append({"error": STATUS[error.status]})
        return {"results": rows}
    finally:
        pooling.close()


def run_step(op: str, model: str, limits: str, text: str, data: str) -> dict:
    body = json.loads(text)
    if op == "tokenize":
        special, _, hexadecimal = data.partition(" ")
        return {"tokens": Tokenizer(model).encode(bytes.fromhex(hexadecimal).decode(), special == "1")}
    if op == "detokenize":
        return {"text": Tokenizer(model).decode([int(i) for i in data.split(",")])}
    if op == "chat_template":
        return {"text": Tokenizer(model).apply_chat_template(
            body.pop("messages"), tokenize=False, **body)}
    if op == "chat_tokenize":
        return {"tokens": Tokenizer(model).apply_chat_template(body.pop("messages"), **body)}
    if op.startswith("pool"):
        return pool(op, open_engine(model, limits), body, data)
    if op == "chat_parse":
        size, _, hexadecimal = data.partition(" ")
        pieces, step = bytes.fromhex(hexadecimal), int(size)
        with ChatParser(**body) as parser:
            return {"deltas": [parser.feed(pieces[at:at + step]) for at in range(0, len(pieces), step)]
                    + [parser.finish()]}
    if op in ("double_release", "use_after_release", "model_first", "reload"):
        return lifecycle(op, model, body)
    if op == "stream" and "logprobs" not in body:
        return stream(model, limits, body)
    target = open_engine(model, limits)
    if op == "load":
        return {}
    if not isinstance(target, Engine):
        raise errors.UnsupportedError("the model does not write", "model")
    if op == "cancel":
        return cancel(target, body, int(data))
    if op == "cancel_finished":
        return cancel(target, body, None)
    if op == "sleep":
        level, _, mode = data.partition(" ")
        target.sleep(int(level), mode)
        asleep = target.sleep_level()
        target.wake_up()
        levels = [asleep, target.sleep_level()]
        return {**generate(target, body)[0].result(), "levels": levels}
    if op == "many":
        results = [c.result() for c in generate(target, body, int(data))]
        texts = {r["outputs"][0]["text"] for r in results}
        return {**results[0], "count": len(results), "same": len(texts) == 1}
    if op == "chat":
        prompt = target.tokenizer.apply_chat_template(body.pop("messages"), **body)
        return generate(target, {**json.loads(data), "prompt_token_ids": prompt})[0].result()
    return generate(target, body)[0].result()


def main() -> None:
    for line in sys.stdin:
        case, step, op, *rest = line.rstrip("\n").split("\t")
        row = {"case": case, "step": int(step), "op": op, "status": "ENGINE_OK"}
        try:
            row.update(run_step(op, *rest))
        except errors.EngineError as error:
            row["status"] = STATUS[error.status]
            if error.parameter:
                row["parameter"] = error.parameter
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
