#!/usr/bin/env python3
"""What is to be done in the first half hour on a real GPU, in one command, with nothing there but Python and a driver.

  gpu_rehearsal.py pack KIT.tar.xz             collects what is to be carried, from build/ and out/ (./build.sh, and
                                               cmake --build build/kernels --target cuda_tests); --beside-checkout
                                               leaves out the models, which a checkout has
  gpu_rehearsal.py run --kit KIT.tar.xz --out FOLDER [--groups facts,kernels,tokens,speed] [--seconds 570]
  gpu_rehearsal.py run --short ...             the same in a few seconds, for the fake driver (ENGINE_CUDA_LIB)
  gpu_rehearsal.py list [--groups ...]         the stages, their limits and what is predicted; runs nothing

--llama-bench PROGRAM and --llama-model FILE.gguf (or LLAMA_BENCH, LLAMA_MODEL) run llama.cpp's CUDA build and the
engine on that file; where torch and transformers can be imported, Hugging Face's tokens are compared with the engine's.

Each stage has a limit of its own and is written to FOLDER/results.jsonl when it ends, whatever has become of it:
seconds, exit code, the end of its output, and figures beside what was predicted. FOLDER/report.md is their table, and
says of each switch (ENGINE_CUDA_WGMMA and the others) what it changed, and whether its tokens were right.
A stage that fails does not end the run; the exit code is the number of stages that did.
"""
import argparse, json, lzma, os, shlex, shutil, signal, subprocess, sys, tarfile, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GROUPS = ["facts", "kernels", "tokens", "speed"]
# What is an option comes last: a kernel that hangs costs its limit.
KERNEL_TESTS = ["rows", "kv", "sample", "linear", "attention", "quantized", "rounding", "w8a8", "wgmma",
                "attention_wgmma", "w8a8_wgmma", "wgmma_like_mma", "attention_wgmma_like_mma"]
TAIL = 3000
PROMPTS = ["Once upon a time", "one two three one two three one two"]

# Bytes a second that a copy on an H200 was measured to reach: what a step that reads memory can at best.
ROOF = 4.3e12

# Of Llama-3.1-8B.
LARGE = dict(hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
             num_key_value_heads=8, head_dim=128, vocab_size=128256)
SMALL = dict(hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2,
             num_key_value_heads=1, head_dim=64, vocab_size=256)


class Places:
    """Where the programs are: in a folder that a kit was unpacked to, or in the repository."""

    def __init__(self, folder, engine):
        self.driver_tests = os.path.join(folder, "build/kernels/cuda/cuda_driver_tests")
        self.ptx = os.path.join(folder, "build/kernels/cuda")
        self.engine = shlex.split(engine) if engine else [os.path.join(folder, "out/bin/engine")]
        demo = os.path.join(folder, "demo-model/model")
        self.demo = demo if os.path.isdir(demo) else os.path.join(ROOT, "demo-model/model")


def pack(kit, beside_checkout):
    ptx = os.path.join(ROOT, "build/kernels/cuda")
    files = ["out/bin/engine", "build/kernels/cuda/cuda_driver_tests"]
    files += ["build/kernels/cuda/" + f for f in sorted(os.listdir(ptx)) if f.endswith(".ptx")]
    if not beside_checkout:
        files += ["demo-model/%s/%s" % (d, f) for d in ("model", "draft", "eagle")
                  for f in sorted(os.listdir(os.path.join(ROOT, "demo-model", d)))]
    # Most of it is x86 code, whose calls compress better as absolute addresses.
    filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
    with lzma.open(kit, "wb", format=lzma.FORMAT_XZ, filters=filters) as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            for name in files:
                tar.add(os.path.join(ROOT, name), name)
    print("%s: %d files, %.1f MB" % (kit, len(files), os.path.getsize(kit) / 1e6))
    return 0


