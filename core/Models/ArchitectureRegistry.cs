using Engine.Models.Architectures;

namespace Engine.Models;

/// <summary>Architectures by the name that config.json gives them.</summary>
internal static class ArchitectureRegistry
{
    private static readonly Dictionary<string, Func<ModelBuilder, DecoderModel>> _builders =
        new(StringComparer.Ordinal)
        {
            ["ApertusForCausalLM"] = Apertus.Build,
            ["ArceeForCausalLM"] = Arcee.Build,
            ["BloomForCausalLM"] = Bloom.Build,
            ["CohereForCausalLM"] = Cohere.Build,
            ["Cohere2ForCausalLM"] = Cohere.BuildCohere2,
            ["Ernie4_5ForCausalLM"] = Ernie45.Build,
            ["Exaone4ForCausalLM"] = Exaone4.Build,
            ["FalconForCausalLM"] = Falcon.Build,
            ["GemmaForCausalLM"] = Gemma.Build,
            ["Gemma2ForCausalLM"] = Gemma.BuildGemma2,
            ["Gemma3ForCausalLM"] = Gemma.BuildGemma3,
            ["GlmForCausalLM"] = Glm.Build,
            ["Glm4ForCausalLM"] = Glm.BuildGlm4,
            ["GPT2LMHeadModel"] = Gpt2.Build,
            ["GPTBigCodeForCausalLM"] = GptBigCode.Build,
            ["GPTJForCausalLM"] = GptJ.Build,
            ["GPTNeoXForCausalLM"] = GptNeoX.Build,
            ["GraniteForCausalLM"] = Granite.Build,
            ["HunYuanDenseV1ForCausalLM"] = HunYuan.Build,
            ["LlamaForCausalLM"] = Llama.Build,
            ["MinistralForCausalLM"] = Mistral.Build,
            ["Ministral3ForCausalLM"] = Ministral3.Build,
            ["MistralForCausalLM"] = Mistral.Build,
            ["MptForCausalLM"] = Mpt.Build,
            ["MPTForCausalLM"] = Mpt.Build,
            ["NemotronForCausalLM"] = Nemotron.Build,
            ["Olmo2ForCausalLM"] = Olmo2.Build,
            ["Olmo3ForCausalLM"] = Olmo2.BuildOlmo3,
            ["OPTForCausalLM"] = Opt.Build,
            ["PhiForCausalLM"] = Phi.Build,
            ["Phi3ForCausalLM"] = Phi3.Build,
            ["Qwen2ForCausalLM"] = Qwen2.Build,
            ["Qwen3ForCausalLM"] = Qwen3.Build,
            ["SeedOssForCausalLM"] = SeedOss.Build,
            ["SmolLM3ForCausalLM"] = SmolLM3.Build,
            ["StableLmForCausalLM"] = StableLm.Build,
            ["Starcoder2ForCausalLM"] = Starcoder2.Build,
        };

    public static IEnumerable<string> Names => _builders.Keys.Order(StringComparer.Ordinal);

    public static Func<ModelBuilder, DecoderModel> Find(string architecture) =>
        _builders.TryGetValue(architecture, out Func<ModelBuilder, DecoderModel>? build)
            ? build
            : throw new EngineException(
                EngineStatus.Unsupported,
                $"config.json: architectures: expected one of {string.Join(", ", Names)}; found \"{architecture}\"",
                "architectures");

    /// <summary>Tensors that old checkpoints carry and that no model uses.</summary>
    public static bool IsStray(string name, bool isTied) =>
        name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal) ||
        name.EndsWith(".masked_bias", StringComparison.Ordinal) ||
        name.EndsWith(".attn.bias", StringComparison.Ordinal) ||
        name.EndsWith(".attention.bias", StringComparison.Ordinal) ||
        (isTied && name is "lm_head.weight");
}
