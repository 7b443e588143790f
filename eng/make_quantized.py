"""Writes a folder of a Llama of 1.1 B parameters with random GPTQ or AWQ weights (4 bits, groups of 128), to time it.

    python3 make_quantized.py gptq --out 1b-gptq
    python3 make_quantized.py awq --out 1b-awq
"""
import argparse
import json
import os
import random
import struct

HIDDEN, INTERMEDIATE, LAYERS, HEADS, KV_HEADS, VOCAB, GROUP = 2048, 5632, 22, 32, 4, 32000, 128
KV = HIDDEN // HEADS * KV_HEADS
LINEARS = {
    "self_attn.q_proj": (HIDDEN, HIDDEN), "self_attn.k_proj": (KV, HIDDEN), "self_attn.v_proj": (KV, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN), "mlp.gate_proj": (INTERMEDIATE, HIDDEN),
    "mlp.up_proj": (INTERMEDIATE, HIDDEN), "mlp.down_proj": (HIDDEN, INTERMEDIATE)}


def halves(count, draw):
    """count F16 numbers; a run of 4,099 drawn ones over and over."""
    run = struct.pack("<4099e", *(draw() for _ in range(4099)))
    return (run * (2 * count // len(run) + 1))[:2 * count]


def tensors(method, chance):
    def weights(count):
        return halves(count, lambda: chance.gauss(0, 0.02))

    yield "model.embed_tokens.weight", "F16", (VOCAB, HIDDEN), weights(VOCAB * HIDDEN)
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield f"{at}{name}.weight", "F16", (HIDDEN,), halves(HIDDEN, lambda: 1.0)
        for name, (n, k) in LINEARS.items():
            groups = k // GROUP
            shape = (k // 8, n) if method == "gptq" else (k, n // 8)
            yield f"{at}{name}.qweight", "I32", shape, chance.randbytes(n * k // 2)
            # 8 is the middle of the range; GPTQ's first format stores one less.
            zero = b"\x77" if method == "gptq" else b"\x88"
            yield f"{at}{name}.qzeros", "I32", (groups, n // 8), zero * (groups * n // 2)
            yield f"{at}{name}.scales", "F16", (groups, n), halves(groups * n, lambda: chance.uniform(0.002, 0.006))
            if method == "gptq":
                order = struct.pack(f"<{k}i", *(i // GROUP for i in range(k)))
                yield f"{at}{name}.g_idx", "I32", (k,), order
    yield "model.norm.weight", "F16", (HIDDEN,), halves(HIDDEN, lambda: 1.0)
    yield "lm_head.weight", "F16", (VOCAB, HIDDEN), weights(VOCAB * HIDDEN)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("method", choices=["gptq", "awq"])
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    own = {"desc_act": False, "sym": True} if args.method == "gptq" else {"zero_point": True, "version": "gemm"}
    quantization = {"quant_method": args.method, "bits": 4, "group_size": GROUP} | own
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "float16",
        "hidden_size": HIDDEN, "intermediate_size": INTERMEDIATE, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "vocab_size": VOCAB, "hidden_act": "silu",
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 4096,
        "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2,
        "quantization_config": quantization}
    with open(os.path.join(args.out, "config.json"), "w") as f:
        json.dump(config, f, indent=2)
    header, parts, at = {}, [], 0
    for name, kind, shape, data in tensors(args.method, random.Random(args.seed)):
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(args.out, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.writelines(parts)


main()