def execute(command, limit, environment=None):
    """(exit code, output): 124 is past the limit, 127 not found; what the command started is ended with it."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   start_new_session=True, env={**os.environ, **(environment or {})})
    except OSError as error:
        return 127, str(error)
    try:
        output, _ = process.communicate(timeout=max(1, limit))
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        code = 124
    return code, output.decode("utf-8", "replace")


class Stage:
    """Commands with one limit, one after the other, and what is made of their outputs."""

    def __init__(self, group, name, limit, *commands, judge=None, switch=None, against=None, predicted=None):
        self.group, self.name, self.limit, self.commands, self.judge = group, name, limit, commands, judge
        # What is switched on, and the stage that ran without it.
        self.switch, self.against, self.predicted = switch, against, predicted

    def run(self, seconds):
        begin, outputs, code = time.time(), [], 0
        for command, environment in self.commands:
            left = min(self.limit, seconds) - (time.time() - begin)
            code, output = execute(command, left, environment)
            outputs.append(output)
            if code in (124, 127) or code < 0 or (code and not self.judge):
                break
        record = dict(group=self.group, stage=self.name, seconds=round(time.time() - begin, 2), exit_code=code,
                      ok=code == 0, limit=self.limit, switch=self.switch, against=self.against, figures=[], commands=[
                          " ".join(["%s=%s" % pair for pair in (e or {}).items()] + [shlex.quote(word) for word in c])
                          for c, e in self.commands])
        if self.judge and len(outputs) == len(self.commands) and code not in (124, 127) and code >= 0:
            try:
                self.judge(record, outputs)
            except Exception as error:  # an output of another form than expected is a result, too
                record.update(ok=False, verdict="%s: %s" % (type(error).__name__, error))
        record["tail"] = "\n---\n".join(output[-TAIL:] for output in outputs)
        return record


def json_in(output):
    """The object that a command printed, among progress and notes."""
    return json.JSONDecoder().raw_decode(output, output.index("{"))[0]


def same_tokens(record, outputs):
    ids = [json_in(output)["token_ids"] for output in outputs]
    first = next((i for i, pair in enumerate(zip(*ids)) if len(set(pair)) > 1), None)
    record["ok"] = record["exit_code"] == 0 and first is None and len(set(map(len, ids))) == 1
    record["verdict"] = ("the same %d tokens" % len(ids[0])) if record["ok"] else "they part at token %s" % first
    record["figures"] = [dict(name="tokens/s, run %d" % (i + 1), value=round(json_in(o)["decode_tokens_per_s"], 1))
                         for i, o in enumerate(outputs)]


def same_beginning_after_conversion(record, outputs):
    """Two devices add up 16-bit numbers in different orders: 16 tokens are to agree, not all."""
    same_tokens(record, outputs[1:])
    first, second = (json_in(output)["token_ids"][:16] for output in outputs[1:])
    record["ok"] = record["exit_code"] == 0 and first == second


def refused_for_memory(record, outputs):
    record["ok"] = record["exit_code"] not in (0, 124) and "free" in outputs[-1]
    record["verdict"] = "refused, with what is free" if record["ok"] else "not refused as it should be"


def rates(predicted):
    """Figures of engine bench; predicted is tokens/s."""
    def judge(record, outputs):
        report = json_in(outputs[-1])
        for r in report["results"]:
            record["figures"].append(dict(
                name="%s, batch %d, depth %d" % (r["test"], r["batch"], r["depth"]), value=round(r["tokens_per_s"], 1),
                unit="tokens/s", predicted=predicted, p50_ms=round(r["latency_p50_ms"], 3),
                gb_per_s=round(r["bytes_per_s"] / 1e9, 1), of_roof=round(r["bytes_per_s"] / ROOF, 4),
                tflop_per_s=round(r["flops_per_s"] / 1e12, 1),
                outside_kernels=round(r["share_outside_kernels"], 4)))
        record["load_s"] = report["load_s"]
    return judge


def llama_rates(record, outputs):
    for r in json.loads(outputs[-1][outputs[-1].index("["):outputs[-1].rindex("]") + 1]):
        record["figures"].append(dict(name="llama.cpp, p %d, n %d" % (r["n_prompt"], r["n_gen"]), unit="tokens/s",
                                      value=round(r["avg_ts"], 1), predicted=None))


def hugging_face(model, prompt, count):
    """Greedy ids after a prompt by transformers on the GPU, in the form that engine run --json has."""
    import torch
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
    ids = PreTrainedTokenizerFast(tokenizer_file=os.path.join(model, "tokenizer.json"))(prompt)["input_ids"]
    net = AutoModelForCausalLM.from_pretrained(model, torch_dtype=torch.float32).to("cuda").eval()
    begin, found = time.time(), []
    with torch.no_grad():
        for _ in range(count):
            found.append(int(net(torch.tensor([ids + found], device="cuda")).logits[0, -1].argmax()))
    print(json.dumps(dict(token_ids=found, decode_tokens_per_s=count / (time.time() - begin))))
    return 0


def has_torch():
    code, _ = execute([sys.executable, "-c", "import torch, transformers; assert torch.cuda.is_available()"], 60)
    return code == 0


def stages_of(places, work, short, llama=(None, None)):
    def engine(*arguments, **environment):
        return [*places.engine, *arguments], environment

    def tokens(device, dtype, prompt, *more, model=places.demo, **environment):
        return engine("run", "--model", model, "--device", device, "--dtype", dtype, "--temperature", "0",
                      "--max-tokens", "8" if short else "64", "--num-blocks", "64", "--json", "--quiet", *more, prompt,
                      **environment)

    def bench(*arguments, **environment):
        return engine("bench", work, "--device", "cuda", "--dtype", "bfloat16", "--load-format", "dummy", "--json",
                      *arguments, **environment)

    smi = shutil.which("nvidia-smi") or "/usr/local/nvidia/bin/nvidia-smi"
    stages = [
        Stage("facts", "nvidia-smi", 20, (
            [smi, "--query-gpu=name,driver_version,memory.total,memory.used,compute_cap,clocks.max.sm,"
             "clocks.max.mem,power.limit", "--format=csv"], None)),
        Stage("facts", "plan", 30, engine("plan", "--device", "cuda", places.demo)),
        # Is cuBLASLt there, and which?
        Stage("facts", "plan, cuBLASLt", 30, engine(
            "plan", "--device", "cuda", "--dtype", "bfloat16", places.demo, ENGINE_CUDA_CUBLASLT="1")),
    ]
    # On the fake driver the kernels run on the emulated machine; a real one does not know the variable.
    emulated = {"ENGINE_CUDA_FAKE_EMULATES": "1"}
    for group in ["kv"] if short else KERNEL_TESTS:
        stages.append(Stage("kernels", "kernels " + group, 90, ([places.driver_tests, places.ptx, group], emulated)))
    if shutil.which("compute-sanitizer") and not short:
        for tool in ("memcheck", "racecheck"):
            stages.append(Stage("kernels", tool, 90, (
                ["compute-sanitizer", "--tool", tool, places.driver_tests, places.ptx, "kv", "sample"], None)))

    for dtype in ("bfloat16",) if short else ("float32", "bfloat16", "float16"):
        stages.append(Stage("tokens", "cuda = cpu, " + dtype, 60, tokens("cuda", dtype, PROMPTS[0]),
                            tokens("cpu", dtype, PROMPTS[0]), judge=same_tokens))
    switches = [("each launch waited for", {"ENGINE_CUDA_SYNC": "1"}),
                ("graphs off", {"ENGINE_CUDA_GRAPHS": "0"}),
                ("steps in turn", {"ENGINE_CUDA_ASYNC": "0"}),
                ("wgmma", {"ENGINE_CUDA_WGMMA": "1"}),
                ("attention by wgmma", {"ENGINE_CUDA_WGMMA_ATTENTION": "1"}),
                ("dependent launches", {"ENGINE_CUDA_PDL": "1"}),
                ("wgmma and dependent launches", {"ENGINE_CUDA_WGMMA": "1", "ENGINE_CUDA_PDL": "1"})]
    for name, switch in switches:
        stages.append(Stage("tokens", "the same with " + name, 60, tokens("cuda", "bfloat16", PROMPTS[1]),
                            tokens("cuda", "bfloat16", PROMPTS[1], **switch), judge=same_tokens))
    if not short and has_torch():
        stages.append(Stage("tokens", "cuda = Hugging Face, float32", 120, tokens("cuda", "float32", PROMPTS[0]), (
            [sys.executable, os.path.abspath(__file__), "hf", places.demo, PROMPTS[0], "64"], None),
            judge=same_tokens))
    drafts = json.dumps({"method": "draft_model", "model": os.path.join(os.path.dirname(places.demo), "draft"),
                         "num_speculative_tokens": 4, "adaptive": False})
    stages.append(Stage("tokens", "the same with drafts", 60, tokens("cuda", "bfloat16", PROMPTS[1]), tokens(
        "cuda", "bfloat16", PROMPTS[1], "--speculative-config", drafts), judge=same_tokens))
    # Weights of 8 and 4 bits, their inputs rounded as the checkpoint says.
    for scheme in ("int4",) if short else ("int8", "int4", "fp8"):
        made = os.path.join(work, scheme)
        stages.append(Stage(
            "tokens", "cuda = cpu, %s weights" % scheme, 60,
            engine("convert", places.demo, "--out", made, "--quantization", scheme),
            tokens("cuda", "bfloat16", PROMPTS[0], model=made), tokens("cpu", "bfloat16", PROMPTS[0], model=made),
            judge=same_beginning_after_conversion))
        if scheme != "int4":
            stages.append(Stage(
                "tokens", "the same with wgmma, %s weights" % scheme, 60,
                tokens("cuda", "bfloat16", PROMPTS[0], model=made),
                tokens("cuda", "bfloat16", PROMPTS[0], model=made, ENGINE_CUDA_WGMMA="1"), judge=same_tokens))
    # Other sums than the kernels': the tokens may part.
    stages.append(Stage("tokens", "a long prompt, cuBLASLt", 60, tokens(
        "cuda", "bfloat16", 20 * PROMPTS[0], ENGINE_CUDA_CUBLASLT="1")))
    if not short:
        stages.append(Stage("tokens", "fp8 cache", 60, tokens(
            "cuda", "bfloat16", PROMPTS[0], "--kv-cache-dtype", "fp8")))
    stages.append(Stage("tokens", "out of memory", 90, bench(
        "-p", "0", "-n", "1", "--num-blocks", "2000000000" if short else "4000000"), judge=refused_for_memory))

    length, count, repeats = ("16", "4", "1") if short else ("1024", "128", "2")
    batches = [(1, None), (2, None)] if short else [(1, 250), (8, 1860), (64, 9500), (256, 16000)]
    for batch, predicted in batches:
        stages.append(Stage("speed", "decode, batch %d" % batch, 150, bench(
            "-p", "0", "-n", count, "-b", str(batch), "-d", length, "-r", repeats), judge=rates(predicted)))
    stages.append(Stage("speed", "prefill", 90, bench("-p", "32" if short else "2048", "-n", "0", "-r", repeats),
                        judge=rates(None if short else 42000)))
    if not short:
        for name, switch in (("wgmma", {"ENGINE_CUDA_WGMMA": "1"}),
                             ("attention by wgmma", {"ENGINE_CUDA_WGMMA_ATTENTION": "1"}),
                             ("cuBLASLt", {"ENGINE_CUDA_CUBLASLT": "1"})):
            stages.append(Stage("speed", "prefill, " + name, 90, bench(
                "-p", "2048", "-n", "0", "-r", repeats, **switch), judge=rates(42000), switch=name, against="prefill"))
        for batch, predicted in batches[2:]:
            for name, switch in (("cuBLASLt", {"ENGINE_CUDA_CUBLASLT": "1"}), ("wgmma", {"ENGINE_CUDA_WGMMA": "1"})):
                stages.append(Stage("speed", "decode, batch %d, %s" % (batch, name), 150, bench(
                    "-p", "0", "-n", count, "-b", str(batch), "-d", length, "-r", repeats, **switch),
                    judge=rates(predicted), switch=name, against="decode, batch %d" % batch))
    for name, switch in switches[1:]:
        stages.append(Stage("speed", "decode, batch 1, " + name, 90, bench(
            "-p", "0", "-n", count, "-d", length, "-r", repeats, **switch), judge=rates(None),
            switch=name, against="decode, batch 1"))
    program, model = llama
    if program and model:
        stages.append(Stage("speed", "llama.cpp", 240, (
            [program, "-m", model, "-p", "2048", "-n", "128", "-ngl", "99", "-o", "json"], None), judge=llama_rates))
        stages.append(Stage("speed", "the engine on that file", 240, engine(
            "bench", model, "--device", "cuda", "-p", "2048", "-n", "128", "-r", repeats, "--json"),
            judge=rates(None)))
    return stages


def verdicts(records):
    """Of each switch: what it changed, and whether it gave the same tokens in this run."""
    by_name = {r["stage"]: r for r in records}
    lines = []
    for r in records:
        base = by_name.get(r.get("against") or "")
        if not base or not base["figures"] or not r["figures"]:
            continue
        before, after = base["figures"][0]["value"], r["figures"][0]["value"]
        ratio = after / before if before else 0
        tokens = by_name.get("the same with " + r["switch"])
        right = "not compared" if tokens is None else "the same" if tokens["ok"] else "NOT the same"
        word = "pays" if ratio >= 1.02 else "costs" if ratio <= 0.98 else "no difference"
        lines.append("| %s | %s | %.1f | %.1f | %.3f | %s | %s |" % (
            r["switch"], r["against"], before, after, ratio, word, right))
    head = ["", "| switch | stage | without | with | ratio | | tokens |",
            "| --- | --- | ---: | ---: | ---: | --- | --- |"]
    return "\n".join(head + lines) + "\n" if lines else ""


def table(records):
    lines = ["| stage | result | s | figure | measured | predicted |", "| --- | --- | ---: | --- | ---: | ---: |"]
    for r in records:
        result = ("ok" if r["ok"] else "FAILED (%s)" % r["exit_code"]) + (": " + r["verdict"] if "verdict" in r else "")
        for i, f in enumerate(r["figures"] or [{}]):
            head = "| %s | %s | %.1f " % (r["stage"], result, r["seconds"]) if i == 0 else "| | | "
            value = "%s %s" % (f.get("value", ""), f.get("unit", ""))
            roof = ", %.0f %% of %.1f TB/s" % (100 * f["of_roof"], ROOF / 1e12) if "of_roof" in f else ""
            cells = (f.get("name", "") + roof, value.strip(), f.get("predicted") or "")
            lines.append(head + "| %s | %s | %s |" % cells)
    return "\n".join(lines) + "\n" + verdicts(records)


def show(arguments):
    """What a run would do, in the worst case."""
    seconds = {}
    for stage in stages_of(Places(ROOT, arguments.engine), "SHAPE", arguments.short, (
            arguments.llama_bench, arguments.llama_model)):
        if stage.group in arguments.groups.split(","):
            seconds[stage.group] = seconds.get(stage.group, 0) + stage.limit
            print("%-8s %-46s at most %4d s%s" % (stage.group, stage.name, stage.limit, (
                ", against " + stage.against) if stage.against else ""))
    print(", ".join("%s: at most %d s" % pair for pair in seconds.items()))
    return 0


def run(arguments):
    end = time.time() + arguments.seconds
    os.makedirs(arguments.out, exist_ok=True)
    folder = ROOT
    if arguments.kit:
        folder = tempfile.mkdtemp(prefix="engine-gpu-")
        with tarfile.open(arguments.kit) as tar:
            tar.extractall(folder)
    work = tempfile.mkdtemp(prefix="engine-shape-")
    with open(os.path.join(work, "config.json"), "w") as file:
        json.dump(dict(SMALL if arguments.short else LARGE, architectures=["LlamaForCausalLM"], model_type="llama",
                       hidden_act="silu", rms_norm_eps=1e-5, rope_theta=500000.0, max_position_embeddings=8192,
                       tie_word_embeddings=False, torch_dtype="bfloat16"), file)
    records = []
    groups = arguments.groups.split(",")
    with open(os.path.join(arguments.out, "results.jsonl"), "a") as results:
        for stage in stages_of(Places(folder, arguments.engine), work, arguments.short, (
                arguments.llama_bench, arguments.llama_model)):
            if stage.group not in groups:
                continue
            left = end - time.time()
            record = stage.run(left) if left > 2 else dict(
                group=stage.group, stage=stage.name, seconds=0, exit_code=125, ok=False, figures=[], tail="",
                verdict="not begun: the time is up", switch=stage.switch, against=stage.against)
            records.append(record)
            results.write(json.dumps(record) + "\n")
            results.flush()
            os.fsync(results.fileno())
            with open(os.path.join(arguments.out, "report.md"), "w") as report:
                report.write(table(records))
            print("%-34s %s %6.1f s  %s" % (stage.name, "ok    " if record["ok"] else "FAILED", record["seconds"],
                                            record.get("verdict", "")), flush=True)
    print(table(records))
    shutil.rmtree(work)
    if arguments.kit:
        shutil.rmtree(folder)
    return min(100, sum(not r["ok"] for r in records))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    packer = commands.add_parser("pack")
    packer.add_argument("kit")
    packer.add_argument("--beside-checkout", action="store_true", help="leave out what a checkout has")
    runner = commands.add_parser("run")
    runner.add_argument("--kit", help="what pack made; without one, the repository's own build/ and out/")
    runner.add_argument("--out", required=True)
    runner.add_argument("--seconds", type=float, default=1500, help="for all stages")
    for parser_of in (runner, commands.add_parser("list")):
        parser_of.add_argument("--engine", help="the engine command, if not the kit's")
        parser_of.add_argument("--groups", default=",".join(GROUPS))
        parser_of.add_argument("--short", action="store_true")
        parser_of.add_argument("--llama-bench", default=os.environ.get("LLAMA_BENCH"))
        parser_of.add_argument("--llama-model", default=os.environ.get("LLAMA_MODEL"))
    hf = commands.add_parser("hf")
    hf.add_argument("model")
    hf.add_argument("prompt")
    hf.add_argument("count", type=int)
    arguments = parser.parse_args()
    if arguments.command == "hf":
        return hugging_face(arguments.model, arguments.prompt, arguments.count)
    return {"pack": lambda: pack(arguments.kit, arguments.beside_checkout), "run": lambda: run(arguments),
            "list": lambda: show(arguments)}[arguments.command]()


if __name__ == "__main__":
    sys.exit(main())
