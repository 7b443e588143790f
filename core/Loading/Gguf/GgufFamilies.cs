namespace Engine.Loading.Gguf;

/// <summary>Families by general.architecture, as llama.cpp's converter writes them.</summary>
internal static class GgufFamilies
{
    private static readonly (string, string) GeluTanh = ("hidden_act", "gelu_pytorch_tanh");

    private static readonly GgufFamily Llama = new("LlamaForCausalLM", "llama", GgufFamilyNames.Usual)
    {
        PairsHeads = true,
        More = GgufFamilyKeys.Biases,
    };

    /// <summary>Llama and what differs from it by little.</summary>
    private static readonly Dictionary<string, GgufFamily> Llamas = new(StringComparer.Ordinal)
    {
        ["llama"] = Llama,
        ["internlm2"] = Llama,
        ["xverse"] = Llama,
        ["exaone"] = Llama with { PairsHeads = false },
        ["mistral3"] = new("Ministral3ForCausalLM", "ministral3", GgufFamilyNames.Usual) { PairsHeads = true },
        ["smollm3"] = new("SmolLM3ForCausalLM", "smollm3", GgufFamilyNames.Usual)
        {
            PairsHeads = true,
            More = GgufFamilyKeys.SmolLM3,
        },
        ["granite"] = new("GraniteForCausalLM", "granite", GgufFamilyNames.Usual)
        {
            PairsHeads = true,
            More = GgufFamilyKeys.Granite,
        },
        ["arcee"] = new("ArceeForCausalLM", "arcee", GgufFamilyNames.Usual)
        {
            PairsHeads = true,
            Activation = ("hidden_act", "relu2"),
            More = GgufFamilyKeys.Biases,
        },
        ["olmo"] = new("OlmoForCausalLM", "olmo", GgufFamilyNames.Usual)
        {
            PairsHeads = true,
            Epsilon = "layer_norm_eps",
            More = GgufFamilyKeys.Olmo,
        },
        ["apertus"] = new(
            "ApertusForCausalLM", "apertus",
            GgufFamilyNames.Usual.With(("attention_layernorm", "attn_norm"), ("feedforward_layernorm", "ffn_norm")))
        {
            More = GgufFamilyKeys.Biases,
        },
        ["qwen2"] = new("Qwen2ForCausalLM", "qwen2", GgufFamilyNames.Usual),
        ["qwen3"] = new("Qwen3ForCausalLM", "qwen3", GgufFamilyNames.Usual) { More = GgufFamilyKeys.Biases },
        ["ernie4_5"] = new("Ernie4_5ForCausalLM", "ernie4_5", GgufFamilyNames.Usual) { More = GgufFamilyKeys.Biases },
        ["seed_oss"] = new(
            "SeedOssForCausalLM", "seed_oss", GgufFamilyNames.Usual.With(("post_attention_layernorm", "post_attention_norm")))
        {
            More = GgufFamilyKeys.Biases,
        },
        ["hunyuan-dense"] = new(
            "HunYuanDenseV1ForCausalLM", "hunyuan_v1_dense",
            GgufFamilyNames.Usual.With(("self_attn.query_layernorm", "attn_q_norm"), ("self_attn.key_layernorm", "attn_k_norm")))
        {
            HasRopeAlpha = true,
            More = GgufFamilyKeys.HunYuan,
        },
    };

    /// <summary>Norms, windows and scales of their own.</summary>
    private static readonly Dictionary<string, GgufFamily> Others = new(StringComparer.Ordinal)
    {
        ["gemma"] = new("GemmaForCausalLM", "gemma", GgufFamilyNames.Usual)
        {
            ShiftsNorms = true,
            Activation = ("hidden_activation", "gelu_pytorch_tanh"),
        },
        ["gemma2"] = new("Gemma2ForCausalLM", "gemma2", GgufFamilyNames.Sandwich)
        {
            ShiftsNorms = true,
            WindowPeriod = 2,
            UsualWindow = 4096,
            Activation = ("hidden_activation", "gelu_pytorch_tanh"),
            More = GgufFamilyKeys.Gemma2,
        },
        ["gemma3"] = new("Gemma3ForCausalLM", "gemma3_text", GgufFamilyNames.Sandwich)
        {
            ShiftsNorms = true,
            WindowPeriod = 6,
            Activation = ("hidden_activation", "gelu_pytorch_tanh"),
            More = GgufFamilyKeys.Gemma3,
        },
        ["gemma4"] = new("Gemma4ForCausalLM", "gemma4_text", GgufFamilyNames.Gemma4)
        {
            HasTwoKindsOfHeads = true,
            WindowPeriod = 6,
            Activation = ("hidden_activation", "gelu_pytorch_tanh"),
            More = GgufGemma4.Write,
        },
        ["phi3"] = new("Phi3ForCausalLM", "phi3", GgufFamilyNames.Fused) { More = GgufFamilyKeys.Window },
        ["olmo2"] = new("Olmo2ForCausalLM", "olmo2", GgufFamilyNames.NormsBehind) { More = GgufFamilyKeys.Biases },
        ["command-r"] = new("CohereForCausalLM", "cohere", GgufFamilyNames.Usual)
        {
            Epsilon = "layer_norm_eps",
            More = GgufFamilyKeys.Cohere,
        },
        ["cohere2"] = new("Cohere2ForCausalLM", "cohere2", GgufFamilyNames.Usual)
        {
            Epsilon = "layer_norm_eps",
            WindowPeriod = 4,
            More = GgufFamilyKeys.Cohere,
        },
        ["glm4"] = new(
            "Glm4ForCausalLM", "glm4",
            GgufFamilyNames.Fused.With(
                ("post_self_attn_layernorm", "post_attention_norm"), ("post_mlp_layernorm", "post_ffw_norm")))
        {
            More = GgufFamilyKeys.Biases,
        },
        ["exaone4"] = new("Exaone4ForCausalLM", "exaone4", GgufFamilyNames.NormsBehind) { WindowPeriod = 4 },
        ["nemotron"] = new("NemotronForCausalLM", "nemotron", GgufFamilyNames.Usual)
        {
            ShiftsNorms = true,
            Epsilon = "norm_eps",
            Activation = ("hidden_act", "relu2"),
            More = GgufFamilyKeys.Biases,
        },
    };

