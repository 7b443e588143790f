"""Widens a small trained Llama (or its EAGLE head) to the shapes of a large one, without changing what it computes.

    python3 eng/widen_model.py demo-model/model --out wide
    python3 eng/widen_model.py demo-model/eagle --out wide-eagle

New columns, heads and layers are zeros, and norms are scaled by what the zeros take from the mean: the text and what drafts
are accepted are the small model's (up to the rounding of the norms to bf16), time and memory are the large one's. For
benchmarks of what depends on both. Python's standard library alone.
"""
import argparse
import array
import json
import math
import os
import shutil
import struct

HIDDEN, INTERMEDIATE, LAYERS, HEADS, KV_HEADS = 2048, 5632, 22, 32, 4  # of 1.1 B parameters with a vocabulary of 32,000


def read(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        base = file.tell()
        header.pop("__metadata__", None)
        for name, item in header.items():
            assert item["dtype"] == "BF16", f"{name} is {item['dtype']}: only BF16 is read"
            file.seek(base + item["data_offsets"][0])
            values = array.array("H", file.read(item["data_offsets"][1] - item["data_offsets"][0]))
            yield name, item["shape"], values


def scaled(values, factor):
    def one(bits):
        bits = struct.unpack("<I", struct.pack("<f", struct.unpack("<f", struct.pack("<I", bits << 16))[0] * factor))[0]
        return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    return array.array("H", map(one, values))


def place(values, rows, columns, new_rows, runs):
    """The rows' columns at other places: runs of (from, to, count). KV heads are copied to where their query heads look."""
    wide, out = sum(run[2] for run in runs), array.array("H", bytes(2 * new_rows[1] * columns))
    assert wide * rows == len(values)
    for row in range(rows):
        for source, target, count in runs:
            at = new_rows[0](row) * columns + target
            out[at:at + count] = values[row * wide + source:row * wide + source + count]
    return out


def widen(name, shape, values, config):
    """A tensor's new shape and values."""
    hidden, inter, size = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    group, new_group = config["num_attention_heads"] // config["num_key_value_heads"], HEADS // KV_HEADS
    # Query head h of KV head k stays with it: the first of the new, larger group.
    query = lambda i: (i // size // group * new_group + i // size % group) * size + i % size
    same = lambda i: i
    whole = [(0, 0, shape[-1])]
    if len(shape) == 1:
        values = values if "bias" in name else scaled(values, math.sqrt(hidden / HIDDEN))
        return [HIDDEN], place(values, 1, HIDDEN, (same, 1), whole)
    kind = name.split(".")[-2]
    rows, columns, place_row, runs = {
        "embed_tokens": (shape[0], HIDDEN, same, whole), "lm_head": (shape[0], HIDDEN, same, whole),
        "q_proj": (HEADS * size, HIDDEN, query, whole),
        "k_proj": (KV_HEADS * size, HIDDEN, same, whole), "v_proj": (KV_HEADS * size, HIDDEN, same, whole),
        "o_proj": (HIDDEN, HEADS * size, same, [(h * size, query(h * size), size) for h in range(shape[1] // size)]),
        "gate_proj": (INTERMEDIATE, HIDDEN, same, whole), "up_proj": (INTERMEDIATE, HIDDEN, same, whole),
        "down_proj": (HIDDEN, INTERMEDIATE, same, whole),
        "fc": (HIDDEN, 2 * HIDDEN, same, [(0, 0, hidden), (hidden, HIDDEN, hidden)]),
    }[kind]
    return [rows, columns], place(values, shape[0], columns, (place_row, rows), runs)


def write(path, tensors):
    header, at = {}, 0
    for name, shape, values in tensors:
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + 2 * math.prod(shape)]}
        at += 2 * math.prod(shape)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, values in tensors:
            values.tofile(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    config = json.load(open(os.path.join(args.model, "config.json")))
    os.makedirs(args.out)
    tensors = [(n, *widen(n, s, v, config)) for n, s, v in read(os.path.join(args.model, "model.safetensors"))]
    layers = config["num_hidden_layers"]
    if config["model_type"] != "eagle":  # layers of zeros add nothing to what passes them
        first = [t for t in tensors if t[0].startswith("model.layers.0.")]
        for layer in range(layers, LAYERS):
            tensors += [(n.replace(".0.", f".{layer}.", 1), s, array.array("H", bytes(2 * math.prod(s)))) for n, s, _ in first]
        layers = LAYERS
    write(os.path.join(args.out, "model.safetensors"), tensors)
    config |= {
        "hidden_size": HIDDEN, "intermediate_size": INTERMEDIATE, "num_hidden_layers": layers, "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS, "rms_norm_eps": config["rms_norm_eps"] * config["hidden_size"] / HIDDEN}
    json.dump(config, open(os.path.join(args.out, "config.json"), "w"), indent=2)
    for name in os.listdir(args.model):
        if name not in ("config.json", "model.safetensors"):
            shutil.copy(os.path.join(args.model, name), args.out)


if __name__ == "__main__":
    main()
