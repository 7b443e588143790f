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
            ["Gemma4ForCausalLM"] = Gemma4.Build,
            ["GlmForCausalLM"] = Glm.Build,
            ["Glm4ForCausalLM"] = Glm.BuildGlm4,
            ["GPT2LMHeadModel"] = Gpt2.Build,
            ["GPTBigCodeForCausalLM"] = GptBigCode.Build,
            ["GPTJForCausalLM"] = GptJ.Build,
            ["GPTNeoXForCausalLM"] = GptNeoX.Build,
            ["GraniteForCausalLM"] = Granite.Build,
            ["HunYuanDenseV1ForCausalLM"] = HunYuan.Build,
            ["LlamaForCausalLM"] = Llama.Build,
            ["LLaMAForCausalLM"] = Llama.Build,
            ["MinistralForCausalLM"] = Mistral.Build,
            ["Ministral3ForCausalLM"] = Ministral3.Build,
            ["MistralForCausalLM"] = Mistral.Build,
            ["MptForCausalLM"] = Mpt.Build,
            ["MPTForCausalLM"] = Mpt.Build,
            ["NemotronForCausalLM"] = Nemotron.Build,
            ["OlmoForCausalLM"] = Olmo.Build,
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
            ["XverseForCausalLM"] = Llama.Build,
            ["YiForCausalLM"] = Llama.Build,
        };

    // Models of whole texts; those made of a decoder are found by the decoder's name.
    private static readonly Dictionary<string, Func<ModelBuilder, DecoderModel>> _encoders =
        new(StringComparer.Ordinal)
        {
            ["Bert"] = Bert.Build,
            ["Roberta"] = Bert.BuildRoberta,
            ["XLMRoberta"] = Bert.BuildRoberta,
            ["NomicBert"] = NomicBert.Build,
            ["ModernBert"] = ModernBert.Build,
        };

    private static readonly string[] _endings =
        ["ForSequenceClassification", "ForMaskedLM", "ForPreTraining", "ForTextEncoding", "TextModel", "Model"];

    public static IEnumerable<string> Names => _builders.Keys.Order(StringComparer.Ordinal);

    /// <summary>True for a class that sees both sides of a token.</summary>
    public static bool IsEncoder(string architecture) =>
        _encoders.Keys.Any(family => architecture.StartsWith(family, StringComparison.Ordinal));

    /// <summary>True if the first class that is known has no output matrix and can only be pooled.</summary>
    public static bool IsForPooling(IReadOnlyList<string> architectures) =>
        architectures.FirstOrDefault(name => FindForPooling(name) is not null) is string known
        && !_builders.ContainsKey(known);

    /// <summary>The first class that is known: repositories with code of their own may name theirs before it.</summary>
    /// <exception cref="EngineException">Unsupported names the first if none is.</exception>
    public static string Choose(IReadOnlyList<string> architectures, ModelPurpose purpose)
    {
        foreach (string name in architectures)
        {
            if (purpose == ModelPurpose.Pool ? FindForPooling(name) is not null : _builders.ContainsKey(name))
                return name;
        }

        Find(architectures[0], purpose);
        return architectures[0];
    }

    public static Func<ModelBuilder, DecoderModel> Find(
        string architecture, ModelPurpose purpose = ModelPurpose.Generate) =>
        purpose == ModelPurpose.Pool
            ? FindForPooling(architecture) ?? throw new EngineException(
                EngineStatus.Unsupported,
                $"config.json: architectures: expected an encoder of {string.Join(", ", _encoders.Keys)} or a decoder "
                + $"of {string.Join(", ", Names)}; found \"{architecture}\"",
                "architectures")
            : FindForGeneration(architecture);

    // "Qwen3ForSequenceClassification" and "Qwen3Model" have the layers of "Qwen3ForCausalLM".
    private static Func<ModelBuilder, DecoderModel>? FindForPooling(string architecture)
    {
        if (_builders.TryGetValue(architecture, out Func<ModelBuilder, DecoderModel>? build)) return build;
        foreach (string ending in _endings)
        {
            if (!architecture.EndsWith(ending, StringComparison.Ordinal)) continue;
            string family = architecture[..^ending.Length];
            return _encoders.TryGetValue(family, out build) || _builders.TryGetValue(family + "ForCausalLM", out build)
                ? build
                : null;
        }

        return null;
    }

    private static Func<ModelBuilder, DecoderModel> FindForGeneration(string architecture) =>
        _builders.TryGetValue(architecture, out Func<ModelBuilder, DecoderModel>? build)
            ? build
            : throw new EngineException(
                EngineStatus.Unsupported,
                $"config.json: architectures: expected one of {string.Join(", ", Names)}; found \"{architecture}\"",
                "architectures");

    /// <summary>Tensors on top of the layers, which pooling reads by itself if it needs them.</summary>
    public static bool IsHead(string name) =>
        name.StartsWith("classifier.", StringComparison.Ordinal) ||
        name.StartsWith("score.", StringComparison.Ordinal) ||
        name.StartsWith("head.", StringComparison.Ordinal) ||
        name.StartsWith("cls.", StringComparison.Ordinal) ||
        name.StartsWith("lm_head.", StringComparison.Ordinal) ||
        name.StartsWith("decoder.", StringComparison.Ordinal) ||
        name.StartsWith("pooler.", StringComparison.Ordinal) ||
        name.Contains(".pooler.", StringComparison.Ordinal);

    /// <summary>Tensors that old checkpoints carry and that no model uses.</summary>
    public static bool IsStray(string name, bool isTied) =>
        name.EndsWith(".position_ids", StringComparison.Ordinal) ||
        name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal) ||
        name.EndsWith(".masked_bias", StringComparison.Ordinal) ||
        name.EndsWith(".attn.bias", StringComparison.Ordinal) ||
        name.EndsWith(".attention.bias", StringComparison.Ordinal) ||
        (isTied && name is "lm_head.weight");
}
