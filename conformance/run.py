"""Runs the conformance cases through the drivers and compares the transcripts.

    run.py PREFIX [--drivers c,cpp,py,go,http] [--update] [--build DIR]

PREFIX is an installed tree. Every transcript must agree with the golden one, which --update writes from the C
driver's, and with what the cases themselves expect. Exits with 1 and prints each difference otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
# vLLM's name over HTTP for a prompt that is too long.
ALIASES = {"input_tokens": "prompt"}
TOLERANCE = 2e-4  # of log probabilities, which travel as text


def load_cases() -> list[dict]:
    cases = []
    for name in sorted(os.listdir(os.path.join(HERE, "cases"))):
        with open(os.path.join(HERE, "cases", name), encoding="utf-8") as file:
            cases += json.load(file)
    return cases


def model_path(name: str, prefix: str) -> str:
    if name.startswith("@encoders/"):
        return os.path.join(ROOT, "tests/data", name[1:])
    if name == "@demo":
        installed = os.path.join(prefix, "share/engine/demo-model")
        return installed if os.path.isdir(installed) else os.path.join(ROOT, "demo-model/model")
    return os.path.join(ROOT, "demo-model", name[len("@demo/"):]) if name.startswith("@demo/") else name


def limits_of(setup: dict, prefix: str) -> dict:
    """The engine's settings; a model that drafts is named as the others are."""
    limits = dict(setup["engine"])
    drafter = limits.get("speculative_config", {}).get("model")
    if drafter is not None:
        limits["speculative_config"] = {**limits["speculative_config"], "model": model_path(drafter, prefix)}
    return limits


def pooling_input(item: dict) -> str:
    if "ids" in item:
        return "i" + ",".join(map(str, item["ids"]))
    return "t" + ",".join(item[key].encode().hex() for key in ("text", "pair") if key in item)


def flatten(case: dict, prefix: str) -> list[str]:
    """One line per step, so that a driver in C needs no JSON parser."""
    lines = []
    for number, step in enumerate(case["steps"]):
        args, body = step.get("args", {}), dict(step.get("body", {}))
        data = ""
        if step["op"] == "tokenize":
            data = f"{int(args['add_special'])} {args['text'].encode().hex()}"
        elif step["op"] == "chat_parse":
            data = f"{args['size']} {args['text'].encode().hex()}"
        elif step["op"].startswith("pool"):
            inputs = [item for item in args["inputs"] for _ in range(args.get("times", 1))]
            data = " ".join([args["task"], *map(pooling_input, inputs)])
        elif step["op"] == "detokenize":
            data = ",".join(map(str, args["ids"]))
        elif step["op"] in ("cancel", "many"):
            data = str(args.get("after", args.get("count")))
        elif step["op"] == "sleep":
            data = f"{args['level']} {args['mode']}"
        elif step["op"] == "chat":
            data = json.dumps({"temperature": body.pop("temperature"), "max_tokens": body.pop("max_tokens")})
            body["add_generation_prompt"] = True
        lines.append("\t".join([
            case["id"], str(number), step["op"], model_path(case["setup"]["model"], prefix),
            json.dumps(limits_of(case["setup"], prefix)), json.dumps(body), data]))
    return lines


