"""Adds Gemma 4 to families.json.gz, as llama.cpp's converter would write it.

python3 add_gemma4.py MODELS: the folder of tiny models. Written by the converter's source (conversion/gemma.py), not
recorded from a run of it as the others are (make.py): the checkout at hand then had no Gemma 4.
"""
import gzip
import json
import sys
from pathlib import Path

MODELS = Path(sys.argv[1])
F32 = "FLOAT32"
IN_LAYER = [
    ("input_layernorm.weight", "attn_norm"), ("self_attn.q_proj.weight", "attn_q"), ("self_attn.k_proj.weight", "attn_k"),
    ("self_attn.v_proj.weight", "attn_v"), ("self_attn.o_proj.weight", "attn_output"),
    ("self_attn.q_norm.weight", "attn_q_norm"), ("self_attn.k_norm.weight", "attn_k_norm"),
    ("post_attention_layernorm.weight", "post_attention_norm"), ("pre_feedforward_layernorm.weight", "ffn_norm"),
    ("mlp.gate_proj.weight", "ffn_gate"), ("mlp.up_proj.weight", "ffn_up"), ("mlp.down_proj.weight", "ffn_down"),
    ("post_feedforward_layernorm.weight", "post_ffw_norm"), ("layer_scalar", "layer_output_scale"),
    ("per_layer_input_gate.weight", "inp_gate"), ("per_layer_projection.weight", "proj"),
    ("post_per_layer_input_norm.weight", "post_norm"),
]


def shapes(c, layer):
    """Shapes of a layer's tensors; None for one that the layer has not."""
    hidden, heads = c["hidden_size"], c["num_attention_heads"]
    is_full = c["layer_types"][layer] == "full_attention"
    reads = layer >= c["num_hidden_layers"] - c["num_kv_shared_layers"]
    same = c["attention_k_eq_v"] and is_full
    dim = c["global_head_dim"] if is_full else c["head_dim"]
    kv = dim * (c.get("num_global_key_value_heads") or c["num_key_value_heads"] if same else c["num_key_value_heads"])
    inner = c["intermediate_size"] * (2 if reads and c["use_double_wide_mlp"] else 1)
    own = c["hidden_size_per_layer_input"]
    return {
        "input_layernorm.weight": [hidden], "self_attn.q_proj.weight": [heads * dim, hidden],
        "self_attn.k_proj.weight": None if reads else [kv, hidden],
        "self_attn.v_proj.weight": None if reads or same else [kv, hidden],
        "self_attn.o_proj.weight": [hidden, heads * dim], "self_attn.q_norm.weight": [dim],
        "self_attn.k_norm.weight": None if reads else [dim],
        "post_attention_layernorm.weight": [hidden], "pre_feedforward_layernorm.weight": [hidden],
        "mlp.gate_proj.weight": [inner, hidden], "mlp.up_proj.weight": [inner, hidden],
        "mlp.down_proj.weight": [hidden, inner], "post_feedforward_layernorm.weight": [hidden], "layer_scalar": [1],
        "per_layer_input_gate.weight": [own, hidden] if own else None,
        "per_layer_projection.weight": [hidden, own] if own else None,
        "post_per_layer_input_norm.weight": [hidden] if own else None,
    }


