using Engine.Models.Architectures;

namespace Engine.Models;

/// <summary>Architectures by the name that config.json gives them.</summary>
internal static class ArchitectureRegistry
{
    private static readonly Dictionary<string, Func<ModelBuilder, DecoderModel>> _builders =
        new(StringComparer.Ordinal)
        {
            ["LlamaForCausalLM"] = Llama.Build,
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
