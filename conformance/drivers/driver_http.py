"""The HTTP driver: runs `engine serve` per model and limits, and speaks to it with the standard library alone.

ENGINE_COMMAND names the command; else bin/engine below ENGINE_PREFIX. See ../README.md.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time

COMMAND = os.environ.get("ENGINE_COMMAND") or os.path.join(os.environ["ENGINE_PREFIX"], "bin/engine")


class Refused(Exception):
    def __init__(self, status: int, body: dict):
        super().__init__(body)
        self.status, self.parameter = status, body.get("error", {}).get("param")


class Server:
    """One server; limits become flags of the same name."""

    def __init__(self, model: str, limits: dict):
        flags = [text for key, value in limits.items() for text in (
            f"--{key.replace('_', '-')}", value if isinstance(value, str) else json.dumps(value))]
        # The other doors give the model's text as it is: so does this one.
        flags += ["--tool-call-parser", "none", "--reasoning-parser", "none", "--enable-sleep-mode"]
        self.process = subprocess.Popen(
            [COMMAND, "serve", model, "--port", "0", *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found.group(1))
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return
        raise SystemExit("the server did not start:\n" + "".join(lines))

    def open(self, path: str, body: dict) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise Refused(response.status, json.loads(response.read()))
        return connection, response

    def post(self, path: str, body: dict) -> dict:
        connection, response = self.open(path, body)
        try:
            return json.loads(response.read())
        finally:
            connection.close()

    def order(self, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", path)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if response.status != 200:
            raise Refused(response.status, json.loads(text))

    def gauge(self, name: str) -> float:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def completion(body: dict) -> dict:
    body = dict(body, return_token_ids=True)
    if "prompt_token_ids" in body:
        body["prompt"] = body.pop("prompt_token_ids")
    return body


def rendered(choices: list[dict]) -> dict:
    outputs = []
    for choice in sorted(choices, key=lambda c: c["index"]):
        row = {"tokens": choice["token_ids"], "text": choice["text"], "finish": choice["finish_reason"]}
        if isinstance(choice.get("stop_reason"), str):
            row["stop"] = choice["stop_reason"]
        outputs.append(row)
    result: dict = {"outputs": outputs}
    if choices[0].get("prompt_token_ids"):
        result["prompt_tokens"] = choices[0]["prompt_token_ids"]
    return result


def stream(server: Server, body: dict, after: int | None = None) -> dict:
    connection, response = server.open("/v1/completions", {**completion(body), "stream": True})
    choices: dict[int, dict] = {}
    try:
        for line in response:
            data = line.decode().strip()
            if data == "data: [DONE]":
                break
            if not data.startswith("data: "):
                continue
            for part in json.loads(data[6:])["choices"]:
                whole = choices.setdefault(part["index"], {
                    "index": part["index"], "text": "", "token_ids": [], "finish_reason": None})
                whole["text"] += part["text"]
                whole["token_ids"] += part.get("token_ids") or []
                whole["finish_reason"] = part["finish_reason"] or whole["finish_reason"]
                whole["stop_reason"] = part.get("stop_reason") or whole.get("stop_reason")
            if after is not None and len(choices[0]["token_ids"]) >= after:
                return {}
    finally:
        connection.close()
    return rendered(list(choices.values()))


def cancel(server: Server, body: dict, after: int) -> dict:
    """Hangs up; the request must leave the engine soon after."""
    stream(server, body, after)
    deadline = time.monotonic() + 3
    while server.gauge("vllm:num_requests_running") > 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    gone = server.gauge("vllm:num_requests_running") == 0
    return {"finish": "abort" if gone else "still running", "terminals": 1}


def many(server: Server, body: dict, count: int) -> dict:
    results: list[dict] = [{}] * count

    def one(i: int) -> None:
        results[i] = rendered(server.post("/v1/completions", completion(body))["choices"])

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same = all(r.get("outputs") == results[0].get("outputs") for r in results)
    return {**results[0], "count": count, "same": same}


def pool(server: Server, body: dict, data: str) -> dict:
    """Whoever is asked for texts gives their numbers alone: no tokens, one list for each."""
    task, *fields = data.split(" ")
    parts = [field[1:].split(",") for field in fields]
    if task == "score":
        pairs = [[bytes.fromhex(part).decode() for part in row] for row in parts]
        body = {**body, "text_1": [p[0] for p in pairs], "text_2": [p[1] for p in pairs]}
        rows = [[item["score"]] for item in server.post("/v1/score", body)["data"]]
        return {"results": [{"values": row} for row in rows]}
    body = {**body, "input": [
        [int(i) for i in row] if field[0] == "i" else bytes.fromhex(row[0]).decode()
        for field, row in zip(fields, parts)]}
    if task == "embed":
        rows = [item["embedding"] for item in server.post("/v1/embeddings", body)["data"]]
    elif task == "classify":
        rows = [item["probs"] for item in server.post("/classify", body)["data"]]
    else:
        items = server.post("/pooling", {**body, "task": task})["data"]
        rows = [[value for row in item["data"] for value in row] for item in items]
    return {"results": [{"values": row} for row in rows]}


def run_step(server: Server, op: str, body: dict, data: str) -> dict:
    if op == "tokenize":
        special, _, text = data.partition(" ")
        answer = server.post("/tokenize", {
            "prompt": bytes.fromhex(text).decode(), "add_special_tokens": special == "1"})
        return {"tokens": answer["tokens"]}
    if op == "detokenize":
        answer = server.post("/detokenize", {
            "tokens": [int(i) for i in data.split(",")], "skip_special_tokens": False})
        return {"text": answer["prompt"]}
    if op == "chat":
        answer = server.post("/v1/chat/completions", {**body, **json.loads(data), "return_token_ids": True})
        choice = answer["choices"][0]
        return {"prompt_tokens": answer["prompt_token_ids"], "outputs": [{
            "text": choice["message"]["content"], "finish": choice["finish_reason"]}]}
    if op == "chat_tokenize":
        return {"tokens": server.post("/tokenize", {"add_generation_prompt": False, **body})["tokens"]}
    if op == "pool":
        return pool(server, body, data)
    if op == "stream":
        return stream(server, body)
    if op == "cancel":
        return cancel(server, body, int(data))
    if op == "sleep":
        level, _, mode = data.partition(" ")
        server.order(f"/sleep?level={level}&mode={mode}")
        server.order("/wake_up")
        return rendered(server.post("/v1/completions", completion(body))["choices"])
    if op == "many":
        return many(server, body, int(data))
    return rendered(server.post("/v1/completions", completion(body))["choices"])


def main() -> None:
    current, server = None, None
    try:
        for line in sys.stdin:
            case, step, op, model, limits, body, data = line.rstrip("\n").split("\t")
            if current != (model, limits):
                if server is not None:
                    server.close()
                server, current = Server(model, json.loads(limits)), (model, limits)
            row = {"case": case, "step": int(step), "op": op, "http": 200}
            try:
                row.update(run_step(server, op, json.loads(body), data))
            except Refused as refused:
                row["http"] = refused.status
                if refused.parameter:
                    row["parameter"] = refused.parameter
            print(json.dumps(row), flush=True)
    finally:
        if server is not None:
            server.close()


if __name__ == "__main__":
    main()
