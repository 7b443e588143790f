#!/usr/bin/env python3
"""The kernels and the engine on processors that this machine is not, AMX above all: in a PC that Bochs emulates.

  amx_emulator.py --bochs FOLDER [--kernel VMLINUZ] [--engine PROGRAM] [--work FOLDER] [--only MODEL,...]

FOLDER (or BOCHS) holds Bochs' sources, https://github.com/bochs-emu/Bochs; they are patched (emulator/bochs-amx.patch)
and built there once. Without --kernel Debian's is fetched by apt and unpacked, not installed. Needed besides: gcc that
assembles 32-bit code, ldd, patch, and what ./build.sh leaves in build/kernels and out/. Some minutes; nothing of the
speed of the emulated processor is to be believed.

On a Sapphire Rapids, with the processor's own tile instructions under a kernel that keeps their state: kernels_tiles,
and `engine run` with weights of bf16, int8 and int4, whose tokens are those of the levels below. On five older
processors: that the same programs run, on the level that is right for each. Exit code: the number of failed checks.
"""
import argparse, json, os, sys, tempfile

from emulated_pc import Files, Machine, build_bochs, debian_kernel
from subprocess import PIPE, DEVNULL, run

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Bochs' names, and the level that each must choose.
MODELS = {"sapphire_rapids": "amx-bf16", "corei7_icelake_u": "avx512-vnni", "corei7_skylake_x": "avx512",
          "corei7_haswell_4770": "avx2", "ryzen": "avx2", "corei5_lynnfield_750": "baseline"}
# More tokens than rows that do without tiles of integers.
PROMPT = "Once upon a time there was a little girl who lived in a house"
ARGUMENTS = ["run", "--temperature", "0", "--max-tokens", "8", "--max-model-len", "128", "--threads", "2"]
WEIGHTS = {"bf16": ["--dtype", "bfloat16"], "int8": ["--quantization", "int8"], "int4": ["--quantization", "int4"]}


def runs(model):
    """[(name, environment, arguments)] of `engine` on a processor; equal ones have the name up to the dash."""
    if MODELS[model] != "amx-bf16":
        return [("bf16-here", {}, WEIGHTS["bf16"] + [PROMPT])]
    levels = {"bf16": "avx512-bf16", "int8": "avx512-vnni", "int4": "avx512-vnni"}
    return [(weights + "-" + where, {} if where == "here" else {"ENGINE_CPU_ISA": levels[weights]}, how + [PROMPT])
            for weights, how in WEIGHTS.items() for where in ("here", "below")]


def tokens(text):
    lines = [line for line in text.split("\n") if line.startswith("{")]
    try:
        return json.loads(lines[-1])["token_ids"]
    except (IndexError, ValueError, KeyError):
        return None


def expected_tokens(engine, demo):
    """Of every kind of weights, on this machine."""
    found = {}
    for weights, how in WEIGHTS.items():
        command = [engine] + ARGUMENTS + ["--json", "--model", demo] + how + [PROMPT]
        found[weights] = tokens(run(command, stdout=PIPE, stderr=DEVNULL, text=True).stdout)
    return found


class Checks:
    def __init__(self):
        self.failed = 0

    def check(self, what, good, said=""):
        self.failed += not good
        print("%-6s %s" % ("ok" if good else "FAILED", what), flush=True)
        if not good and said:
            print(said[-3000:], flush=True)


def digests(said):
    """{what: digest} of all that kernels_tiles says a level of its own gave."""
    lines = [line.rsplit(": ", 1) for line in said.split("\n") if line.startswith("digest of ")]
    return {what: digest for what, digest in lines if digest.strip("0")}


def check_model(model, results, expected, here, checks):
    level = MODELS[model]
    code, said = results.get("tiles", (None, ""))
    for what, digest in sorted(digests(said).items()):
        if what in here:
            checks.check("%s: %s, as on this machine" % (model, what), digest == here[what], said)
    figures = said.split("\n")[-1]
    checks.check("%s: kernels_tiles: %s" % (model, figures), code == 0, said)
    code, said = results.get("text", (None, ""))
    # With few threads or many, the last line of figures names the device.
    checks.check("%s: engine run says %s" % (model, level), code == 0 and "(%s," % level in said, said)
    for name, _, _ in runs(model):
        code, said = results.get(name, (None, ""))
        weights = name.split("-")[0]
        found = tokens(said)
        good = code == 0 and found is not None and found == expected[weights]
        checks.check("%s: tokens of %s: %s" % (model, name, found), good, said)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bochs", default=os.environ.get("BOCHS"))
    parser.add_argument("--kernel")
    parser.add_argument("--engine", default=os.path.join(ROOT, "out/bin/engine"))
    parser.add_argument("--tiles", default=os.path.join(ROOT, "build/kernels/kernels_tiles"))
    parser.add_argument("--demo", default=os.path.join(ROOT, "demo-model/model"))
    parser.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "engine-amx-emulator"))
    parser.add_argument("--only", default=",".join(MODELS))
    parser.add_argument("--seconds", type=int, default=900)
    given = parser.parse_args()
    if given.bochs is None:
        parser.error("--bochs FOLDER (or BOCHS) is missing")
    unknown = set(given.only.split(",")) - set(MODELS)
    if unknown:
        parser.error("no such model here: %s; there are %s" % (", ".join(sorted(unknown)), ", ".join(MODELS)))
    os.makedirs(given.work, exist_ok=True)
    program = build_bochs(given.bochs)
    machine = Machine(program, given.kernel or debian_kernel(os.path.join(given.work, "linux")), given.work)
    files = Files()
    files.add_program(given.engine, "bin/engine")
    files.add_program(given.tiles, "bin/kernels_tiles")
    for name in sorted(os.listdir(given.demo)):
        files.add_file(os.path.join(given.demo, name), "model/" + name)
    expected = expected_tokens(given.engine, given.demo)
    here = digests(run([given.tiles], stdout=PIPE, text=True).stdout)
    checks = Checks()
    for model in given.only.split(","):
        engine = ["/bin/engine"] + ARGUMENTS + ["--model", "/model"]
        real = ["real"] if MODELS[model] == "amx-bf16" else []
        commands = [("tiles", {}, ["/bin/kernels_tiles"] + real), ("text", {}, engine + [PROMPT])]
        commands += [(name, env, engine + ["--json"] + words) for name, env, words in runs(model)]
        check_model(model, machine.run(model, files, commands, given.seconds), expected, here, checks)
    print("%d failed" % checks.failed)
    return checks.failed


if __name__ == "__main__":
    sys.exit(main())
