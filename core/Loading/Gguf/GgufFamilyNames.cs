namespace Engine.Loading.Gguf;

/// <summary>Names of the tensors of families: in checkpoints and in GGUF files.</summary>
internal static class GgufFamilyNames
{
    private static readonly (string, string)[] UsualGlobals =
        [("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output")];

    private static readonly (string, string)[] UsualAttention =
    [
        ("input_layernorm", "attn_norm"),
        ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"), ("self_attn.q_norm", "attn_q_norm"), ("self_attn.k_norm", "attn_k_norm"),
        ("post_attention_layernorm", "ffn_norm"),
    ];

    public static readonly GgufNames Usual = GgufNames.Of(
        "model.layers.", UsualGlobals,
        [
            .. UsualAttention,
            ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
        ]);

    public static readonly GgufNames NormsBehind = Usual.With(
        ("post_attention_layernorm", "post_attention_norm"), ("post_feedforward_layernorm", "post_ffw_norm"));

    public static readonly GgufNames Sandwich = NormsBehind.With(("pre_feedforward_layernorm", "ffn_norm"));

    public static readonly GgufNames Gemma4 = Sandwich.With(
        ("per_layer_input_gate", "inp_gate"), ("per_layer_projection", "proj"),
        ("post_per_layer_input_norm", "post_norm"), ("layer_scalar", "layer_output_scale")) with
    {
        Globals = GgufNames.Of(
            "",
            [
                .. UsualGlobals, ("model.embed_tokens_per_layer", "per_layer_token_embd"),
                ("model.per_layer_model_projection", "per_layer_model_proj"),
                ("model.per_layer_projection_norm", "per_layer_proj_norm"),
            ],
            []).Globals,
    };

    public static readonly GgufNames Fused = Usual.With(
        ("self_attn.qkv_proj", "attn_qkv"), ("mlp.gate_up_proj", "ffn_up"));

    public static readonly GgufNames Gpt2 = GgufNames.Of(
        "transformer.h.",
        [
            ("transformer.wte", "token_embd"), ("transformer.wpe", "position_embd"),
            ("transformer.ln_f", "output_norm"), ("lm_head", "output"),
        ],
        [
            ("ln_1", "attn_norm"), ("attn.c_attn", "attn_qkv"), ("attn.c_proj", "attn_output"),
            ("ln_2", "ffn_norm"), ("mlp.c_fc", "ffn_up"), ("mlp.c_proj", "ffn_down"),
        ]);

    private static readonly (string, string)[] DenseMlp =
        [("mlp.dense_h_to_4h", "ffn_up"), ("mlp.dense_4h_to_h", "ffn_down")];

    public static readonly GgufNames WordEmbeddings = GgufNames.Of(
        "transformer.h.",
        [
            ("transformer.word_embeddings", "token_embd"),
            ("transformer.word_embeddings_layernorm", "token_embd_norm"),
            ("transformer.ln_f", "output_norm"), ("lm_head", "output"),
        ],
        [
            ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm"),
            ("self_attention.query_key_value", "attn_qkv"), ("self_attention.dense", "attn_output"),
            // Falcon with two norms: the second one is attention's.
            ("ln_attn", "attn_norm_2"), ("ln_mlp", "attn_norm"),
            .. DenseMlp,
        ]);

    public static readonly GgufNames NeoX = GgufNames.Of(
        "gpt_neox.layers.",
        [
            ("gpt_neox.embed_in", "token_embd"), ("gpt_neox.final_layer_norm", "output_norm"),
            ("embed_out", "output"),
        ],
        [
            ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm"),
            ("attention.query_key_value", "attn_qkv"), ("attention.dense", "attn_output"), .. DenseMlp,
        ]);

    public static readonly GgufNames Mpt = GgufNames.Of(
        "transformer.blocks.",
        [("transformer.wte", "token_embd"), ("transformer.norm_f", "output_norm"), ("lm_head", "output")],
        [
            ("norm_1", "attn_norm"), ("attn.Wqkv", "attn_qkv"), ("attn.out_proj", "attn_output"),
            ("norm_2", "ffn_norm"), ("ffn.up_proj", "ffn_up"), ("ffn.down_proj", "ffn_down"),
        ]);

    public static readonly GgufNames Phi = GgufNames.Of(
        "model.layers.",
        [.. UsualGlobals, ("model.final_layernorm", "output_norm")],
        [
            .. UsualAttention, ("self_attn.dense", "attn_output"), ("mlp.fc1", "ffn_up"), ("mlp.fc2", "ffn_down"),
        ]);
}