    /// <summary>Layer norms, fused q, k, v or plain feed-forward layers.</summary>
    private static readonly Dictionary<string, GgufFamily> Older = new(StringComparer.Ordinal)
    {
        ["starcoder2"] = new(
            "Starcoder2ForCausalLM", "starcoder2", GgufFamilyNames.Usual.With(("mlp.c_fc", "ffn_up"), ("mlp.c_proj", "ffn_down")))
        {
            Epsilon = "norm_epsilon",
            Activation = GeluTanh,
            More = GgufFamilyKeys.Starcoder2,
        },
        ["starcoder"] = new("GPTBigCodeForCausalLM", "gpt_bigcode", GgufFamilyNames.Gpt2)
        {
            Epsilon = "layer_norm_epsilon",
            Activation = ("activation_function", "gelu_pytorch_tanh"),
            More = GgufFamilyKeys.GptBigCode,
        },
        ["gpt2"] = new("GPT2LMHeadModel", "gpt2", GgufFamilyNames.Gpt2)
        {
            Epsilon = "layer_norm_epsilon",
            Activation = ("activation_function", "gelu_new"),
            More = GgufFamilyKeys.Inner,
        },
        ["gptneox"] = new("GPTNeoXForCausalLM", "gpt_neox", GgufFamilyNames.NeoX)
        {
            SortsQkv = true,
            Epsilon = "layer_norm_eps",
            Activation = ("hidden_act", "gelu"),
            More = GgufFamilyKeys.GptNeoX,
        },
        ["bloom"] = new("BloomForCausalLM", "bloom", GgufFamilyNames.WordEmbeddings)
        {
            SortsQkv = true,
            Epsilon = "layer_norm_epsilon",
        },
        ["falcon"] = new("FalconForCausalLM", "falcon", GgufFamilyNames.WordEmbeddings)
        {
            SortsQkv = true,
            Epsilon = "layer_norm_epsilon",
            Activation = ("activation", "gelu"),
            More = GgufFamilyKeys.Falcon,
        },
        ["mpt"] = new("MptForCausalLM", "mpt", GgufFamilyNames.Mpt)
        {
            Epsilon = "layer_norm_epsilon",
            More = GgufFamilyKeys.Mpt,
        },
        ["stablelm"] = new(
            "StableLmForCausalLM", "stablelm",
            GgufFamilyNames.Usual.With(("self_attn.q_layernorm", "attn_q_norm"), ("self_attn.k_layernorm", "attn_k_norm")))
        {
            Epsilon = "layer_norm_eps",
            More = GgufFamilyKeys.StableLm,
        },
        ["phi2"] = new("PhiForCausalLM", "phi", GgufFamilyNames.Phi)
        {
            Epsilon = "layer_norm_eps",
            Activation = ("hidden_act", "gelu_new"),
        },
    };

    private static readonly Dictionary<string, GgufFamily> All =
        new([.. Llamas, .. Others, .. Older], StringComparer.Ordinal);

    // OLMo 3 says it is OLMo 2 with windows.
    private static readonly GgufFamily Olmo3 =
        All["olmo2"] with { Architecture = "Olmo3ForCausalLM", ModelType = "olmo3", WindowPeriod = 4 };

    /// <summary>The names that are known.</summary>
    public static IEnumerable<string> Names => All.Keys.Order(StringComparer.Ordinal);

    /// <summary>The family of a model.</summary>
    public static GgufFamily Of(GgufModel model)
    {
        string name = model.Metadata.Text("general.architecture");
        if (!All.TryGetValue(name, out GgufFamily? family))
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"{model.Name}: general.architecture: expected one of {string.Join(", ", Names)}; found \"{name}\"",
                "model");
        }
        bool isOlmo3 = name == "olmo2" && model.Metadata.Number("olmo2.attention.sliding_window", 0) > 0;
        return isOlmo3 ? Olmo3 : family;
    }
}
