"""Records what llama.cpp's converter makes of the reference models: families.json.gz.

python3 make.py LLAMA_CPP MODELS: the checkout of llama.cpp, and the folder of tiny models. Needs torch and numpy. No
weight is recorded, only config.json, the metadata, and for each tensor its name in the checkpoint and what was done
to it, found by trying. Then run add_gemma4.py.
"""
import gzip
import json
import shutil
import sys
import tempfile
import types
from pathlib import Path

LLAMA_CPP, MODELS = Path(sys.argv[1]), Path(sys.argv[2])
sys.path[:0] = [str(LLAMA_CPP / "gguf-py"), str(LLAMA_CPP)]

import numpy as np
import torch

# The converter imports transformers for tokenizers, which these models have not, and types of newer versions of torch.
stub = types.ModuleType("transformers")
stub.AutoConfig = stub.AutoTokenizer = type("Missing", (), {"from_pretrained": staticmethod(lambda *a, **k: 1 / 0)})
sys.modules["transformers"] = stub
for name in ["float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "uint64"]:
    if not hasattr(torch, name):
        setattr(torch, name, type(name, (), {})())

import conversion
from conversion import base, stablelm
from conversion.base import ModelBase, TextModel, gguf

# What the format cannot say is taken out of the checkpoint's configuration.
CHANGES = {
    "bloom": {"seq_length": 256},
    "cohere2": {"rotary_pct": 1.0},
    "gemma2": {"query_pre_attn_scalar": 32},
    "gemma3": {"query_pre_attn_scalar": 32, "sliding_window_pattern": 6},
    "hunyuan": {"max_position_embeddings": 32768},
    "mistral": {"sliding_window": None},
    "mpt": {"architectures": ["MPTForCausalLM"]},
    "smollm3": {"no_rope_layers": None, "no_rope_layer_interval": 4},
    "starcoder2": {"sliding_window": None},
}

FAMILIES = """apertus arcee bloom cohere cohere2 ernie4_5 exaone4 falcon falcon-mq gemma gemma2 gemma3 glm4 gpt-bigcode
gpt-neox gpt2 granite hunyuan llama-bias llama-headdim llama-plain llama-rope-linear llama-rope-llama3 llama-rope-yarn
llama-tied ministral3 mistral mpt nemotron olmo2 olmo3 phi phi3 phi3-longrope qwen2 qwen2-yarn qwen3 seed-oss smollm3
stablelm stablelm-parallel starcoder2""".split()


def stack_norms(self, data, name, bid):
    """The converter's own stacking yields nothing: it returns a generator from a generator."""
    for layer, count in (("q_layernorm", "num_attention_heads"), ("k_layernorm", "num_key_value_heads")):
        if layer + ".norms" not in name:
            continue
        seen = self.__dict__.setdefault("seen", {}).setdefault((layer, bid), {})
        seen[name] = data
        if len(seen) == self.hparams[count]:
            yield from self._stack_qk_norm(bid, len(seen), seen, layer)
        return
    yield from TextModel.modify_tensors(self, data, name, bid)


stablelm.StableLMModel.modify_tensors = stack_norms


def few_tokens(self):
    count = self.hparams["vocab_size"]
    self.gguf_writer.add_tokenizer_model("gpt2")
    self.gguf_writer.add_tokenizer_pre("gpt-2")
    self.gguf_writer.add_token_list([f"t{i}" for i in range(count)])
    self.gguf_writer.add_token_types([1] * count)
    self.gguf_writer.add_token_merges(["t 1"])


def operations(config, head_dim):
    heads = config.get("num_attention_heads") or config.get("n_head") or config.get("n_heads")
    kv = config.get("num_kv_heads") or config.get("num_key_value_heads") or heads

    def pairs(x):
        return x.reshape(-1, 2, head_dim // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)

    def sort(groups):
        def apply(x):
            y = x.reshape(groups, -1, head_dim, *x.shape[1:])
            return np.concatenate([y[:, :-2].reshape(-1, *x.shape[1:]), y[:, -2].reshape(-1, *x.shape[1:]),
                                   y[:, -1].reshape(-1, *x.shape[1:])])
        return apply

    yield "same", lambda x: x
    yield "add1", lambda x: x + np.float32(1)
    yield "transpose", lambda x: x.T
    yield "pairs", pairs
    yield f"sort {kv}", sort(kv)
    yield f"sort {heads}", sort(heads)


def operation_of(source, result, config, head_dim):
    for name, apply in operations(config, head_dim):
        try:
            if np.array_equal(apply(source), result):
                return name
        except (IndexError, ValueError):
            pass
    return None


def record(name):
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / name
        shutil.copytree(MODELS / name, folder)
        config = json.loads((folder / "config.json").read_text()) | CHANGES.get(name, {})
        (folder / "config.json").write_text(json.dumps(config))
        vocab = {"model": {"vocab": {str(i): i for i in range(config["vocab_size"])}}, "added_tokens": []}
        (folder / "tokenizer.json").write_text(json.dumps(vocab))
        sources = {}
        with torch.inference_mode():
            kind = conversion.get_model_class(base.get_model_architecture(
                ModelBase.load_hparams(folder, False), base.ModelType.TEXT))
            for c in kind.__mro__:
                if "set_vocab" in c.__dict__:
                    c.set_vocab = few_tokens
            model = kind(folder, gguf.LlamaFileType.ALL_F32, Path(work) / "out.gguf", eager=True)
            for key, get in model.model_tensors.items():
                sources[key] = get().float().numpy()
            model.write()
        return describe(name, config, sources, gguf.GGUFReader(Path(work) / "out.gguf"))


def describe(name, config, sources, reader):
    metadata = {}
    for key, field in reader.fields.items():
        if key.startswith(("GGUF", "tokenizer", "general.")) and key != "general.architecture":
            continue
        metadata[key] = ["/".join(t.name for t in field.types), field.contents()]
    if name == "nemotron":  # computed from hidden_size / num_attention_heads, which is not head_dim here
        metadata["nemotron.rope.dimension_count"][1] = 12
    hidden = config.get("hidden_size") or config.get("n_embd") or config.get("d_model")
    heads = config.get("num_attention_heads") or config.get("n_head") or config.get("n_heads")
    head_dim = config.get("head_dim") or hidden // heads
    tensors = []
    for t in reader.tensors:
        data = np.array(t.data)
        entry = {"name": t.name, "shape": [int(x) for x in reversed(t.shape)]}
        matches = [(s, o) for s, x in sources.items() if (o := operation_of(x, data, config, head_dim))]
        stacked = [[s, "row"] for i in range(len(data) if data.ndim == 2 else 0)
                   for s, x in sources.items() if x.shape == data[i].shape and np.array_equal(x, data[i])]
        if matches:
            entry["from"] = [list(matches[0])]
        elif stacked and len(stacked) == len(data):
            entry["from"] = stacked
        else:
            entry["values"] = [float(x) for x in data.flatten()]
            assert len(entry["values"]) < 64, t.name
        tensors.append(entry)
    return {"config": config, "metadata": metadata, "tensors": tensors}


families = {}
for name in FAMILIES:
    families[name] = record(name)
    operations_found = sorted({o for t in families[name]["tensors"] for _, o in t.get("from", [["", "values"]])})
    print(name, operations_found)
target = Path(__file__).with_name("families.json.gz")
target.write_bytes(gzip.compress(json.dumps(families, separators=(",", ":")).encode(), 9, mtime=0))
print(target.stat().st_size, "bytes")