def command(driver: str, prefix: str, build: str) -> list[str]:
    """Builds a driver against the installed tree and says how to run it."""
    drivers = os.path.join(HERE, "drivers")
    link = [f"-I{prefix}/include", f"-L{prefix}/lib", "-lengine", "-lpthread", f"-Wl,-rpath,{prefix}/lib"]
    program = os.path.join(build, "driver-" + driver)
    if driver == "c":
        subprocess.run(["gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", f"{drivers}/driver.c",
                        "-o", program, *link], check=True)
    elif driver == "cpp":
        subprocess.run(["g++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", f"{drivers}/driver.cpp",
                        "-o", program, *link], check=True)
    elif driver == "go":
        source = os.path.join(build, "go")
        os.makedirs(source, exist_ok=True)
        for name in os.listdir(f"{drivers}/go"):
            shutil.copy(f"{drivers}/go/{name}", source)
        with open(f"{source}/go.mod", "w") as file:
            file.write("module driver\n\ngo 1.19\n\nrequire example.com/libengine v0.0.0\n\n"
                       f"replace example.com/libengine => {prefix}/go\n")
        subprocess.run(["go", "build", "-o", program, "."], cwd=source, check=True,
                       env={**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off"})
    else:
        return [sys.executable, f"{drivers}/driver_{driver}.py"]
    return [program]


def run(driver: str, cases: list[dict], prefix: str, build: str) -> dict[tuple[str, int], dict]:
    lines = [line for case in cases if driver in case["applies"] for line in flatten(case, prefix)]
    env = {**os.environ, "PYTHONPATH": f"{prefix}/python", "ENGINE_PREFIX": prefix}
    done = subprocess.run(command(driver, prefix, build), input="\n".join(lines) + "\n", text=True,
                          stdout=subprocess.PIPE, env=env, timeout=240)
    if done.returncode != 0:
        raise SystemExit(f"driver {driver} exited with {done.returncode} after:\n{done.stdout[-500:]}")
    with open(os.path.join(build, f"transcript-{driver}.jsonl"), "w", encoding="utf-8") as file:
        file.write(done.stdout)
    return index(done.stdout.splitlines())


def index(lines: list[str]) -> dict[tuple[str, int], dict]:
    rows = [json.loads(line) for line in lines if line.strip()]
    return {(row["case"], row["step"]): row for row in rows}


def http_statuses() -> dict[str, int]:
    with open(os.path.join(ROOT, "abi/abi.json"), encoding="utf-8") as file:
        abi = json.load(file)
    values = next(e for e in abi["enums"] if e["name"] == "engine_status")["values"]
    names = {value["value"]: value["name"] for value in values}
    return {names[row["value"]]: row["http"] for row in abi["statuses"]}


def same(a: object, b: object) -> bool:
    if isinstance(a, float) or isinstance(b, float):
        return isinstance(a, (int, float)) and isinstance(b, (int, float)) and abs(a - b) <= TOLERANCE
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return all(same(a[key], b[key]) for key in a.keys() & b.keys())  # A door may say less.
    return a == b


def differences(want: dict, got: dict, http: dict[str, int]) -> list[str]:
    found = []
    if "http" in got:
        want = {**want, "http": http[want["status"]]}
        want.pop("status", None)
        got = {**got, "parameter": ALIASES.get(got["parameter"], got["parameter"])} if "parameter" in got else got
    for key in want.keys() & got.keys():
        if not same(want[key], got[key]):
            found.append(f"{key}: expected {want[key]!r}, found {got[key]!r}")
    return found


def unmet(expect: dict, row: dict) -> list[str]:
    """What the case itself demands of the golden transcript."""
    outputs = row.get("outputs", [])
    seen = {
        "status": row.get("status"), "parameter": row.get("parameter"), "text": row.get("text"),
        "deltas": row.get("deltas"), "levels": row.get("levels"), "ids": row.get("tokens"), "prompt_tokens": row.get("prompt_tokens"),
        "ended": row.get("ended"), "values": [r.get("values") for r in row.get("results", [])],
        "errors": [r.get("error") for r in row.get("results", [])],
        "tokens": [o.get("tokens") for o in outputs], "texts": [o.get("text") for o in outputs],
        "num_tokens": [len(o.get("tokens", [])) for o in outputs], "finish": [o.get("finish") for o in outputs]}
    return [f"{key}: the case expects {value!r}, found {seen[key]!r}"
            for key, value in expect.items() if not same(seen[key], value)]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("prefix")
    parser.add_argument("--drivers", default="c,cpp,py,go,http")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "conformance"))
    options = parser.parse_args()
    prefix, build = os.path.abspath(options.prefix), os.path.abspath(options.build)
    os.makedirs(build, exist_ok=True)
    cases, http, failed = load_cases(), http_statuses(), 0
    golden_path = os.path.join(HERE, "golden", "transcript.jsonl")
    if options.update:
        golden = run("c", cases, prefix, build)
        with open(golden_path, "w", encoding="utf-8") as file:
            for row in golden.values():
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    with open(golden_path, encoding="utf-8") as file:
        golden = index(file.read().splitlines())
    for case in cases:
        for number, step in enumerate(case["steps"]):
            expect = {"status": "ENGINE_OK"} if not step["op"].startswith(
                ("double", "use_", "oversized", "zero")) else {}
            for line in unmet({**expect, **step.get("expect", {})}, golden[case["id"], number]):
                failed += 1
                print(f"golden {case['id']} step {number}: {line}")
    for driver in options.drivers.split(","):
        rows = run(driver, cases, prefix, build)
        mine = [(c["id"], n) for c in cases if driver in c["applies"] for n in range(len(c["steps"]))]
        bad = 0
        for key in mine:
            lines = differences(golden[key], rows[key], http) if key in rows else ["missing"]
            bad += bool(lines)
            for line in lines:
                print(f"{driver} {key[0]} step {key[1]}: {line}")
        print(f"{driver}: {len({k[0] for k in mine})} cases, {len(mine)} steps, {bad} differ")
        failed += bad
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