def metadata(c):
    rope, layers = c["rope_parameters"], c["num_hidden_layers"]
    sliding = [t == "sliding_attention" for t in c["layer_types"]]
    first = layers - c["num_kv_shared_layers"]
    values = {
        "block_count": ["UINT32", layers], "context_length": ["UINT32", c["max_position_embeddings"]],
        "embedding_length": ["UINT32", c["hidden_size"]],
        "feed_forward_length": ["UINT32", c["intermediate_size"]],
        "attention.head_count": ["UINT32", c["num_attention_heads"]],
        "attention.head_count_kv": ["UINT32", c["num_key_value_heads"]],
        "rope.freq_base": [F32, rope["full_attention"]["rope_theta"]],
        "rope.freq_base_swa": [F32, rope["sliding_attention"]["rope_theta"]],
        "attention.layer_norm_rms_epsilon": [F32, c["rms_norm_eps"]],
        "final_logit_softcapping": [F32, c["final_logit_softcapping"]],
        "attention.sliding_window": ["UINT32", c["sliding_window"]],
        "attention.shared_kv_layers": ["UINT32", c["num_kv_shared_layers"]],
        "embedding_length_per_layer_input": ["UINT32", c["hidden_size_per_layer_input"]],
        "attention.sliding_window_pattern": ["ARRAY/BOOL", sliding],
        "attention.key_length": ["UINT32", c["global_head_dim"]],
        "attention.value_length": ["UINT32", c["global_head_dim"]],
        "attention.key_length_swa": ["UINT32", c["head_dim"]],
        "attention.value_length_swa": ["UINT32", c["head_dim"]],
        "rope.dimension_count": ["UINT32", c["global_head_dim"]],
        "rope.dimension_count_swa": ["UINT32", c["head_dim"]],
    }
    if c["use_double_wide_mlp"]:
        widths = [c["intermediate_size"] * (1 if i < first else 2) for i in range(layers)]
        values["feed_forward_length"] = ["ARRAY/INT32", widths]
    if c.get("num_global_key_value_heads"):
        counts = [c["num_key_value_heads"] if s else c["num_global_key_value_heads"] for s in sliding]
        values["attention.head_count_kv"] = ["ARRAY/INT32", counts]
    return {"general.architecture": ["STRING", "gemma4"]} | {"gemma4." + k: v for k, v in values.items()}


def record(c):
    layers, hidden, own = c["num_hidden_layers"], c["hidden_size"], c["hidden_size_per_layer_input"]
    entries = [("token_embd.weight", [c["vocab_size"], hidden], "model.embed_tokens.weight"),
               ("output_norm.weight", [hidden], "model.norm.weight")]
    if own:
        entries += [
            ("per_layer_token_embd.weight", [c["vocab_size_per_layer_input"], layers * own],
             "model.embed_tokens_per_layer.weight"),
            ("per_layer_model_proj.weight", [layers * own, hidden], "model.per_layer_model_projection.weight"),
            ("per_layer_proj_norm.weight", [own], "model.per_layer_projection_norm.weight")]
    for i in range(layers):
        of = shapes(c, i)
        entries += [(f"blk.{i}.{gguf}.weight", of[name], f"model.layers.{i}.{name}")
                    for name, gguf in IN_LAYER if of[name]]
    half = c["global_head_dim"] // 2
    turning = int(c["global_head_dim"] * c["rope_parameters"]["full_attention"]["partial_rotary_factor"] / 2)
    tensors = [{"name": "rope_freqs.weight", "shape": [half], "values": [1.0] * turning + [1e30] * (half - turning)}]
    tensors += [{"name": n, "shape": s, "from": [[source, "same"]]} for n, s, source in entries]
    return {"config": c, "metadata": metadata(c), "tensors": tensors}


path = Path(__file__).with_name("families.json.gz")
families = json.loads(gzip.decompress(path.read_bytes()))
config = json.loads((MODELS / "gemma4" / "config.json").read_text())
families["gemma4"] = record(config)
# As the 31B model: no embeddings per layer, no shared layers, keys as values in full ones, which have fewer heads.
families["gemma4-k-eq-v"] = record(config | {
    "attention_k_eq_v": True, "num_key_value_heads": 2, "num_global_key_value_heads": 1, "num_kv_shared_layers": 0,
    "hidden_size_per_layer_input": 0, "use_double_wide_mlp": False})
path.write_bytes(gzip.compress(json.dumps(families, separators=(",", ":")).encode(), 9, mtime=0))
print(path.stat().st_size, "bytes")
